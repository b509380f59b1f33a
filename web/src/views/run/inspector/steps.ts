/** Between which checkpoints a node ran. */
import type { RunEvent } from "../../../api/types";

export interface Around {
  readonly from: string;
  readonly to: string;
}

const ENDS: ReadonlySet<string> = new Set(["node.completed", "node.failed"]);

function checkpoint(events: readonly RunEvent[], start: number, step: 1 | -1): string | null {
  for (let at = start; at >= 0 && at < events.length; at += step) {
    const event = events[at];
    if (event?.type === "checkpoint.saved") return String(event.data["checkpoint_id"]);
  }
  return null;
}

/** The checkpoints before an execution of a node began and after it ended; null while there are not both. */
export function checkpointsAround(events: readonly RunEvent[], nodeId: string, executionId: string): Around | null {
  const own = (event: RunEvent) => event.node_id === nodeId && event.data["node_execution_id"] === executionId;
  const began = events.findIndex((event) => event.type === "node.started" && own(event));
  const ended = events.findLastIndex((event) => ENDS.has(event.type) && own(event));
  if (began < 0 || ended < 0) return null;
  // The step that started a node may be saved just after the node has begun.
  const between = events.findIndex((event, at) => at > began && at < ended && event.type === "checkpoint.saved" && Array.isArray(event.data["next"]) && event.data["next"].includes(nodeId));
  const from = between >= 0 ? String(events[between]?.data["checkpoint_id"]) : checkpoint(events, began, -1);
  const to = checkpoint(events, ended, 1);
  return from === null || to === null || from === to ? null : { from, to };
}
