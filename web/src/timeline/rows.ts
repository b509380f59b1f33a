/** What stands in which row of the timeline. */
import type { RunView, Segment } from "../model/run";
import type { Span } from "./scale";

export interface Row {
  /** null: the run itself. */
  readonly nodeId: string | null;
  readonly segments: readonly Segment[];
}

/** The run's row, then a row for each node that has begun, in the order in which they began. */
export function rowsOf(view: RunView): Row[] {
  const rows = new Map<string | null, Segment[]>([[null, []]]);
  for (const segment of view.segments) {
    const row = rows.get(segment.nodeId);
    if (row === undefined) rows.set(segment.nodeId, [segment]);
    else row.push(segment);
  }
  return [...rows].map(([nodeId, segments]) => ({ nodeId, segments }));
}

/** From the first segment's start to the last one's end; `now` for what lasts. At least a millisecond. */
export function wholeOf(segments: readonly Segment[], now: number): Span {
  let [start, end] = [Infinity, -Infinity];
  for (const segment of segments) {
    start = Math.min(start, segment.start);
    end = Math.max(end, segment.end ?? now);
  }
  return start === Infinity ? { start: now - 1, end: now } : { start, end: Math.max(end, start + 1) };
}

/** The stretches in which a node was at work. */
export function busyOf(segments: readonly Segment[], now: number): Span[] {
  return segments.filter((each) => each.kind === "running" && each.nodeId !== null).map((each) => ({ start: each.start, end: each.end ?? now }));
}
