/** Drag pans, Ctrl and wheel or a pinch zooms. The plain wheel, and one finger up and down, belong to the page. */
import type { Camera } from "./camera";

/** How far a pointer may move and still be a click, in pixels. */
const SLACK = 4;

interface Pointer {
  x: number;
  y: number;
}

/** Until the function that it gives is called. `onDrag` is told when a drag begins and ends. */
export function followGestures(element: HTMLElement, camera: Camera, onDrag: (dragging: boolean) => void): () => void {
  const pointers = new Map<number, Pointer>();
  let start: Pointer | null = null;
  let dragging = false;
  let dragged = false;

  const down = (event: PointerEvent) => {
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest("button") !== null)) return;
    dragged = false;
    pointers.set(event.pointerId, at(event));
    start = pointers.size === 1 ? at(event) : start;
  };
  const begin = (event: PointerEvent) => {
    dragging = dragged = true;
    element.setPointerCapture(event.pointerId);
    onDrag(true);
  };
  const move = (event: PointerEvent) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined || start === null) return;
    const now = at(event);
    if (!dragging && pointers.size === 1 && distance(start, now) < SLACK) return;
    if (!dragging) begin(event);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (other === undefined) {
      camera.pan(now.x - before.x, now.y - before.y);
      return;
    }
    const corner = element.getBoundingClientRect();
    camera.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    const factor = distance(now, other) / Math.max(1, distance(before, other));
    camera.zoomBy(factor, (now.x + other.x) / 2 - corner.x, (now.y + other.y) / 2 - corner.y);
  };
  const up = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    if (pointers.size > 0) return;
    start = null;
    if (!dragging) return;
    dragging = false;
    onDrag(false);
  };
  // The click that ends a drag means nothing.
  const click = (event: MouseEvent) => {
    if (dragged) event.stopPropagation();
    dragged = false;
  };
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const corner = element.getBoundingClientRect();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const turned = Math.max(-60, Math.min(60, event.deltaY * lines));
    camera.zoomBy(Math.exp(-turned / 120), event.clientX - corner.x, event.clientY - corner.y);
  };

  const listening = new AbortController();
  const { signal } = listening;
  element.addEventListener("pointerdown", down, { signal });
  element.addEventListener("pointermove", move, { signal });
  element.addEventListener("pointerup", up, { signal });
  element.addEventListener("pointercancel", up, { signal });
  element.addEventListener("click", click, { signal, capture: true });
  element.addEventListener("wheel", wheel, { signal, passive: false });
  return () => listening.abort();
}

const at = (event: PointerEvent): Pointer => ({ x: event.clientX, y: event.clientY });
const distance = (one: Pointer, other: Pointer): number => Math.hypot(one.x - other.x, one.y - other.y);
