/** Events of a run, as a server would number and time them. */
import type { JsonObject, RunEvent, Status } from "../../src/api/types";

export const BEGIN = Date.parse("2026-03-04T09:30:00.000Z");
export const RUN = "0198a0b0-0000-7000-8000-000000000001";

/** Each event is 10 ms after the one before. */
export class Log {
  readonly events: RunEvent[] = [];

  add(type: string, nodeId: string | null = null, data: JsonObject = {}, after = 10): RunEvent {
    const seq = this.events.length + 1;
    const last = this.events.at(-1);
    const at = (last === undefined ? BEGIN : Date.parse(last.ts)) + after;
    const event = { seq, run_id: RUN, ts: new Date(at).toISOString(), type, node_id: nodeId, run_attempt: 1, data };
    this.events.push(event);
    return event;
  }

  begin(): this {
    this.add("run.created");
    this.add("run.queued", null, { why: "execute" });
    this.add("run.started");
    return this;
  }

  started(id: string, execution = `x-${id}`, attempt = 1): RunEvent {
    return this.add("node.started", id, { node_execution_id: execution, attempt });
  }

  completed(id: string, execution = `x-${id}`, more: JsonObject = {}): RunEvent {
    return this.add("node.completed", id, { node_execution_id: execution, attempt: 1, progress: 0.5, ...more });
  }

  saved(checkpointId: string, step = 0): RunEvent {
    return this.add("checkpoint.saved", null, { checkpoint_id: checkpointId, step, next: [] });
  }
}

/** What the server says of a run whose nodes are `nodes`. */
export function statusOf(lastSeq: number, nodes: Record<string, Status["node_states"][number]["status"]>, more: Partial<Status> = {}): Status {
  return {
    run_id: RUN, status: "RUNNING", progress: 0, current_node: null, started_at: null, finished_at: null, paused_at: null,
    estimated_completion: null, error: null, interrupts: [], waiting_for: null, pausing: false, checkpoint_id: null, last_seq: lastSeq, still_running: [],
    node_states: Object.entries(nodes).map(([node_id, status]) => ({
      node_id, status, progress: 0, started_at: null, completed_at: null, attempt: 0, iterations: 0,
    })),
    ...more,
  };
}
