/** How events change the states of nodes: the rules of the server's projection, as far as events tell. */
import type { RunEvent } from "../api/types";
import type { Draft } from "./draft";
import { list, number, texts } from "./read";
import { ENDED, around } from "./state";

/** Applies an event about a node; gives whether only the server can say how nodes stand after it. */
export function applyNode(draft: Draft, event: RunEvent, id: string, at: number): boolean {
  const { data } = event;
  switch (event.type) {
    case "node.started":
      started(draft, event, id, at);
      return false;
    case "node.retrying": {
      const node = draft.node(id);
      Object.assign(node, { status: "RUNNING", attempt: (number(data["attempt"]) ?? node.attempt) + 1, progress: 0 });
      again(draft, inside(draft, id));
      return false;
    }
    case "node.progress":
      return progressed(draft, event, id);
    case "node.waiting":
      draft.node(id).status = "WAITING";
      // What is asked stands in the status.
      return true;
    case "node.completed":
    case "node.failed": {
      const node = draft.node(id);
      const status = event.type === "node.completed" ? "COMPLETED" : "FAILED";
      Object.assign(node, { status, attempt: number(data["attempt"]) ?? node.attempt, progress: 1, completedAt: at });
      if (draft.run.interrupts.length > 0) asksNoMore(draft, id);
      for (const header of texts(data["restarted"])) again(draft, [header, ...inside(draft, header)]);
      return data["cut"] === true && list(data["restarted"]).length > 0;
    }
    case "node.skipped":
      Object.assign(draft.node(id), { status: "SKIPPED", attempt: 0, progress: 0, completedAt: at });
      return false;
    case "node.cancelled": {
      const node = draft.node(id);
      Object.assign(node, { status: "CANCELLED", completedAt: at });
      // Ended by the node around it; where the run itself was ended, how far it was stays.
      if (data["node_execution_id"] !== undefined) node.progress = 0;
      return false;
    }
  }
  return false;
}

function started(draft: Draft, event: RunEvent, id: string, at: number): void {
  const node = draft.node(id);
  const { data } = event;
  if (node.iterations === 0 || ENDED.has(node.status)) node.iterations += 1;
  const since = node.status === "WAITING" ? (node.startedAt ?? at) : at;
  Object.assign(node, { status: "RUNNING", attempt: number(data["attempt"]) ?? 1, progress: 0, startedAt: since, completedAt: null });
  draft.set({ currentNode: id });
  if (draft.run.interrupts.length > 0) asksNoMore(draft, id);
}

function progressed(draft: Draft, event: RunEvent, id: string): boolean {
  const node = draft.node(id);
  node.progress = number(event.data["progress"]) ?? node.progress;
  if (event.data["items"] === undefined) return false;
  // Counts of a `map` tell its own state too: it may have parked as a whole meanwhile.
  const parked = node.status === "WAITING";
  node.status = "RUNNING";
  return parked;
}

/** A node that goes on, or has ended, asks nothing any more; its items may. */
function asksNoMore(draft: Draft, id: string): void {
  const left = draft.run.interrupts.filter((each) => each.node_id !== id || (each.item ?? null) !== null);
  if (left.length < draft.run.interrupts.length) draft.set({ interrupts: left });
}

function inside(draft: Draft, id: string): string[] {
  if (!draft.run.holders.has(id)) return [];
  const prefix = `${id}/`;
  return [...draft.run.nodes.keys()].filter((each) => each.startsWith(prefix));
}

/** Nodes that are to run once more: in a loop, or because what they are in is tried again. */
function again(draft: Draft, ids: Iterable<string>): void {
  for (const id of ids) {
    const known = draft.run.nodes.get(id);
    if (known === undefined || (known.status === "PENDING" && known.iterations === 0)) continue;
    const node = draft.node(id);
    if (ENDED.has(node.status)) node.iterations += 1;
    Object.assign(node, { status: "PENDING", attempt: 0, progress: 0 });
  }
}

/** What was executing when the run stopped runs again. */
export function stopRunning(draft: Draft): void {
  for (const [id, node] of [...draft.run.nodes]) {
    if (node.status === "RUNNING" || node.status === "READY") Object.assign(draft.node(id), { status: "PENDING", progress: 0 });
  }
}

/** The run has ended: what was not reached is not going to be. */
export function settle(draft: Draft, cancelled: boolean): void {
  const settled = new Set<string>();
  for (const [id, node] of [...draft.run.nodes]) {
    if (node.status === "PENDING") {
      settled.add(id);
      draft.node(id).status = cancelled ? "CANCELLED" : "SKIPPED";
    } else if (node.status === "RUNNING" || node.status === "WAITING" || node.status === "READY") {
      draft.node(id).status = "CANCELLED";
    }
  }
  draft.settle(settled);
}

/** A failed run goes on: what has failed, or was stopped by that, runs again. */
export function reopen(draft: Draft): void {
  const { settled, error } = draft.run;
  const failed = new Set(error?.node_id == null ? [] : [error.node_id, ...around(error.node_id)]);
  for (const [id, node] of [...draft.run.nodes]) {
    if (settled.has(id)) draft.node(id).status = "PENDING";
    else if (node.status === "CANCELLED" || failed.has(id)) Object.assign(draft.node(id), { status: "PENDING", progress: 0 });
  }
  draft.settle(new Set());
}
