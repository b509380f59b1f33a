/** A plain layout by steps, for graphs that are too deep or too large for dagre: its time and its stack grow little with them. */
import type { Frame, Point } from "./routes";
import { ranksOf, type Direction, type Edge, type Level } from "./topology";

interface Item {
  readonly id: string;
  readonly along: number;
  readonly across: number;
  /** What it stands after, in the step before. */
  readonly after: string[];
}

export interface Spacing {
  /** Between steps, and between the items of one. */
  readonly steps: number;
  readonly items: number;
}

export interface Plain {
  readonly boxes: Map<string, Frame>;
  /** Where each edge passes the steps between its ends. */
  readonly ways: Map<string, Point[]>;
}

const THIN = 12;

export function plainLayout(level: Level, sizeOf: (id: string) => { width: number; height: number }, direction: Direction, gap: Spacing): Plain {
  const right = direction === "right";
  const rank = ranksOf(level);
  const steps: Item[][] = [];
  const put = (step: number, item: Item) => (steps[step] ??= []).push(item);
  const items = new Map<string, Item>();
  for (const id of level.nodes) {
    const { width, height } = sizeOf(id);
    const item = { id, along: right ? width : height, across: right ? height : width, after: [] };
    items.set(id, item);
    put(rank.get(id) ?? 0, item);
  }
  const passing = level.edges.filter((edge) => !edge.back).map((edge) => ({ edge, items: pass(edge, rank, put, items) }));
  inGoodOrder(steps);
  const places = placed(steps, gap);
  const turned = (place: { along: number; across: number }): Point => (right ? { x: place.along, y: place.across } : { x: place.across, y: place.along });
  const boxes = new Map<string, Frame>();
  for (const id of level.nodes) {
    const [{ x, y }, { width, height }] = [turned(places.get(id)!), sizeOf(id)];
    boxes.set(id, { x: x - width / 2, y: y - height / 2, width, height });
  }
  const ways = new Map(passing.map(({ edge, items: through }) => [edge.id, through.map((item) => turned(places.get(item.id)!))]));
  return { boxes, ways };
}

/** Thin items hold the place of an edge in the steps that it passes. */
function pass(edge: Edge, rank: ReadonlyMap<string, number>, put: (step: number, item: Item) => void, items: ReadonlyMap<string, Item>): Item[] {
  const [from, to] = [rank.get(edge.source) ?? 0, rank.get(edge.target) ?? 0];
  const through: Item[] = [];
  let before = edge.source;
  for (let step = from + 1; step < to; step += 1) {
    const item = { id: `${edge.id}\n${step}`, along: 0, across: THIN, after: [before] };
    put(step, item);
    through.push(item);
    before = item.id;
  }
  items.get(edge.target)?.after.push(before);
  return through;
}

/** Each item beside those that it stands after, step by step. */
function inGoodOrder(steps: readonly Item[][]): void {
  const place = new Map<string, number>();
  for (const step of steps) {
    const wanted = new Map(step.map((item, at) => {
      const before = item.after.map((id) => place.get(id) ?? 0);
      return [item, before.length === 0 ? at - step.length / 2 : before.reduce((sum, each) => sum + each, 0) / before.length];
    }));
    step.sort((one, other) => wanted.get(one)! - wanted.get(other)!);
    step.forEach((item, at) => place.set(item.id, at - step.length / 2));
  }
}

/** Each step in the middle, across. */
function placed(steps: readonly (readonly Item[])[], gap: Spacing): Map<string, { along: number; across: number }> {
  const places = new Map<string, { along: number; across: number }>();
  let start = 0;
  for (const step of steps) {
    const thick = Math.max(...step.map((item) => item.along));
    let at = -step.reduce((sum, item) => sum + item.across + gap.items, -gap.items) / 2;
    for (const item of step) {
      places.set(item.id, { along: start + thick / 2, across: at + item.across / 2 });
      at += item.across + gap.items;
    }
    start += thick + gap.steps;
  }
  return places;
}
