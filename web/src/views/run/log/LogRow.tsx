import { type KeyboardEvent, memo } from "react";
import type { RunEvent } from "../../../api/types";
import { clock } from "../../../ui/format";
import { detailOf, levelOf, toneOf } from "./lines";

interface Props {
  event: RunEvent;
  /** The text of all the pieces that the row joins; null where it is one event. */
  joined: string | null;
  row: number;
  active: boolean;
  open: boolean;
  detailHeight: number;
  onToggle: (row: number) => void;
}

/** One line of the log; opened, with its data under it. */
export const LogRow = memo(function LogRow({ event, joined, row, active, open, detailHeight, onToggle }: Props) {
  const level = levelOf(event);
  return (
    <div
      role="row" id={`log-${row}`} aria-rowindex={row + 1} aria-level={1} aria-expanded={open} aria-selected={active} className="log-item"
      data-tone={toneOf(event)} data-seq={event.seq} data-type={event.type}
    >
      <div className="log-line" role="presentation" onClick={() => onToggle(row)}>
        <span role="gridcell" className="log-mark" />
        <span role="gridcell" className="log-time numeric">{clock(Date.parse(event.ts))}</span>
        <span role="gridcell" className="log-type">{level === null ? event.type : <b className="log-level">{level}</b>}</span>
        <span role="gridcell" className="log-node">{event.node_id ?? ""}</span>
        <span role="gridcell" className="log-text">{joined ?? detailOf(event)}</span>
      </div>
      {open && (
        <div role="gridcell" className="log-detail" style={{ height: detailHeight }} tabIndex={0} onKeyDown={scrolled}>
          <pre>{detailText(event, joined)}</pre>
        </div>
      )}
    </div>
  );
});

/** Keys that scroll the row's data do not move along the rows. */
function scrolled(event: KeyboardEvent) {
  if (/^(Arrow|Page|Home|End)/.test(event.key)) event.stopPropagation();
}

/** What an opened row shows. */
export function detailText(event: RunEvent, joined: string | null): string {
  const head = `#${event.seq}  ${event.ts}  attempt ${event.run_attempt}`;
  return `${head}\n${joined ?? JSON.stringify(event.data, null, 2)}`;
}
