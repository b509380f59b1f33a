import { useMemo } from "react";
import { useEvents } from "../../../live/hooks";
import { clock } from "../../../ui/format";
import { Empty } from "../../../ui/Notice";
import { detailOf, levelOf, toneOf } from "../log/lines";
import { joinedText, LogRows } from "../log/LogRows";

const SHOWN = 300;

/** What the node logged, and the text that its model streamed. */
export function NodeLog({ nodeId }: { nodeId: string }) {
  const { items, version } = useEvents();
  const made = useMemo(() => new LogRows({ groups: new Set(["log", "text"]), node: nodeId, text: "", errorsOnly: false }), [nodeId]);
  const rows = useMemo(() => made.extend(items), [made, items, version]);
  const count = rows.first.length;
  if (count === 0) return <Empty title="It logged nothing" />;
  const from = Math.max(0, count - SHOWN);
  return (
    <div className="stack">
      {from > 0 && <p className="muted small">The last {SHOWN} of {count.toLocaleString()} lines; the event log has all.</p>}
      <ol className="node-log">
        {Array.from({ length: count - from }, (_, at) => <Line key={rows.first[from + at]} rows={rows} row={from + at} />)}
      </ol>
    </div>
  );
}

function Line({ rows, row }: { rows: LogRows; row: number }) {
  const { items } = useEvents();
  const places = rows.places(row);
  const event = items[places[0] ?? 0];
  if (event === undefined) return null;
  return (
    <li data-tone={toneOf(event)}>
      <span className="log-time numeric">{clock(Date.parse(event.ts))}</span> <b className="log-level">{levelOf(event) ?? ""}</b>{" "}
      <span>{event.type === "node.delta" ? joinedText(items, places) : detailOf(event)}</span>
    </li>
  );
}
