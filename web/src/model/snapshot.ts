/** States as `GET …/status` tells them. */
import type { NodeState, Status } from "../api/types";
import type { NodeView } from "./run";
import { time, waiting } from "./read";
import { TERMINAL, around, blankNode, type RunState } from "./state";

/**
 * `before` with the states of `status`, which are as of its `last_seq`; the trace stays.
 * Events after that have to be applied to what this gives (`reconciled` in apply.ts does).
 */
export function fromStatus(status: Status, before: RunState): RunState {
  const nodes = new Map<string, NodeView>();
  const settled = new Set<string>();
  const over = TERMINAL.has(status.status);
  for (const state of status.node_states) {
    const node = nodeOf(state, before.nodes.get(state.node_id) ?? blankNode(state.node_id));
    nodes.set(state.node_id, node);
    if (over && (node.status === "SKIPPED" || node.status === "CANCELLED") && node.completedAt === null) settled.add(node.id);
  }
  for (const [id, node] of before.nodes) {
    if (!nodes.has(id)) nodes.set(id, { ...node, ...PENDING });
  }
  return {
    ...before,
    status: status.status,
    pausing: status.pausing,
    progress: status.progress,
    estimatedCompletion: time(status.estimated_completion),
    currentNode: status.current_node,
    startedAt: time(status.started_at),
    finishedAt: time(status.finished_at),
    error: status.error === null ? null : { ...before.error, ...status.error },
    interrupts: status.interrupts,
    waitsFor: waiting(status.waiting_for?.["for"]),
    until: time(status.waiting_for?.["until"]),
    // Of a status that is older than the trace, some may have ended since.
    stillRunning: status.last_seq < before.traceSeq ? before.stillRunning : status.still_running,
    nodes,
    settled,
    holders: new Set([...nodes.keys()].flatMap((id) => [...around(id)])),
    stateSeq: status.last_seq,
    statusSeq: status.last_seq,
    lastSeq: Math.max(before.traceSeq, status.last_seq),
  };
}

const PENDING = { status: "PENDING", attempt: 0, iterations: 0, progress: 0, startedAt: null, completedAt: null } as const;

/** The node as the status has it: the same object where nothing has changed, so that nothing is drawn anew. */
function nodeOf(state: NodeState, before: NodeView): NodeView {
  const told = {
    status: state.status,
    attempt: state.attempt,
    iterations: state.iterations,
    progress: state.progress,
    startedAt: time(state.started_at),
    completedAt: time(state.completed_at),
  };
  const same = (Object.keys(told) as (keyof typeof told)[]).every((key) => told[key] === before[key]);
  return same ? before : { ...before, ...told };
}
