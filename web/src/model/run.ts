/** What a page knows of one run. `apply` (apply.ts) makes it from events; every pane reads it, so panes cannot disagree. */
import type { Interrupt, NodeStatus, RunError, RunStatus } from "../api/types";

/** Times are milliseconds since 1970. */
export interface NodeView {
  readonly id: string;
  readonly status: NodeStatus;
  readonly attempt: number;
  readonly iterations: number;
  /** 0 to 1. */
  readonly progress: number;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly message: string | null;
  readonly error: RunError | null;
  /** Of a fan-out. */
  readonly items: { readonly total: number; readonly completed: number; readonly failed: number } | null;
  readonly waitsFor: "answer" | "time" | "event" | null;
  /** When its next attempt begins, or its wait is over. */
  readonly until: number | null;
  readonly executionId: string | null;
}

/** A stretch of time in the life of the run or of a node, for the timeline. `end` is null while it lasts. */
export interface Segment {
  readonly kind: "queued" | "running" | "retry" | "waiting" | "paused";
  readonly nodeId: string | null;
  readonly start: number;
  readonly end: number | null;
  readonly attempt: number;
  /** How a running stretch ended. */
  readonly status: NodeStatus | RunStatus | null;
}

export interface CheckpointMark {
  readonly checkpointId: string;
  readonly step: number;
  readonly next: readonly string[];
  readonly seq: number;
  readonly at: number;
}

export interface RunView {
  readonly runId: string;
  readonly status: RunStatus;
  readonly pausing: boolean;
  readonly progress: number;
  readonly estimatedCompletion: number | null;
  readonly currentNode: string | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly runAttempt: number;
  readonly error: RunError | null;
  readonly interrupts: readonly Interrupt[];
  readonly waitsFor: "answer" | "time" | "event" | null;
  readonly until: number | null;
  /** Nodes whose code still executes after a cancel or a pause. */
  readonly stillRunning: readonly string[];
  readonly nodes: ReadonlyMap<string, NodeView>;
  readonly segments: readonly Segment[];
  readonly checkpoints: readonly CheckpointMark[];
  /** The newest event that is in here. */
  readonly lastSeq: number;
}
