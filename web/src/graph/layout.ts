/** Where everything stands: dagre places the nodes of a level, the edges are drawn from that. Runs in a worker; no DOM here. */
import { graphlib, layout as dagre } from "@dagrejs/dagre";
import { backPath, forwardPath, overlap, stepsOf, type EdgePath, type Frame, type Point } from "./routes";
import { plainLayout } from "./simple";
import { extentOf, type Direction, type Edge, type Level } from "./topology";

export const CARD = { width: 216, height: 60 } as const;
const GROUP = { side: 20, head: 48, foot: 20 } as const;

export interface Box {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Its inside is drawn in it. */
  readonly open: boolean;
}

export interface Line extends EdgePath {
  readonly id: string;
}

/** Pixels at zoom 1; the origin is the top left corner of everything. Outer boxes stand before those inside of them. */
export interface Layout {
  readonly direction: Direction;
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

export interface LayoutRequest {
  readonly direction: Direction;
  readonly levels: ReadonlyMap<string, Level>;
  readonly open: ReadonlySet<string>;
}

export function layoutOf(request: LayoutRequest): Layout {
  return { direction: request.direction, ...placed(request, "") };
}

type Placed = Omit<Layout, "direction">;

function placed(request: LayoutRequest, id: string): Placed {
  const level = request.levels.get(id) ?? { nodes: [], edges: [] };
  const insides = new Map<string, Placed>();
  for (const node of level.nodes) {
    if (request.open.has(node) && request.levels.has(node)) insides.set(node, placed(request, node));
  }
  const frames = arrange(level, insides, request.direction);
  const lines = routed(level.edges, frames, request.direction);
  return together(level, insides, frames.boxes, lines);
}

const SPACING = { right: { steps: 72, items: 22 }, down: { steps: 56, items: 32 } } as const;

interface Arranged {
  readonly boxes: Map<string, Frame>;
  /** Where each edge that does not lead back passes between its ends. */
  readonly ways: Map<string, { points: readonly Point[]; label: Point | null; size: { width: number; height: number } }>;
}

/** More steps than this and dagre, which goes into itself for each, runs out of stack in a worker; more nodes, and it takes too long. */
const DAGRE = { steps: 200, nodes: 2_000 } as const;

function arrange(level: Level, insides: ReadonlyMap<string, Placed>, direction: Direction): Arranged {
  const sizeOf = (id: string) => {
    const inside = insides.get(id);
    return inside === undefined ? { ...CARD } : { width: inside.width + 2 * GROUP.side, height: inside.height + GROUP.head + GROUP.foot };
  };
  const forward = level.edges.filter((edge) => !edge.back);
  const plain = level.nodes.length > DAGRE.nodes || extentOf(level).steps > DAGRE.steps;
  return plain ? plainly(level, forward, sizeOf, direction) : byDagre(level, forward, sizeOf, direction);
}

type SizeOf = (id: string) => { width: number; height: number };

function byDagre(level: Level, forward: readonly Edge[], sizeOf: SizeOf, direction: Direction): Arranged {
  const graph = new graphlib.Graph({ multigraph: true });
  const { steps, items } = SPACING[direction];
  graph.setGraph({ rankdir: direction === "right" ? "LR" : "TB", ranker: "tight-tree", nodesep: items, ranksep: steps, edgesep: 16 });
  for (const id of level.nodes) graph.setNode(id, sizeOf(id));
  for (const edge of forward) graph.setEdge(edge.source, edge.target, labelSize(edge), edge.id);
  // The heuristic that dagre would run first costs as much as the ordering, and spreads wide layers.
  dagre(graph, { disableOptimalOrderHeuristic: true });
  const boxes = new Map<string, Frame>();
  for (const id of level.nodes) {
    const { x, y, width, height } = graph.node(id) as Frame;
    boxes.set(id, { x: x - width / 2, y: y - height / 2, width, height });
  }
  const ways: Arranged["ways"] = new Map();
  for (const edge of forward) {
    const { points, x, y } = graph.edge(edge.source, edge.target, edge.id) as { points: Point[]; x?: number; y?: number };
    const label = edge.label !== "" && x !== undefined && y !== undefined ? { x, y } : null;
    ways.set(edge.id, { points: points.slice(1, -1), label, size: labelSize(edge) });
  }
  return { boxes, ways };
}

function plainly(level: Level, forward: readonly Edge[], sizeOf: SizeOf, direction: Direction): Arranged {
  const { boxes, ways } = plainLayout(level, sizeOf, direction, SPACING[direction]);
  const middle = ({ source, target }: Edge): Point => {
    const [from, to] = [boxes.get(source)!, boxes.get(target)!];
    return direction === "right"
      ? { x: (from.x + from.width + to.x) / 2, y: (from.y + to.y + to.height) / 2 }
      : { x: (from.x + to.x + to.width) / 2, y: (from.y + from.height + to.y) / 2 };
  };
  const way = (edge: Edge) => ({ points: ways.get(edge.id) ?? [], label: edge.label === "" ? null : middle(edge), size: labelSize(edge) });
  return { boxes, ways: new Map(forward.map((edge) => [edge.id, way(edge)])) };
}

/** A label's size in pixels, as the cards' font has it. */
export function labelSize(edge: Edge): { width: number; height: number; labelpos: "c" } {
  return { width: edge.label === "" ? 0 : Math.min(132, 16 + 6.8 * edge.label.length), height: edge.label === "" ? 0 : 20, labelpos: "c" };
}

function routed(edges: readonly Edge[], { boxes, ways }: Arranged, direction: Direction): Line[] {
  const frames = [...boxes.values()];
  const lines: Line[] = [];
  const steps = stepsOf(frames, direction);
  for (const edge of edges) {
    const way = ways.get(edge.id);
    if (way !== undefined) lines.push({ id: edge.id, ...forwardPath(boxes.get(edge.source)!, boxes.get(edge.target)!, way, steps, direction) });
  }
  const settled = labelsEarly(lines, edges, frames, direction);
  lines.splice(0, lines.length, ...settled);
  const back = edges.filter((edge) => edge.back).map((edge) => ({ edge, source: boxes.get(edge.source)!, target: boxes.get(edge.target)! }));
  const length = ({ source, target }: { source: Frame; target: Frame }) => Math.abs(source.x - target.x) + Math.abs(source.y - target.y);
  const lanes: Frame[] = [];
  for (const { edge, source, target } of back.sort((one, other) => length(one) - length(other))) {
    lines.push({ id: edge.id, ...backPath(source, target, frames, lanes, direction, labelSize(edge)) });
  }
  return lines;
}

/** Labels stand where their edges begin, if they fit there; dagre puts those of long edges halfway. */
function labelsEarly(lines: readonly Line[], edges: readonly Edge[], frames: readonly Frame[], direction: Direction): Line[] {
  const sizes = new Map(edges.map((edge) => [edge.id, labelSize(edge)]));
  const frameAt = (line: Line, at: Point): Frame => {
    const { width, height } = sizes.get(line.id)!;
    return { x: at.x - width / 2, y: at.y - height / 2, width, height };
  };
  const labelled = lines.filter((line) => line.label !== null);
  const taken = new Map(labelled.map((line) => [line.id, frameAt(line, line.label!)]));
  const moved = new Map<string, Point>();
  for (const line of labelled) {
    const [x, y] = [line.points[6]!, line.points[7]!];
    const size = sizes.get(line.id)!;
    const at = direction === "right" ? { x: x + size.width / 2, y } : { x, y: y + size.height / 2 };
    const wanted = frameAt(line, at);
    const others = [...frames, ...[...taken].filter(([id]) => id !== line.id).map(([, frame]) => frame)];
    if (line.points.length <= 14 || others.some((frame) => overlap(frame, wanted))) continue;
    taken.set(line.id, wanted);
    moved.set(line.id, at);
  }
  return lines.map((line) => (moved.has(line.id) ? { ...line, label: moved.get(line.id)! } : line));
}

/** Everything moved so that nothing is left of or above the origin, insides put into their nodes. */
function together(level: Level, insides: ReadonlyMap<string, Placed>, boxes: ReadonlyMap<string, Frame>, lines: readonly Line[]): Placed {
  const frames = [...boxes.values(), ...lines.map((line) => line.bounds)];
  const left = Math.min(0, ...frames.map((frame) => frame.x));
  const top = Math.min(0, ...frames.map((frame) => frame.y));
  const width = Math.max(0, ...frames.map((frame) => frame.x + frame.width)) - left;
  const height = Math.max(0, ...frames.map((frame) => frame.y + frame.height)) - top;
  const all: Box[] = [];
  const allLines: Line[] = lines.map((line) => moved(line, -left, -top));
  for (const id of level.nodes) {
    const frame = boxes.get(id)!;
    const box = { ...frame, id, x: frame.x - left, y: frame.y - top, open: insides.has(id) };
    all.push(box);
    const inside = insides.get(id);
    if (inside === undefined) continue;
    const [x, y] = [box.x + GROUP.side, box.y + GROUP.head];
    all.push(...inside.boxes.map((each) => ({ ...each, x: each.x + x, y: each.y + y })));
    allLines.push(...inside.lines.map((each) => moved(each, x, y)));
  }
  return { width, height, boxes: all, lines: allLines };
}

function moved(line: Line, x: number, y: number): Line {
  if (x === 0 && y === 0) return line;
  return {
    ...line,
    points: line.points.map((value, at) => value + (at % 2 === 0 ? x : y)),
    label: line.label && { x: line.label.x + x, y: line.label.y + y },
    bounds: { ...line.bounds, x: line.bounds.x + x, y: line.bounds.y + y },
  };
}
