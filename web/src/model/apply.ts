/** The one reducer: a run's state and its next events give the state after them. No I/O, no clock. */
import type { Interrupt, JsonObject, RunEvent, RunStatus, Status } from "../api/types";
import { Draft } from "./draft";
import { applyNode, reopen, settle, stopRunning } from "./nodes";
import { list, number, record, runError, text, texts, time, waiting } from "./read";
import { fromStatus } from "./snapshot";
import { TERMINAL, type RunState } from "./state";
import { trace } from "./trace";

export interface Applied {
  readonly state: RunState;
  /** Nodes that have changed. */
  readonly touched: ReadonlySet<string>;
}

/** The state after one more event. */
export function apply(before: RunState, event: RunEvent): RunState {
  return applyAll(before, [event]).state;
}

/** The state after a batch of events, in order; maps and lists are copied once. */
export function applyAll(before: RunState, events: readonly RunEvent[]): Applied {
  const draft = new Draft(before);
  for (const event of events) {
    if (event.seq <= draft.run.traceSeq) continue;
    const at = Date.parse(event.ts);
    // States first: whether an execution goes on is seen in the trace so far.
    if (event.seq > draft.run.stateSeq) applyStates(draft, event, at);
    trace(draft, event, at);
    draft.set({ traceSeq: event.seq, lastSeq: Math.max(event.seq, draft.run.stateSeq) });
  }
  return { state: draft.done(), touched: draft.touched };
}

/**
 * The state with what the server says of it; `since` are the known events after the status' `last_seq`, in order.
 * A status that is older than the state takes nothing back: what followed is applied to it again.
 */
export function reconciled(before: RunState, status: Status, since: readonly RunEvent[]): Applied {
  const draft = new Draft(fromStatus(status, before));
  for (const event of since) if (event.seq > status.last_seq) applyStates(draft, event, Date.parse(event.ts));
  const state = draft.done();
  const touched = new Set<string>();
  for (const [id, node] of state.nodes) if (before.nodes.get(id) !== node) touched.add(id);
  return { state, touched };
}

function applyStates(draft: Draft, event: RunEvent, at: number): void {
  const doubtful = event.node_id === null ? applyRun(draft, event, at) : applyNode(draft, event, event.node_id, at);
  foresee(draft, event);
  draft.set({ stateSeq: event.seq });
  if (doubtful) draft.set({ doubtSeq: event.seq });
}

/** How far the run is, where the event says so. */
function foresee(draft: Draft, event: RunEvent): void {
  const { data } = event;
  if (data["estimated_completion"] !== undefined) draft.set({ estimatedCompletion: time(data["estimated_completion"]) });
  const progress = number(data[event.type === "node.progress" ? "run_progress" : "progress"]);
  if (progress !== null) draft.set({ progress });
}

const QUIET = { pausing: false, waitsFor: null, until: null, estimatedCompletion: null } as const;

/** Gives whether only the server can say how nodes stand after the event. */
function applyRun(draft: Draft, event: RunEvent, at: number): boolean {
  const { data } = event;
  switch (event.type) {
    case "run.queued":
      return queued(draft, text(data["why"]));
    case "run.recovered":
      stopRunning(draft);
      draft.set({ ...QUIET, pausing: draft.run.pausing, status: "QUEUED" });
      return true;
    case "run.started":
      draft.set({ ...QUIET, status: "RUNNING", startedAt: draft.run.startedAt ?? at });
      return false;
    case "run.pausing":
      draft.set({ pausing: true });
      return false;
    case "run.paused":
      stopRunning(draft);
      draft.set({ ...QUIET, status: "PAUSED", waitsFor: draft.run.waitsFor, until: draft.run.until });
      return true;
    case "run.resumed":
      return resumed(draft, data);
    case "run.waiting":
      draft.set({
        ...QUIET, status: "WAITING", waitsFor: waiting(data["for"]), until: time(data["until"]),
        interrupts: merged(draft.run.interrupts, list(data["interrupts"]).map(record), event.ts),
      });
      return true;
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
      ended(draft, event, at);
      return true;
    case "run.forked_from":
    case "state.edited":
      return true;
  }
  return false;
}

function queued(draft: Draft, why: string | null): boolean {
  const retried = why === "retry";
  if (why === "released") stopRunning(draft);
  if (retried) reopen(draft);
  const pausing = why === "released" && draft.run.pausing;
  draft.set({ ...QUIET, pausing, status: "QUEUED", finishedAt: null, error: null });
  // What wakes a run that asks may be that the time for an answer is over.
  return retried || why === "released" || (why === "wake" && draft.run.interrupts.length > 0);
}

function resumed(draft: Draft, data: JsonObject): boolean {
  if (data["answered"] !== undefined) {
    const answered = new Set(texts(data["answered"]));
    draft.set({ interrupts: draft.run.interrupts.filter((each) => !answered.has(each.interrupt_id)) });
    return true;
  }
  const checkpointId = text(data["checkpoint_id"]);
  // A pause that was taken back before it held.
  if (checkpointId === null && draft.run.status === "RUNNING") draft.set({ pausing: false });
  return checkpointId !== null && checkpointId !== draft.run.at;
}

function ended(draft: Draft, event: RunEvent, at: number): void {
  const status = event.type.slice("run.".length).toUpperCase() as RunStatus;
  settle(draft, status === "CANCELLED");
  draft.set({ ...QUIET, status, finishedAt: at, interrupts: [] });
  if (status === "COMPLETED") draft.set({ progress: 1 });
  if (status === "FAILED") draft.set({ error: runError(event.data["error"]) });
}

/** The questions that were known, and those that an event tells of; the status tells the same with more. */
function merged(known: readonly Interrupt[], told: readonly (JsonObject | null)[], askedAt: string): readonly Interrupt[] {
  const ids = new Set(known.map((each) => each.interrupt_id));
  return [...known, ...told.flatMap((each) => (each === null || ids.has(String(each["interrupt_id"])) ? [] : interrupt(each, askedAt)))];
}

function interrupt(told: JsonObject, askedAt: string): Interrupt[] {
  const id = text(told["interrupt_id"]);
  const nodeId = text(told["node_id"]);
  if (id === null || nodeId === null) return [];
  const value = told["value"] ?? null;
  const said = record(value) ?? {};
  // Events and waits stand in the list too; they ask nobody.
  if (said["kind"] === "time" || said["kind"] === "event" || said["kind"] === "retry") return [];
  return [{
    interrupt_id: id, node_id: nodeId, item: number(told["item"]), path: text(told["path"]) ?? nodeId, question: text(said["question"]),
    schema: record(said["schema"]), assignees: texts(said["assignees"]), asked_at: askedAt, expires_at: null, value: said["given"] ?? value,
  }];
}

/** Whether nothing more can come of a run, but for a retry. */
export const isOver = (state: RunState): boolean => TERMINAL.has(state.status);
