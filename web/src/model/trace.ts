/** What events tell of a run's course: stretches of time, checkpoints, and what nodes said last. */
import type { NodeStatus, RunEvent } from "../api/types";
import type { Draft } from "./draft";
import type { Segment } from "./run";
import { number, record, runError, text, texts, time, waiting } from "./read";

/** Adds an event to the trace. */
export function trace(draft: Draft, event: RunEvent, at: number): void {
  if (event.node_id !== null) {
    note(draft, event, event.node_id);
    stretch(draft, event, event.node_id, at);
  } else {
    course(draft, event, at);
  }
}

/** What a node said last. */
function note(draft: Draft, event: RunEvent, id: string): void {
  const { data } = event;
  switch (event.type) {
    case "node.started":
      Object.assign(draft.node(id), {
        executionId: text(data["node_execution_id"]), message: null, error: null, items: null, waitsFor: null, until: null,
      });
      return;
    case "node.progress": {
      const node = draft.node(id);
      node.message = text(data["message"]) ?? node.message;
      const items = record(data["items"]);
      if (items !== null) {
        const count = (name: string): number => number(items[name]) ?? 0;
        node.items = { total: count("total"), completed: count("completed"), failed: count("failed") };
      }
      return;
    }
    case "node.retrying":
      Object.assign(draft.node(id), { error: runError(data["error"]), until: time(data["next_attempt_at"]) });
      return;
    case "node.waiting":
      Object.assign(draft.node(id), { waitsFor: waiting(data["for"]), until: time(data["until"]) });
      return;
    case "node.completed":
    case "node.failed":
      Object.assign(draft.node(id), {
        executionId: text(data["node_execution_id"]), error: runError(data["error"]), waitsFor: null, until: null,
      });
      return;
    case "node.skipped":
    case "node.cancelled":
      Object.assign(draft.node(id), { waitsFor: null, until: null });
  }
}

const ENDS: Record<string, NodeStatus> = { "node.completed": "COMPLETED", "node.failed": "FAILED", "node.cancelled": "CANCELLED" };

function stretch(draft: Draft, event: RunEvent, id: string, at: number): void {
  const { data } = event;
  const key = text(data["node_execution_id"]) ?? draft.run.nodes.get(id)?.executionId ?? id;
  const attempt = number(data["attempt"]) ?? draft.segment(key)?.attempt ?? 1;
  switch (event.type) {
    case "node.started":
      draft.end(key, at, null);
      draft.begin(key, { kind: "running", nodeId: id, start: at, end: null, attempt, status: null });
      return;
    case "node.retrying": {
      draft.end(key, at, "FAILED");
      const next = time(data["next_attempt_at"]);
      draft.begin(key, { kind: "retry", nodeId: id, start: at, end: null, attempt: attempt + 1, status: null });
      if (next === null) return;
      draft.end(key, next, null);
      draft.begin(key, { kind: "running", nodeId: id, start: next, end: null, attempt: attempt + 1, status: null });
      return;
    }
    case "node.waiting":
      if (data["item"] !== undefined && data["item"] !== null) return;
      begin(draft, key, { kind: retries(draft, key, at) ? "retry" : "waiting", nodeId: id, start: at, end: null, attempt, status: null });
      return;
    case "node.completed":
    case "node.failed":
    case "node.cancelled":
      draft.end(key, at, ENDS[event.type] ?? null);
  }
}

/** Whether an execution's next attempt was announced and has yet to begin. */
function retries(draft: Draft, key: string, at: number): boolean {
  const open = draft.segment(key);
  return open !== undefined && open.kind === "running" && open.start > at;
}

function begin(draft: Draft, key: string, segment: Segment): void {
  draft.end(key, segment.start, null);
  draft.begin(key, segment);
}

const KINDS: Record<string, Segment["kind"]> = {
  "run.queued": "queued", "run.recovered": "queued", "run.started": "running", "run.waiting": "waiting", "run.paused": "paused",
};
const OVER: Record<string, "COMPLETED" | "FAILED" | "CANCELLED"> = {
  "run.completed": "COMPLETED", "run.failed": "FAILED", "run.cancelled": "CANCELLED",
};

function course(draft: Draft, event: RunEvent, at: number): void {
  const { type, data } = event;
  if (event.run_attempt > draft.run.runAttempt) draft.set({ runAttempt: event.run_attempt });
  const kind = KINDS[type];
  if (kind !== undefined) {
    begin(draft, "", { kind, nodeId: null, start: at, end: null, attempt: event.run_attempt, status: null });
    if (kind === "queued" || kind === "paused") stopStretches(draft, at);
  } else if (OVER[type] !== undefined) {
    draft.end("", at, OVER[type]);
    stopStretches(draft, at, true);
    const failedIn = type === "run.failed" ? text(record(data["error"])?.["node_id"]) : null;
    if (failedIn !== null) draft.node(failedIn).error = runError(data["error"]);
  } else if (type === "checkpoint.saved") {
    saved(draft, event, at);
  } else if (type === "run.resumed" && text(data["checkpoint_id"]) !== null) {
    draft.set({ at: text(data["checkpoint_id"]) });
  } else if (type === "run.forked_from") {
    draft.set({ at: text(data["checkpoint_id"]) });
  }
  if (type === "run.stopped" || type === "run.started") draft.set({ stillRunning: [] });
}

function saved(draft: Draft, event: RunEvent, at: number): void {
  const checkpointId = text(event.data["checkpoint_id"]);
  if (checkpointId === null) return;
  draft.mark({ checkpointId, step: number(event.data["step"]) ?? 0, next: texts(event.data["next"]), seq: event.seq, at });
  draft.set({ at: checkpointId });
}

/** What executes ends with the attempt; what waits goes on waiting, unless the run is over. */
function stopStretches(draft: Draft, at: number, all = false): void {
  for (const key of [...draft.run.open.keys()]) {
    const segment = draft.segment(key);
    if (key !== "" && segment !== undefined && (all || segment.kind === "running")) draft.end(key, at, "CANCELLED");
  }
}
