/** A run's view with what only its reducer needs: how far states and trace reach, and which stretches are open. */
import type { NodeStatus } from "../api/types";
import type { NodeView, RunView } from "./run";

/**
 * Two things are kept apart. *States* (statuses, progress, questions) come from events or, where those cannot tell, from
 * `GET …/status`, which is as of a `seq`. The *trace* (segments, checkpoints, messages, errors) comes from events alone.
 */
export interface RunState extends RunView {
  /** States are as of this event: that of the newest status, or a later one. */
  readonly stateSeq: number;
  /** What the newest status from the server was as of; -1 before there is one. */
  readonly statusSeq: number;
  /** The newest event in the trace. */
  readonly traceSeq: number;
  /** The newest event after which only the server can say how the nodes stand; -1 if there is none. */
  readonly doubtSeq: number;
  /** The checkpoint that the run stands at. */
  readonly at: string | null;
  /** Nodes that the run's end has settled: they had not been reached. */
  readonly settled: ReadonlySet<string>;
  /** Nodes with others inside. */
  readonly holders: ReadonlySet<string>;
  /** Open segments by execution id, those of the run by "": their places in `segments`. */
  readonly open: ReadonlyMap<string, number>;
}

export const TERMINAL: ReadonlySet<string> = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
export const ENDED: ReadonlySet<NodeStatus> = new Set<NodeStatus>(["COMPLETED", "FAILED"]);

/** The nodes that `id` is inside of: of `a/b/c`, `a` and `a/b`. */
export function* around(id: string): Generator<string> {
  for (let slash = id.indexOf("/"); slash >= 0; slash = id.indexOf("/", slash + 1)) yield id.slice(0, slash);
}

export function blankNode(id: string): NodeView {
  return {
    id, status: "PENDING", attempt: 0, iterations: 0, progress: 0, startedAt: null, completedAt: null, message: null, error: null,
    items: null, waitsFor: null, until: null, executionId: null,
  };
}

/** Whether only the server can say how the nodes stand now. */
export const doubted = (state: RunState): boolean => state.doubtSeq > state.statusSeq;

/** A run of which nothing is known yet. */
export function emptyView(runId: string): RunState {
  return {
    runId, status: "PENDING", pausing: false, progress: 0, estimatedCompletion: null, currentNode: null, startedAt: null,
    finishedAt: null, runAttempt: 0, error: null, interrupts: [], waitsFor: null, until: null, stillRunning: [], nodes: new Map(),
    segments: [], checkpoints: [], lastSeq: 0,
    stateSeq: 0, statusSeq: -1, traceSeq: 0, doubtSeq: -1, at: null, settled: new Set(), holders: new Set(), open: new Map(),
  };
}
