/** Draws a large graph on one canvas: edges always, boxes where they are too small for cards. */
import type { NodeStatus } from "../api/types";
import type { View } from "./camera";
import type { EdgeState } from "./edges";
import type { Box, Line } from "./layout";
import type { Palette } from "./palette";
import { headOf, overlap, type Frame } from "./routes";

/** What one frame shows. */
export interface Picture {
  readonly view: View;
  readonly seen: Frame;
  /** Cards are elements at this zoom; the canvas has the edges alone. */
  readonly cards: boolean;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly palette: Palette;
  readonly name: (id: string) => string;
  readonly label: (line: Line) => string;
  /** Null of a graph that does not run. */
  readonly status: (id: string) => NodeStatus | null;
  readonly edge: (line: Line) => EdgeState;
  readonly selected: string | null;
  readonly focused: string | null;
}

type Context = CanvasRenderingContext2D;

/** Names are drawn from this zoom on; below, a box is its status alone. */
const NAMED = 0.36;
const HEADS = 0.25;
const LABELS = 0.45;
const STATES: readonly EdgeState[] = ["idle", "skipped", "taken", "live"];

export function paint(context: Context, ratio: number, picture: Picture): void {
  const { view, seen } = picture;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(view.zoom * ratio, 0, 0, view.zoom * ratio, view.x * ratio, view.y * ratio);
  const lines = picture.lines.filter((line) => overlap(line.bounds, seen));
  const boxes = picture.boxes.filter((box) => overlap(box, seen));
  if (!picture.cards) for (const box of boxes) if (box.open) paintOpen(context, box, picture);
  paintLines(context, lines, picture);
  if (!picture.cards) for (const box of boxes) if (!box.open) paintBox(context, box, picture);
  if (view.zoom >= LABELS) for (const line of lines) if (line.label !== null) paintLabel(context, line, picture);
}

function paintLines(context: Context, lines: readonly Line[], picture: Picture): void {
  const { palette, view } = picture;
  const colours = { idle: palette.strong, skipped: palette.strong, taken: palette.muted, live: palette.tone.RUNNING };
  for (const state of STATES) {
    const drawn = lines.filter((line) => picture.edge(line) === state);
    context.beginPath();
    for (const line of drawn) trace(context, line.points, view.zoom);
    context.strokeStyle = context.fillStyle = colours[state];
    context.globalAlpha = state === "idle" || state === "skipped" ? 0.7 : 1;
    context.lineWidth = Math.max(state === "idle" || state === "skipped" ? 1.25 : 2, 0.7 / view.zoom);
    context.setLineDash(state === "skipped" ? [3, 5].map((length) => Math.max(length, 2 / view.zoom)) : []);
    context.stroke();
    if (view.zoom >= HEADS) paintHeads(context, drawn);
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** Curves that are too small to tell from straight lines are straight lines. */
function trace(context: Context, points: readonly number[], zoom: number): void {
  context.moveTo(points[0]!, points[1]!);
  for (let at = 2; at < points.length; at += 6) {
    if (zoom < 0.15) context.lineTo(points[at + 4]!, points[at + 5]!);
    else context.bezierCurveTo(points[at]!, points[at + 1]!, points[at + 2]!, points[at + 3]!, points[at + 4]!, points[at + 5]!);
  }
}

function paintHeads(context: Context, lines: readonly Line[]): void {
  context.beginPath();
  for (const line of lines) {
    const [tip, left, right] = headOf(line.points);
    context.moveTo(tip.x, tip.y);
    context.lineTo(left.x, left.y);
    context.lineTo(right.x, right.y);
    context.closePath();
  }
  context.fill();
}

const LOUD: ReadonlySet<NodeStatus | null> = new Set(["RUNNING", "WAITING", "FAILED"]);

function paintBox(context: Context, box: Box, picture: Picture): void {
  const { palette, view } = picture;
  const status = picture.status(box.id);
  const small = view.zoom < NAMED;
  const loud = LOUD.has(status);
  const tone = status === null ? palette.muted : palette.tone[status];
  outline(context, box);
  context.fillStyle = !small || status === null ? palette.raised : loud ? tone : palette.soft[status];
  context.fill();
  context.strokeStyle = loud || (small && status === "COMPLETED") ? tone : palette.strong;
  context.lineWidth = Math.max(1, 0.7 / view.zoom);
  if (status === "SKIPPED") context.setLineDash([4, 4]);
  context.stroke();
  context.setLineDash([]);
  if (status !== null) paintSign(context, box, palette.signs[status], small && loud ? palette.raised : tone, small);
  if (!small) paintName(context, box, picture);
  paintRings(context, box, picture);
}

function paintOpen(context: Context, box: Box, picture: Picture): void {
  const { palette, view } = picture;
  outline(context, box);
  context.globalAlpha = 0.6;
  context.fillStyle = palette.surface;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = palette.strong;
  context.lineWidth = Math.max(1, 0.7 / view.zoom);
  context.stroke();
  if (view.zoom >= NAMED) paintName(context, { ...box, height: 48 }, picture);
  paintRings(context, box, picture);
}

/** The shape of a status: beside the name, or as large as the box allows. */
function paintSign(context: Context, box: Box, sign: Path2D, colour: string, alone: boolean): void {
  const size = alone ? box.height * 0.8 : 24;
  context.save();
  context.translate(alone ? box.x + (box.width - size) / 2 : box.x + 14, box.y + (box.height - size) / 2);
  context.scale(size / 16, size / 16);
  context.strokeStyle = colour;
  context.lineWidth = alone ? 2 : 1.8;
  context.lineCap = context.lineJoin = "round";
  context.stroke(sign);
  context.restore();
}

function paintName(context: Context, box: Box, picture: Picture): void {
  const indent = picture.status(box.id) === null ? 16 : 50;
  context.font = `600 17px ${picture.palette.font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = picture.palette.text;
  context.fillText(shortened(context, picture.name(box.id), box.width - indent - 12), box.x + indent, box.y + box.height / 2);
}

function shortened(context: Context, text: string, width: number): string {
  if (text.length * 7 < width || context.measureText(text).width <= width) return text;
  let end = Math.max(1, Math.floor((width / context.measureText(text).width) * text.length));
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}

function paintLabel(context: Context, line: Line, { palette, label }: Picture): void {
  const text = label(line);
  if (line.label === null || text === "") return;
  context.font = `12px ${palette.font}`;
  const width = Math.min(132, context.measureText(text).width + 14);
  context.beginPath();
  context.roundRect(line.label.x - width / 2, line.label.y - 10, width, 20, 10);
  context.fillStyle = palette.surface;
  context.strokeStyle = palette.border;
  context.lineWidth = 1;
  context.fill();
  context.stroke();
  context.fillStyle = palette.muted;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(shortened(context, text, 120), line.label.x, line.label.y + 0.5);
}

function paintRings(context: Context, box: Box, { view, palette, selected, focused }: Picture): void {
  const ring = (colour: string, away: number, width: number) => {
    const gap = away / view.zoom;
    context.beginPath();
    context.roundRect(box.x - gap, box.y - gap, box.width + 2 * gap, box.height + 2 * gap, 8 + gap);
    context.strokeStyle = colour;
    context.lineWidth = width / view.zoom;
    context.stroke();
  };
  if (box.id === selected) ring(palette.accent, 1, 2.5);
  if (box.id === focused) ring(palette.focus, 4, 2);
}

function outline(context: Context, box: Box): void {
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, 8);
}
