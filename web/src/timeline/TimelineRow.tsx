import { memo } from "react";
import type { Segment } from "../model/run";
import { duration } from "../ui/format";
import { statusWord } from "../ui/Status";
import type { Row } from "./rows";
import type { Scale } from "./scale";

interface Props {
  row: Row;
  /** What the node is called. */
  name: string;
  scale: Scale;
  now: number;
  selected: boolean;
  onSelect: (nodeId: string | null) => void;
}

/** A name and its bars. */
export const TimelineRow = memo(function TimelineRow({ row, name, scale, now, selected, onSelect }: Props) {
  const worked = row.segments.reduce((sum, each) => sum + (each.kind === "running" ? (each.end ?? now) - each.start : 0), 0);
  return (
    <button
      type="button" className="timeline-row" aria-pressed={row.nodeId === null ? undefined : selected} data-run={row.nodeId === null || undefined}
      onClick={() => onSelect(row.nodeId)}
    >
      <span className="timeline-name" title={row.nodeId ?? undefined}>{name}</span>
      <span className="visually-hidden">: {row.segments.map((each) => told(each, now)).join("; ")}; worked </span>
      <span className="timeline-track">
        {row.segments.map((segment, index) => <Bar key={index} segment={segment} scale={scale} now={now} />)}
      </span>
      <span className="timeline-took numeric">{duration(worked)}</span>
    </button>
  );
});

function Bar({ segment, scale, now }: { segment: Segment; scale: Scale; now: number }) {
  const end = segment.end ?? now;
  if (end < scale.whole.start || segment.start > scale.whole.end) return null;
  const [from, to] = [scale.place(segment.start), scale.place(end)];
  return (
    <span
      className="timeline-bar" data-kind={segment.kind} data-status={segment.status ?? (segment.end === null ? "RUNNING" : "COMPLETED")}
      data-lasting={segment.end === null || undefined} title={told(segment, now)} style={{ insetInlineStart: `${from * 100}%`, inlineSize: `${(to - from) * 100}%` }}
    />
  );
}

const WORDS = { queued: "queued", running: "ran", retry: "waited to retry", waiting: "was parked", paused: "was paused" } as const;

function told(segment: Segment, now: number): string {
  const how = segment.status === null || segment.kind !== "running" ? "" : `, ${statusWord(segment.status).toLowerCase()}`;
  const attempt = segment.attempt > 1 ? `, attempt ${segment.attempt}` : "";
  return `${WORDS[segment.kind]} ${duration((segment.end ?? now) - segment.start)}${attempt}${how}`;
}
