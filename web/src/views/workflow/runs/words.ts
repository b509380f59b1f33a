/** What a row says of a run. */
import type { RunSummary } from "../../../api/types";
import { duration, toMs } from "../../../ui/format";

/** The end of a run's id: beginnings are alike, they are times. */
export const shortId = (id: string): string => id.slice(-8);

export const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";

/** How long a run took, or has been going on; a dash before it starts. */
export function durationOf(run: Pick<RunSummary, "started_at" | "finished_at">, now: number): string {
  const [start, end] = [toMs(run.started_at), toMs(run.finished_at)];
  return start === null ? "–" : duration(Math.max(0, (end ?? now) - start));
}

/** What made the run. */
export function originOf(run: Pick<RunSummary, "forked_from" | "parent_run_id" | "test_mode" | "run_attempt">): string {
  if (run.forked_from !== null) return `Fork of ${shortId(run.parent_run_id ?? run.forked_from)}`;
  if (run.parent_run_id !== null) return `Rerun of ${shortId(run.parent_run_id)}`;
  return run.test_mode ? "Dry run" : run.run_attempt > 1 ? `Attempt ${run.run_attempt}` : "Started";
}
