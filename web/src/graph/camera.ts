/** Which part of a layout shows, and how large. Listeners are told at most once a frame. */
import type { Frame } from "./routes";

export interface View {
  /** Where the layout's origin is, in pixels from the pane's top left corner. */
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const ZOOM = { least: 0.02, most: 2, legible: 0.62, start: 0.85 } as const;
const MARGIN = 24;

export class Camera {
  view: View = { x: 0, y: 0, zoom: 1 };
  size: Size = { width: 0, height: 0 };
  world: Size = { width: 0, height: 0 };
  /** Somebody moved it: it does not move by itself any more. */
  held = false;
  private readonly listeners = new Set<() => void>();
  private frame = 0;
  private first: ((pane: Size) => View) | null = null;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  show(view: View): void {
    this.view = within(view, this.world, this.size);
    if (this.frame === 0) this.frame = requestAnimationFrame(this.tell);
  }

  /** Tell the listeners now: for what has to be in the frame that is being made. */
  tell = (): void => {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    for (const listener of this.listeners) listener();
  };

  pan(x: number, y: number): void {
    this.held = true;
    this.show({ ...this.view, x: this.view.x + x, y: this.view.y + y });
  }

  /** Zoom by a factor around a point of the pane, by default its middle. */
  zoomBy(factor: number, x = this.size.width / 2, y = this.size.height / 2): void {
    this.held = true;
    const least = Math.min(fitting(this.world, this.size), ZOOM.legible, 1) * 0.8;
    const zoom = Math.min(ZOOM.most, Math.max(least, ZOOM.least, this.view.zoom * factor));
    const share = zoom / this.view.zoom;
    this.show({ x: x - (x - this.view.x) * share, y: y - (y - this.view.y) * share, zoom });
  }

  /** Show a new layout: as `first` has it, or where somebody looks already, right there. */
  open(world: Size, first: (pane: Size) => View): void {
    this.world = { width: world.width, height: world.height };
    this.first = first;
    this.show(this.held ? this.view : first(this.size));
  }

  /** The pane has another size now. */
  resize(size: Size): void {
    this.size = size;
    if (this.first !== null) this.show(this.held ? this.view : this.first(size));
  }

  fit(): void {
    this.show(fitted(this.world, this.size));
  }

  /** Move no further than it takes to have all of a frame in the pane. */
  reveal(frame: Frame): void {
    this.show(revealing(this.view, this.size, frame));
  }

  /** Put the middle of a frame in the middle of the pane. */
  centre(frame: Frame, zoom = this.view.zoom): void {
    const { width, height } = this.size;
    this.show({ x: width / 2 - (frame.x + frame.width / 2) * zoom, y: height / 2 - (frame.y + frame.height / 2) * zoom, zoom });
  }

  /** The part of the layout that is in the pane. */
  seen(margin = 0): Frame {
    const { x, y, zoom } = this.view;
    return {
      x: (-x - margin) / zoom, y: (-y - margin) / zoom, width: (this.size.width + 2 * margin) / zoom, height: (this.size.height + 2 * margin) / zoom,
    };
  }
}

/** The zoom at which everything is in the pane. */
export function fitting(world: Size, size: Size): number {
  if (world.width === 0 || world.height === 0) return 1;
  return Math.max(ZOOM.least, Math.min((size.width - 2 * MARGIN) / world.width, (size.height - 2 * MARGIN) / world.height));
}

/** Everything, in the middle of the pane, never larger than life. */
export function fitted(world: Size, size: Size): View {
  const zoom = Math.min(1, fitting(world, size));
  return { x: (size.width - world.width * zoom) / 2, y: (size.height - world.height * zoom) / 2, zoom };
}

/** All of it where that is legible; otherwise legible, with `focus` in the middle, or its beginning. */
export function opening(world: Size, size: Size, focus: Frame | null, first: Frame | null): View {
  const whole = fitted(world, size);
  if (whole.zoom >= ZOOM.legible) return whole;
  const zoom = ZOOM.start;
  const at = focus ?? first;
  if (at === null) return whole;
  const place = (length: number, start: number, extent: number, total: number) => {
    if (total * zoom + 2 * MARGIN <= length) return (length - total * zoom) / 2;
    return Math.min(MARGIN, Math.max(length - total * zoom - MARGIN, length / 2 - (start + extent / 2) * zoom));
  };
  return { x: place(size.width, at.x, at.width, world.width), y: place(size.height, at.y, at.height, world.height), zoom };
}

export function revealing(view: View, size: Size, frame: Frame): View {
  const shift = (position: number, length: number, start: number, extent: number) => {
    const [from, to] = [start * view.zoom + position, (start + extent) * view.zoom + position];
    if (from < MARGIN || to - from > length - 2 * MARGIN) return position + MARGIN - from;
    return to > length - MARGIN ? position + length - MARGIN - to : position;
  };
  const inside = (position: number, length: number, start: number, extent: number) => {
    const [from, to] = [start * view.zoom + position, (start + extent) * view.zoom + position];
    return from >= 0 && to <= length ? position : shift(position, length, start, extent);
  };
  return { ...view, x: inside(view.x, size.width, frame.x, frame.width), y: inside(view.y, size.height, frame.y, frame.height) };
}

/** Some of the layout always stays in the pane. */
export function within(view: View, world: Size, size: Size): View {
  const keep = (position: number, length: number, extent: number) => {
    const least = Math.min(120, length / 2, extent * view.zoom);
    return Math.min(length - least, Math.max(least - extent * view.zoom, position));
  };
  return { zoom: view.zoom, x: keep(view.x, size.width, world.width), y: keep(view.y, size.height, world.height) };
}
