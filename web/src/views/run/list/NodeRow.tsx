import { memo } from "react";
import { Icon } from "../../../ui/Icon";
import { percent } from "../../../ui/format";
import { Status } from "../../../ui/Status";
import { Took } from "./Took";
import { statusOf, type Row } from "./rows";

export interface RowProps {
  index: number;
  top: number;
  active: boolean;
  onPick: (index: number) => void;
}

interface Props extends RowProps {
  row: Row;
  expands: boolean;
  selected: boolean;
  onToggle: (id: string) => void;
}

/** One node of the list. */
export const NodeRow = memo(function NodeRow({ row, index, top, active, expands, selected, onPick, onToggle }: Props) {
  const { view } = row;
  return (
    <div
      role="row" id={`node-row-${index}`} aria-rowindex={index + 2} aria-level={row.depth + 1} aria-selected={selected} aria-expanded={expands ? row.open : undefined}
      className="list-row" data-node={row.id} data-node-status={statusOf(row)} data-active={active || undefined} style={{ top }} onClick={() => onPick(index)}
    >
      <span role="gridcell" className="list-name" style={{ paddingLeft: `${row.depth * 1.25}rem` }}>
        {expands ? (
          <button
            type="button" tabIndex={-1} className="list-open" aria-label={`${row.open ? "Close" : "Open"} ${row.name}`}
            onClick={(event) => { event.stopPropagation(); onToggle(row.id); }}
          >
            <Icon name="chevron" />
          </button>
        ) : <span className="list-open" />}
        <span className="list-label" title={row.id}>{row.name}</span>
      </span>
      <span role="gridcell" className="list-status"><Status status={statusOf(row)} /></span>
      <span role="gridcell" className="list-type muted">{row.type}</span>
      <span role="gridcell" className="list-number numeric" data-label="attempts">{view === undefined || view.attempt === 0 ? "" : view.attempt}</span>
      <span role="gridcell" className="list-number numeric" data-label="iterations">{view === undefined || view.iterations < 2 ? "" : `×${view.iterations}`}</span>
      <span role="gridcell" className="list-number numeric"><Took view={view} /></span>
      <span role="gridcell" className="list-said">{said(row)}</span>
    </div>
  );
});

/** The first line of its error, or how far it is. */
function said({ view }: Row) {
  if (view === undefined) return null;
  if (view.error !== null && view.status !== "COMPLETED") return <span className="list-error">{firstLine(view.error.message ?? view.error.type ?? view.error.code)}</span>;
  const { items } = view;
  const counts = items === null ? "" : `${items.completed} of ${items.total} items${items.failed > 0 ? `, ${items.failed} failed` : ""}`;
  const share = view.status === "RUNNING" && view.progress > 0 ? percent(view.progress) : "";
  return <span className="muted">{[share, counts, view.message ?? ""].filter((part) => part !== "").join(" · ")}</span>;
}

/** A message's first line; nothing of null. */
export function firstLine(message: string | null): string {
  return message?.split("\n", 1)[0] ?? "";
}
