/** Which nodes the list shows, in which order, and how deep: a pure function of the graph, the run and what was chosen. */
import type { GraphNode, NodeStatus } from "../../../api/types";
import type { NodeView } from "../../../model/run";

export const SORTS = ["order", "status", "duration", "attempts", "name"] as const;
export type Sort = (typeof SORTS)[number];

export interface Row {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly depth: number;
  /** Has nodes inside. */
  readonly parent: boolean;
  readonly open: boolean;
  readonly view: NodeView | undefined;
}

export interface Choice {
  readonly status: NodeStatus | "ALL";
  readonly sort: Sort;
  readonly open: ReadonlySet<string>;
}

const URGENCY: Record<NodeStatus, number> = { FAILED: 0, RUNNING: 1, WAITING: 2, READY: 3, CANCELLED: 4, PENDING: 5, COMPLETED: 6, SKIPPED: 7 };

/** What a node's status is; one of which nothing was told is pending. */
export const statusOf = (row: Pick<Row, "view">): NodeStatus => row.view?.status ?? "PENDING";

/** How long it took, or has been at it; null before it began. */
export function durationOf(view: NodeView | undefined, now: number): number | null {
  if (view === undefined || view.startedAt === null) return null;
  const end = view.completedAt ?? (view.status === "RUNNING" || view.status === "WAITING" ? now : null);
  return end === null ? null : Math.max(0, end - view.startedAt);
}

/** The node that stands around another: `kid` of `kid/one`. */
export function parentOf(id: string): string | null {
  const cut = id.lastIndexOf("/");
  return cut < 0 ? null : id.slice(0, cut);
}

/** The graph's nodes, and after them those that only the run knows. */
function everyNode(graph: readonly GraphNode[], nodes: ReadonlyMap<string, NodeView>): GraphNode[] {
  const known = new Set(graph.map((node) => node.id));
  const others = [...nodes.keys()].filter((id) => !known.has(id)).map((id) => ({ id, type: "", name: id }));
  return [...graph, ...others];
}

function visible(id: string, open: ReadonlySet<string>): boolean {
  for (let above = parentOf(id); above !== null; above = parentOf(above)) if (!open.has(above)) return false;
  return true;
}

/** The rows to show. With a filter or another order than the graph's it is a flat list of all nodes. */
export function rowsOf(graph: readonly GraphNode[], nodes: ReadonlyMap<string, NodeView>, choice: Choice, now: number): Row[] {
  const flat = choice.sort !== "order" || choice.status !== "ALL";
  const all = everyNode(graph, nodes);
  const parents = new Set(all.map((node) => parentOf(node.id)));
  const rows: Row[] = [];
  for (const node of all) {
    const view = nodes.get(node.id);
    if (choice.status !== "ALL" && statusOf({ view }) !== choice.status) continue;
    if (!flat && !visible(node.id, choice.open)) continue;
    const depth = flat ? 0 : node.id.split("/").length - 1;
    const parent = !flat && parents.has(node.id);
    rows.push({ id: node.id, name: flat ? node.id : node.name, type: node.type, depth, parent, open: choice.open.has(node.id), view });
  }
  return choice.sort === "order" ? rows : rows.sort(comparing(choice.sort, now));
}

function comparing(sort: Exclude<Sort, "order">, now: number): (a: Row, b: Row) => number {
  switch (sort) {
    case "status": return (a, b) => URGENCY[statusOf(a)] - URGENCY[statusOf(b)];
    case "duration": return (a, b) => (durationOf(b.view, now) ?? -1) - (durationOf(a.view, now) ?? -1);
    case "attempts": return (a, b) => (b.view?.attempt ?? 0) - (a.view?.attempt ?? 0);
    case "name": return (a, b) => a.name.localeCompare(b.name);
  }
}

/** How many nodes have each status. */
export function countsOf(graph: readonly GraphNode[], nodes: ReadonlyMap<string, NodeView>): ReadonlyMap<NodeStatus, number> {
  const counts = new Map<NodeStatus, number>();
  for (const node of everyNode(graph, nodes)) {
    const status = nodes.get(node.id)?.status ?? "PENDING";
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return counts;
}

/** Nodes that failed, in the graph's order; of a node and what is inside it, the innermost. */
export function failuresOf(graph: readonly GraphNode[], nodes: ReadonlyMap<string, NodeView>): string[] {
  const failed = everyNode(graph, nodes).map((node) => node.id).filter((id) => nodes.get(id)?.status === "FAILED");
  return failed.filter((id) => !failed.some((other) => other.startsWith(`${id}/`)));
}
