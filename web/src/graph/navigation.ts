/** Where a key leads from a node: along the edges to the next steps and back, across to those beside it. */
import type { Box, Layout } from "./layout";
import { ancestors, type Topology } from "./topology";

const KEYS = {
  right: { ArrowRight: "next", ArrowLeft: "previous", ArrowDown: "after", ArrowUp: "before" },
  down: { ArrowDown: "next", ArrowUp: "previous", ArrowRight: "after", ArrowLeft: "before" },
} as const;

/** The node that a key moves to from `from`; null where it leads nowhere, or is no key of the graph. */
export function nodeAfter(key: string, from: string | null, topology: Topology, layout: Layout): string | null {
  const order = inOrder(topology, layout);
  if (key === "Home") return order[0]?.id ?? null;
  if (key === "End") return order.at(-1)?.id ?? null;
  const move = (KEYS[layout.direction] as Readonly<Record<string, "next" | "previous" | "after" | "before">>)[key];
  if (move === undefined) return null;
  const here = layout.boxes.find((box) => box.id === from);
  if (here === undefined) return order[0]?.id ?? null;
  if (move === "next" || move === "previous") return alongEdge(here, move, topology, layout);
  return beside(here, move === "after" ? 1 : -1, topology, layout);
}

/** As one reads them: step by step, across within a step, the inside of an open node after it. */
export function inOrder(topology: Topology, layout: Layout): Box[] {
  const [along, across] = axes(layout);
  const levels = new Map<string | undefined, Box[]>();
  for (const box of layout.boxes) {
    const outer = topology.parent.get(box.id);
    const level = levels.get(outer);
    if (level === undefined) levels.set(outer, [box]);
    else level.push(box);
  }
  const read = (outer: string | undefined): Box[] => {
    const level = (levels.get(outer) ?? []).sort((one, other) => along(one) - along(other) || across(one) - across(other));
    return level.flatMap((box) => [box, ...read(box.id)]);
  };
  return read(undefined);
}

/** Into an open node with `next`, out of it again with `previous` from its first step. */
function alongEdge(here: Box, move: "next" | "previous", topology: Topology, layout: Layout): string | null {
  const edges = (move === "next" ? topology.out : topology.into).get(here.id) ?? [];
  const shown = new Map(layout.boxes.map((box) => [box.id, box]));
  const boxesOf = (ids: readonly string[]) => ids.flatMap((id) => shown.get(id) ?? []).filter((box) => box.id !== here.id);
  const ends = (back: boolean) => boxesOf(edges.filter((edge) => edge.back === back).map((edge) => (move === "next" ? edge.target : edge.source)));
  const inside = move === "next" && here.open ? boxesOf(topology.children.get(here.id) ?? []) : [];
  const candidates = [inside, ends(false), ends(true)].find((boxes) => boxes.length > 0);
  if (candidates !== undefined) return nearest(here, candidates, layout).id;
  const outer = ancestors(topology, here.id)[0];
  if (outer === undefined) return null;
  return move === "previous" ? outer : alongEdge({ ...shown.get(outer)!, open: false }, move, topology, layout);
}

/** Towards those with which it shares a node before or after, and otherwise any in the same step. */
function beside(here: Box, side: 1 | -1, topology: Topology, layout: Layout): string | null {
  const [along, across] = axes(layout);
  const outer = topology.parent.get(here.id);
  const right = layout.direction === "right";
  const extent = (box: Box) => (right ? box.width : box.height) / 2;
  const level = layout.boxes.filter((box) => {
    const same = box.id !== here.id && topology.parent.get(box.id) === outer && (across(box) - across(here)) * side > 0;
    return same && Math.abs(along(box) - along(here)) < extent(box) + extent(here);
  });
  const first = level.sort((one, other) => Math.abs(across(one) - across(here)) - Math.abs(across(other) - across(here)))[0];
  return first?.id ?? null;
}

/** The one that is most straight on. */
function nearest(here: Box, boxes: readonly Box[], layout: Layout): Box {
  const [along, across] = axes(layout);
  const inside = (box: Box) => here.open && box.id.startsWith(`${here.id}/`);
  const cost = (box: Box) => Math.abs(across(box) - across(here)) + (inside(box) ? along(box) : Math.abs(along(box) - along(here)));
  return boxes.reduce((best, box) => (cost(box) < cost(best) ? box : best));
}

function axes(layout: Layout): [(box: Box) => number, (box: Box) => number] {
  const x = (box: Box) => box.x + box.width / 2;
  const y = (box: Box) => box.y + box.height / 2;
  return layout.direction === "right" ? [x, y] : [y, x];
}
