/** A large graph as a whole, with the part that shows; a click or a drag in it goes there. The keyboard has no need of it. */
import { useEffect, useRef, type PointerEvent } from "react";
import type { Camera } from "./camera";
import type { Layout } from "./layout";
import { onThemeChange, paletteOf } from "./palette";
import { subscribeAll, type NodeSource } from "./source";

const MOST = { width: 176, height: 120 } as const;
/** How often it follows the run, in milliseconds. */
const PACE = 300;

export function Minimap({ layout, source, camera }: { layout: Layout; source: NodeSource | null; camera: Camera }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const window = useRef<HTMLDivElement>(null);
  const scale = Math.min(MOST.width / layout.width, MOST.height / layout.height);
  const [width, height] = [Math.max(12, layout.width * scale), Math.max(12, layout.height * scale)];

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d") ?? null;
    if (element === null || context === null) return;
    let palette = paletteOf(element);
    let timer: ReturnType<typeof setTimeout> | null = null;
    const draw = () => {
      timer = null;
      const ratio = Math.min(2, devicePixelRatio || 1);
      [element.width, element.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      context.setTransform(scale * ratio, 0, 0, scale * ratio, 0, 0);
      const least = 1.5 / scale;
      for (const box of layout.boxes) {
        context.fillStyle = source === null ? palette.strong : palette.tone[source.node(box.id)?.status ?? "PENDING"];
        context.globalAlpha = box.open ? 0.15 : 0.8;
        context.fillRect(box.x, box.y, Math.max(least, box.width), Math.max(least, box.height));
      }
    };
    const request = () => {
      timer ??= setTimeout(draw, PACE);
    };
    draw();
    const endNodes = subscribeAll(source, layout.boxes.map((box) => box.id), request);
    const endTheme = onThemeChange(() => { palette = paletteOf(element); request(); });
    return () => {
      if (timer !== null) clearTimeout(timer);
      endNodes();
      endTheme();
    };
  }, [layout, source, width, height, scale]);
  useEffect(() => {
    const follow = () => {
      const { x, y, width: wide, height: high } = camera.seen();
      const style = window.current?.style;
      if (style === undefined) return;
      style.transform = `translate(${x * scale}px, ${y * scale}px)`;
      style.width = `${wide * scale}px`;
      style.height = `${high * scale}px`;
    };
    follow();
    return camera.subscribe(follow);
  }, [camera, scale]);
  const go = (event: PointerEvent<HTMLElement>) => {
    if (event.buttons !== 1) return;
    const corner = event.currentTarget.getBoundingClientRect();
    camera.held = true;
    camera.centre({ x: (event.clientX - corner.x) / scale, y: (event.clientY - corner.y) / scale, width: 0, height: 0 });
  };
  return (
    <div className="graph-map" aria-hidden="true" style={{ width, height }} onPointerDown={go} onPointerMove={go}>
      <canvas ref={canvas} />
      <div className="graph-map-window" ref={window} />
    </div>
  );
}
