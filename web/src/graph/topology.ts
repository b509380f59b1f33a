/** A graph's nodes and edges by id: who follows whom, what is inside what, which nodes show while only some are open. */
import type { Graph, GraphEdge, GraphNode, Json } from "../api/types";

export type Direction = "right" | "down";

export interface Edge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly back: boolean;
  readonly conditional: boolean;
  readonly label: string;
}

/** The nodes and edges of one level: of the graph itself, or of the inside of an open node. */
export interface Level {
  readonly nodes: readonly string[];
  readonly edges: readonly Edge[];
}

export interface Topology {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly edges: readonly Edge[];
  readonly parent: ReadonlyMap<string, string>;
  /** The nodes directly inside of each node that has any. */
  readonly children: ReadonlyMap<string, readonly string[]>;
  readonly out: ReadonlyMap<string, readonly Edge[]>;
  readonly into: ReadonlyMap<string, readonly Edge[]>;
  /** By the node that they are inside of; "" is the graph itself. */
  readonly levels: ReadonlyMap<string, Level>;
}

const ROOT = "";

export function topologyOf(graph: Graph): Topology {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const parent = new Map<string, string>();
  const children = new Map<string, string[]>();
  for (const { id } of graph.nodes) {
    const outer = outerOf(id, nodes);
    if (outer === null) continue;
    parent.set(id, outer);
    append(children, outer, id);
  }
  const edges = forwardOrBack(graph.nodes, graph.edges.flatMap((edge, at) => edgeOf(edge, at, nodes, parent)));
  const [out, into] = [new Map<string, Edge[]>(), new Map<string, Edge[]>()];
  const levels = new Map<string, { nodes: string[]; edges: Edge[] }>();
  const level = (id: string) => levels.get(id) ?? levels.set(id, { nodes: [], edges: [] }).get(id)!;
  for (const { id } of graph.nodes) level(parent.get(id) ?? ROOT).nodes.push(id);
  for (const edge of edges) {
    append(out, edge.source, edge);
    append(into, edge.target, edge);
    level(parent.get(edge.source) ?? ROOT).edges.push(edge);
  }
  return { nodes, edges, parent, children, out, into, levels };
}

/** The nodes that show while the nodes in `open` are open, outer ones before those inside of them. */
export function shownNodes(topology: Topology, open: ReadonlySet<string>): string[] {
  const shown: string[] = [];
  const add = (ids: readonly string[]) => {
    for (const id of ids) {
      shown.push(id);
      if (open.has(id)) add(topology.children.get(id) ?? []);
    }
  };
  add(topology.levels.get(ROOT)?.nodes ?? []);
  return shown;
}

/** The nodes that `id` is inside of, the nearest first. */
export function ancestors(topology: Topology, id: string): string[] {
  const found: string[] = [];
  for (let at = topology.parent.get(id); at !== undefined; at = topology.parent.get(at)) found.push(at);
  return found;
}

/** Everything inside of a node, at any depth. */
export function descendants(topology: Topology, id: string): string[] {
  return (topology.children.get(id) ?? []).flatMap((child) => [child, ...descendants(topology, child)]);
}

/** How a conditional edge's value reads. */
export function whenText(when: Json | undefined): string {
  if (when === undefined || when === null) return "";
  return typeof when === "string" ? when : JSON.stringify(when);
}

/** How many steps one after the other, and the most nodes beside each other, as a layout will have them. */
export function extentOf(level: Level): { steps: number; widest: number } {
  const rank = ranksOf(level);
  const counts = new Map<number, number>();
  for (const at of rank.values()) counts.set(at, (counts.get(at) ?? 0) + 1);
  return { steps: counts.size, widest: Math.max(0, ...counts.values()) };
}

/** The longest way to each node from a node without predecessors, over edges that do not lead back. */
export function ranksOf(level: Level): Map<string, number> {
  const waits = new Map<string, number>(level.nodes.map((id) => [id, 0]));
  const out = new Map<string, string[]>();
  for (const edge of level.edges) {
    if (edge.back) continue;
    waits.set(edge.target, (waits.get(edge.target) ?? 0) + 1);
    append(out, edge.source, edge.target);
  }
  const rank = new Map<string, number>();
  const ready = level.nodes.filter((id) => waits.get(id) === 0);
  for (const id of ready) rank.set(id, 0);
  for (const id of ready) {
    for (const next of out.get(id) ?? []) {
      rank.set(next, Math.max(rank.get(next) ?? 0, rank.get(id)! + 1));
      const left = waits.get(next)! - 1;
      waits.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  return rank;
}

function outerOf(id: string, nodes: ReadonlyMap<string, GraphNode>): string | null {
  for (let at = id.lastIndexOf("/"); at > 0; at = id.lastIndexOf("/", at - 1)) {
    const outer = id.slice(0, at);
    if (nodes.has(outer)) return outer;
  }
  return null;
}

/** An edge between two levels is drawn where its ends meet: between the nodes that contain them. */
function edgeOf(edge: GraphEdge, at: number, nodes: ReadonlyMap<string, GraphNode>, parent: ReadonlyMap<string, string>): Edge[] {
  if (!nodes.has(edge.source) || !nodes.has(edge.target)) return [];
  const path = (id: string): string[] => [...(parent.has(id) ? path(parent.get(id)!) : []), id];
  const [from, to] = [path(edge.source), path(edge.target)];
  let depth = 0;
  while (depth < from.length - 1 && depth < to.length - 1 && from[depth] === to[depth]) depth += 1;
  const [source, target] = [from[depth]!, to[depth]!];
  if (source === target && edge.source !== edge.target) return [];
  const label = whenText(edge.when);
  return [{ id: `${at}`, source, target, back: edge.back || source === target, conditional: "when" in edge, label }];
}

/** Marks what still closes a cycle as leading back, so that a layout never has one to break. */
function forwardOrBack(nodes: readonly GraphNode[], edges: readonly Edge[]): Edge[] {
  const out = new Map<string, Edge[]>();
  for (const edge of edges) if (!edge.back) append(out, edge.source, edge);
  const [done, path, back] = [new Set<string>(), new Set<string>(), new Set<Edge>()];
  for (const { id } of nodes) {
    const stack: { id: string; next: number }[] = done.has(id) ? [] : [{ id, next: 0 }];
    path.add(id);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const edge = out.get(top.id)?.[top.next++];
      if (edge === undefined) {
        done.add(top.id);
        path.delete(top.id);
        stack.pop();
      } else if (path.has(edge.target)) {
        back.add(edge);
      } else if (!done.has(edge.target)) {
        path.add(edge.target);
        stack.push({ id: edge.target, next: 0 });
      }
    }
    path.clear();
  }
  return edges.map((edge) => (back.has(edge) ? { ...edge, back: true } : edge));
}

function append<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
