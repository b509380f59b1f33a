/** How edges run between the boxes of a level. Curves bend in the gaps between steps only, so that they pass no box. */
import type { Direction } from "./topology";

export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Points of cubic curves: the start, then two controls and an end for each. */
export interface EdgePath {
  readonly points: readonly number[];
  readonly label: Point | null;
  readonly bounds: Frame;
}

interface Way {
  readonly points: readonly Point[];
  readonly label: Point | null;
  /** The label's. */
  readonly size: { readonly width: number; readonly height: number };
}

export function overlap(one: Frame, other: Frame): boolean {
  return one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;
}

/** The axes of a direction: `along` the steps and `across` them. */
const turn = (point: Point, direction: Direction): Point => (direction === "right" ? point : { x: point.y, y: point.x });
const turnFrame = (frame: Frame, direction: Direction): Frame =>
  direction === "right" ? frame : { x: frame.y, y: frame.x, width: frame.height, height: frame.width };

/** An edge to a later step, through the places that the layout kept free for it. */
export function forwardPath(from: Frame, to: Frame, way: Way, steps: readonly Step[], direction: Direction): EdgePath {
  const [source, target] = [turnFrame(from, direction), turnFrame(to, direction)];
  const start = { x: source.x + source.width, y: source.y + source.height / 2 };
  const end = { x: target.x, y: target.y + target.height / 2 };
  const places = way.points.map((point) => turn(point, direction)).filter((point) => point.x > start.x && point.x < end.x);
  const label = way.label === null ? null : turn(way.label, direction);
  const through = places.flatMap((place) => straightPast(place, label, steps, start.x, end.x));
  return pathOf(smooth([start, ...through, end]), way.label, direction, way.size);
}

/** Where the boxes of a step begin and end, along the direction. */
export interface Step {
  readonly from: number;
  readonly to: number;
}

/** The steps of a level: boxes that stand beside each other. */
export function stepsOf(frames: readonly Frame[], direction: Direction): Step[] {
  const extents = frames.map((frame) => turnFrame(frame, direction)).map((frame) => ({ from: frame.x, to: frame.x + frame.width }));
  const steps: { from: number; to: number }[] = [];
  for (const extent of extents.sort((one, other) => one.from - other.from)) {
    const last = steps.at(-1);
    if (last !== undefined && extent.from < last.to) last.to = Math.max(last.to, extent.to);
    else steps.push({ ...extent });
  }
  return steps;
}

/** The stretch on which an edge passes a step, from where its boxes begin to where they end; nothing but a label holds it between steps. */
function straightPast(place: Point, label: Point | null, steps: readonly Step[], from: number, to: number): Point[] {
  const step = steps.find((each) => each.from < place.x && each.to > place.x);
  if (step === undefined) return label !== null && Math.abs(label.x - place.x) < 1 ? [place] : [];
  return [{ x: Math.max(from, step.from), y: place.y }, { x: Math.min(to, step.to), y: place.y }];
}

const GAP = 20;
const LANE = 26;

/**
 * An edge to an earlier step: around everything between its ends, in a lane of its own beside the boxes.
 * `lanes` are those taken so far, and gets this one.
 */
export function backPath(
  from: Frame, to: Frame, frames: readonly Frame[], lanes: Frame[], direction: Direction, label: { width: number; height: number },
): EdgePath {
  const [source, target] = [turnFrame(from, direction), turnFrame(to, direction)];
  const after = source.x + source.width + GAP;
  const before = target.x - GAP;
  const meets = (frame: Frame) => frame.x < after && frame.x + frame.width > before;
  const boxes = frames.map((frame) => turnFrame(frame, direction)).filter(meets);
  const lane = Math.max(...[...boxes, ...lanes.filter(meets)].map((frame) => frame.y + frame.height)) + LANE;
  const thick = direction === "right" ? label.height : label.width;
  lanes.push({ x: before, y: lane - thick / 2, width: after - before, height: thick });
  const [startY, endY] = [source.y + source.height / 2, target.y + target.height / 2];
  const around = [
    { x: source.x + source.width, y: startY }, { x: after, y: startY }, { x: after, y: lane }, { x: before, y: lane }, { x: before, y: endY },
    { x: target.x, y: endY },
  ];
  const [sourceX, targetX] = [source.x + source.width / 2, target.x + target.width / 2];
  const free = (x: number, box: Frame) => boxes.every((frame) => frame.y <= box.y || frame.x >= x || frame.x + frame.width <= x);
  const aside = from !== to && free(sourceX, source) && free(targetX, target);
  const under = [{ x: sourceX, y: source.y + source.height }, { x: sourceX, y: lane }, { x: targetX, y: lane }, { x: targetX, y: target.y + target.height }];
  const corners = aside ? under : around;
  const middle = turn({ x: (before + after) / 2, y: lane }, direction);
  return pathOf(rounded(corners, 10), label.width > 0 ? middle : null, direction, label);
}

/** S-shaped curves between points that follow each other along the steps, straight where they are level. */
function smooth(points: readonly Point[]): number[] {
  const path = [points[0]!.x, points[0]!.y];
  for (let at = 1; at < points.length; at += 1) {
    const [from, to] = [points[at - 1]!, points[at]!];
    const middle = (from.x + to.x) / 2;
    path.push(middle, from.y, middle, to.y, to.x, to.y);
  }
  return path;
}

function rounded(corners: readonly Point[], radius: number): number[] {
  const path = [corners[0]!.x, corners[0]!.y];
  const straight = (to: Point) => path.push(path.at(-2)!, path.at(-1)!, to.x, to.y, to.x, to.y);
  for (let at = 1; at < corners.length - 1; at += 1) {
    const corner = corners[at]!;
    const enter = towards(corner, corners[at - 1]!, radius);
    const leave = towards(corner, corners[at + 1]!, radius);
    straight(enter);
    path.push(corner.x, corner.y, corner.x, corner.y, leave.x, leave.y);
  }
  straight(corners.at(-1)!);
  return path;
}

function towards(from: Point, to: Point, by: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(by, length / 2) / length;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

function pathOf(along: readonly number[], label: Point | null, direction: Direction, size = { width: 0, height: 0 }): EdgePath {
  const points = direction === "right" ? along : along.map((_, at) => along[at % 2 === 0 ? at + 1 : at - 1]!);
  const rounded = points.map((value) => Math.round(value * 10) / 10);
  const xs = rounded.filter((_, at) => at % 2 === 0);
  const ys = rounded.filter((_, at) => at % 2 === 1);
  if (label !== null) {
    xs.push(label.x - size.width / 2, label.x + size.width / 2);
    ys.push(label.y - size.height / 2, label.y + size.height / 2);
  }
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { points: rounded, label, bounds: { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y } };
}

/** As the `d` of an SVG path. */
export function svgPath(points: readonly number[]): string {
  let path = `M${points[0]} ${points[1]}`;
  for (let at = 2; at < points.length; at += 6) path += `C${points.slice(at, at + 6).join(" ")}`;
  return path;
}

/** The three corners of the head of an edge's arrow. */
export function headOf(points: readonly number[]): [Point, Point, Point] {
  const [x, y] = [points.at(-2)!, points.at(-1)!];
  let at = points.length - 4;
  while (at > 0 && points[at] === x && points[at + 1] === y) at -= 2;
  const length = Math.hypot(x - points[at]!, y - points[at + 1]!) || 1;
  const [alongX, alongY] = [(x - points[at]!) / length, (y - points[at + 1]!) / length];
  const corner = (side: number) => ({ x: x - 8 * alongX - side * alongY, y: y - 8 * alongY + side * alongX });
  return [{ x, y }, corner(4.5), corner(-4.5)];
}
