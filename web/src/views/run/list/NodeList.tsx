/** Every node of the run as a list: what the graph shows, for keyboards, screen readers and small windows. */
import { useQueries } from "@tanstack/react-query";
import { useCallback, useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { GraphNode, NodeStatus } from "../../../api/types";
import { useRunView } from "../../../live/hooks";
import { Empty } from "../../../ui/Notice";
import { statusWord } from "../../../ui/Status";
import { useMedia } from "../../../ui/useMedia";
import { RowPlaces, useWindow } from "../../../ui/useWindow";
import { items, itemsMark } from "../executions";
import type { Selection } from "../selection";
import { entriesOf, hasItems, type Entry } from "./entries";
import { ItemRow } from "./ItemRow";
import { NodeRow } from "./NodeRow";
import { countsOf, parentOf, rowsOf, SORTS, type Sort } from "./rows";

const PAGE = 200;
const HEADS = ["Node", "Status", "Type", "Attempts", "Runs", "Time", ""] as const;
const SORT_NAMES: Readonly<Record<Sort, string>> = { order: "As in the graph", status: "Most urgent first", duration: "Slowest first", attempts: "Most attempts first", name: "By name" };

export function NodeList({ nodes, selection }: { nodes: readonly GraphNode[]; selection: Selection }) {
  const run = useRunView();
  const [status, setStatus] = useState<NodeStatus | "ALL">("ALL");
  const [sort, setSort] = useState<Sort>("order");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [wanted, setWanted] = useState<ReadonlyMap<string, number>>(new Map());
  const [active, setActive] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const narrow = useMedia("(max-width: 48rem)");
  const height = Math.round(parseFloat(getComputedStyle(document.documentElement).fontSize) * (narrow ? 3.25 : 2.25));
  useEffect(() => {
    const above = selection.node === null ? null : parentOf(selection.node);
    if (above !== null) setOpen((before) => new Set([...before, ...chain(above)]));
  }, [selection.node]);
  const rows = useMemo(() => rowsOf(nodes, run.nodes, { status, sort, open }, Date.now()), [nodes, run.nodes, status, sort, open]);
  const counts = useMemo(() => countsOf(nodes, run.nodes), [nodes, run.nodes]);
  const fans = rows.filter((row) => row.open && hasItems(row));
  const read = useQueries({
    queries: fans.map(({ id, view }) => items(selection.projectId, selection.runId, id, itemsMark(view), wanted.get(id) ?? PAGE, false)),
  });
  const entries = entriesOf(rows, new Map(fans.map((row, at) => [row.id, read[at]?.data])));
  const places = useMemo(() => new RowPlaces(entries.length, height), [entries.length, height]);
  const { from, to, show } = useWindow(scroller, places, height);
  const place = entries.findIndex((entry) => entry.kind === "node" && entry.row.id === selection.node);
  useEffect(() => {
    if (place < 0) return;
    setActive(place);
    show(place);
  }, [selection.node, place >= 0]);
  const toggle = useCallback((id: string) => setOpen((before) => {
    const next = new Set(before);
    if (!next.delete(id)) next.add(id);
    return next;
  }), []);
  const current = useRef(entries);
  current.current = entries;
  const pick = useCallback((index: number) => {
    setActive(index);
    const entry = current.current[index];
    if (entry?.kind === "node") selection.selectNode(entry.row.id);
    else if (entry?.kind === "item") selection.selectNode(entry.item.node_id);
    else if (entry?.kind === "more") setWanted((before) => new Map(before).set(entry.nodeId, (before.get(entry.nodeId) ?? PAGE) + PAGE));
  }, [selection]);
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -Infinity, End: Infinity }[event.key];
    const entry = entries[active];
    if (step !== undefined) {
      const next = Math.min(entries.length - 1, Math.max(0, active + step));
      setActive(next);
      show(next);
    } else if (event.key === "Enter" || event.key === " ") pick(active);
    else if (entry?.kind === "node" && entry.expands && event.key === (entry.row.open ? "ArrowLeft" : "ArrowRight")) toggle(entry.row.id);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="list">
      <Choices counts={counts} status={status} sort={sort} onStatus={setStatus} onSort={setSort} />
      <div
        ref={scroller} className="list-body" role="treegrid" aria-label="Nodes" aria-rowcount={entries.length + 1} tabIndex={0} onKeyDown={press}
        aria-activedescendant={active >= from && active < to ? `node-row-${active}` : undefined}
      >
        <div role="row" className="list-row list-heads" aria-rowindex={1}>
          {HEADS.map((head) => <span key={head} role="columnheader">{head === "" ? <span className="visually-hidden">Progress or error</span> : head}</span>)}
        </div>
        {entries.length === 0 ? <Nothing filtered={status !== "ALL"} /> : (
          <div role="rowgroup" className="list-space" style={{ height: places.total }}>
            {entries.slice(from, to).map((entry, at) => (
              <Line
                key={from + at} entry={entry} index={from + at} top={places.offset(from + at)} active={from + at === active} selected={selection.node}
                onPick={pick} onToggle={toggle}
              />
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

interface LineProps {
  entry: Entry;
  index: number;
  top: number;
  active: boolean;
  selected: string | null;
  onPick: (index: number) => void;
  onToggle: (id: string) => void;
}

function Line({ entry, selected, onToggle, ...rest }: LineProps) {
  if (entry.kind === "node") return <NodeRow row={entry.row} expands={entry.expands} selected={entry.row.id === selected} onToggle={onToggle} {...rest} />;
  if (entry.kind === "item") return <ItemRow item={entry.item} depth={entry.depth} {...rest} />;
  return (
    <div role="row" id={`node-row-${rest.index}`} className="list-row" aria-rowindex={rest.index + 2} data-active={rest.active || undefined} style={{ top: rest.top }} onClick={() => rest.onPick(rest.index)}>
      <span role="gridcell" className="list-more">{entry.loading ? "Loading items…" : "Show more items"}</span>
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  return filtered ? <Empty title="No node has this status" /> : <Empty title="No nodes yet">They show here as soon as the run has any.</Empty>;
}

interface ChoicesProps {
  counts: ReadonlyMap<NodeStatus, number>;
  status: NodeStatus | "ALL";
  sort: Sort;
  onStatus: (status: NodeStatus | "ALL") => void;
  onSort: (sort: Sort) => void;
}

function Choices({ counts, status, sort, onStatus, onSort }: ChoicesProps) {
  const id = useId();
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return (
    <div className="list-choices">
      <label htmlFor={`${id}-status`}>Status</label>
      <select id={`${id}-status`} className="input" value={status} onChange={(event) => onStatus(event.target.value as NodeStatus | "ALL")}>
        <option value="ALL">All ({total})</option>
        {[...counts].map(([each, count]) => <option key={each} value={each}>{statusWord(each)} ({count})</option>)}
      </select>
      <label htmlFor={`${id}-sort`}>Sort</label>
      <select id={`${id}-sort`} className="input" value={sort} onChange={(event) => onSort(event.target.value as Sort)}>
        {SORTS.map((each) => <option key={each} value={each}>{SORT_NAMES[each]}</option>)}
      </select>
    </div>
  );
}

function chain(id: string): string[] {
  const above = parentOf(id);
  return above === null ? [id] : [...chain(above), id];
}
