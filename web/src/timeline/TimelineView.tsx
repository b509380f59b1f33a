import { useMemo, useRef, useState } from "react";
import { useRunView } from "../live/hooks";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Notice";
import { RowPlaces, useWindow } from "../ui/useWindow";
import { Axis } from "./Axis";
import { Brush } from "./Brush";
import { busyOf, rowsOf, wholeOf } from "./rows";
import { scaleOf, type Span } from "./scale";
import { TimelineRow } from "./TimelineRow";
import { useNow } from "./useNow";
import "./timeline.css";

const ROW_HEIGHT = 30;

interface Props {
  /** What nodes are called, by id. */
  names: ReadonlyMap<string, string>;
  selected: string | null;
  onSelect: (nodeId: string | null) => void;
}

/** When the run queued, worked, waited and retried: a row for the run and one for each node. */
export function TimelineView({ names, selected, onSelect }: Props) {
  const view = useRunView();
  const [window, setWindow] = useState<Span | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const lasting = view.segments.some((each) => each.end === null);
  const now = useNow(lasting);
  const rows = useMemo(() => rowsOf(view), [view]);
  const whole = wholeOf(view.segments, now);
  const full = scaleOf(whole, busyOf(view.segments, now));
  const shown = window ?? whole;
  const scale = window === null ? full : scaleOf(shown, busyOf(view.segments, now));
  const places = useMemo(() => new RowPlaces(rows.length, ROW_HEIGHT), [rows.length]);
  const { from, to } = useWindow(scroller, places);
  if (view.segments.length === 0) return <Empty title="Nothing has happened yet">The timeline begins when the run is queued.</Empty>;
  return (
    <div className="timeline">
      <Brush scale={full} segments={view.segments} now={now} window={window} onChange={setWindow} />
      <div className="timeline-tools">
        <Legend />
        {window !== null && <Button size="small" onClick={() => setWindow(null)}>Show all</Button>}
      </div>
      <Axis scale={scale} origin={whole.start} />
      <div className="timeline-rows" ref={scroller} tabIndex={0} role="region" aria-label="Timeline rows">
        <ol style={{ blockSize: places.total }}>
          {rows.slice(from, to).map((row, at) => (
            <li key={from + at} style={{ transform: `translateY(${places.offset(from + at)}px)` }}>
              <TimelineRow row={row} name={row.nodeId === null ? "Run" : (names.get(row.nodeId) ?? row.nodeId)} scale={scale} now={now} selected={row.nodeId !== null && row.nodeId === selected} onSelect={onSelect} />
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}

const KINDS = [["queued", "Queued"], ["running", "Running"], ["retry", "Waits to retry"], ["waiting", "Parked"], ["paused", "Paused"]] as const;

function Legend() {
  return (
    <ul className="timeline-legend" aria-label="Kinds of bars">
      {KINDS.map(([kind, word]) => <li key={kind}><span className="timeline-bar" data-kind={kind} /> {word}</li>)}
    </ul>
  );
}
