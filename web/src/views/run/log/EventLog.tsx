/** All that happened in the run, line by line. */
import { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import { useShortcuts } from "../../../app/shortcuts";
import { useConnection, useEvents, useLive } from "../../../live/hooks";
import { Button } from "../../../ui/Button";
import { Empty, Loading } from "../../../ui/Notice";
import { useMedia } from "../../../ui/useMedia";
import { LogBody } from "./LogBody";
import { LogFilters } from "./LogFilters";
import { GROUPS } from "./lines";
import { heights } from "./measure";
import { LogRows, type Filter } from "./LogRows";

const EVERYTHING: Filter = { groups: new Set(GROUPS), node: null, text: "", errorsOnly: false };

export function EventLog({ node, keys }: { node: string | null; keys: boolean }) {
  const { items, version } = useEvents();
  const lastSeq = useLive((view) => view.lastSeq);
  const status = useLive((view) => view.status);
  const connection = useConnection();
  const [filter, setFilter] = useState(EVERYTHING);
  const [following, setFollowing] = useState(true);
  const search = useRef<HTMLInputElement>(null);
  const narrow = useMedia("(max-width: 48rem)");
  const sizes = useMemo(() => heights(parseFloat(getComputedStyle(document.documentElement).fontSize), narrow), [narrow]);
  const wanted = useDeferredValue(filter);
  const made = useMemo(() => new LogRows(wanted), [wanted]);
  const rows = useMemo(() => made.extend(items), [made, items, version]);
  const count = rows.first.length;
  const { active, opened, setActive, toggle } = useMarked(made);
  useShortcuts(keys ? {
    F: () => setFollowing((before) => !before),
    E: () => setFilter((before) => ({ ...before, errorsOnly: !before.errorsOnly })),
    "/": () => search.current?.focus(),
    End: () => setFollowing(true),
  } : {});
  return (
    <section className="pane log" aria-label="Event log" data-events={count} data-loading={items.length < lastSeq || undefined}>
      <div className="pane-head">
        <h2>Events <span className="muted numeric">{told(count, items.length, lastSeq)}</span></h2>
        <LogFilters filter={filter} onChange={setFilter} search={search} node={node} />
        <button type="button" className="chip" aria-pressed={following} aria-keyshortcuts="F" onClick={() => setFollowing(!following)}>Follow</button>
      </div>
      {items.length === 0 && (connection === "connecting" || items.length < lastSeq ? <Loading what="Loading the events" /> : (
        <Empty title="Nothing has happened yet">{status === "PENDING" ? "The run was made and nobody has started it." : "Events show here as they come."}</Empty>
      ))}
      {items.length > 0 && count === 0 && (
        <Empty title="No event matches"><Button size="small" onClick={() => setFilter(EVERYTHING)}>Show all events</Button></Empty>
      )}
      {count > 0 && (
        <LogBody
          events={items} rows={rows} heights={sizes} following={following} active={active} opened={opened} onActive={setActive} onToggle={toggle}
          onFollow={setFollowing} version={version}
        />
      )}
    </section>
  );
}

interface Marked {
  readonly active: number | null;
  readonly opened: ReadonlySet<number>;
}

const NONE: Marked = { active: null, opened: new Set() };

/** Which row is active and which are opened: none, where other rows are shown than those they were of. */
function useMarked(rows: LogRows) {
  const [last, setLast] = useState({ of: rows, marked: NONE });
  const change = useCallback((by: (before: Marked) => Marked) => {
    setLast(({ of, marked }) => ({ of: rows, marked: by(of === rows ? marked : NONE) }));
  }, [rows]);
  const setActive = useCallback((active: number | null) => change(({ opened }) => ({ active, opened })), [change]);
  const toggle = useCallback((row: number) => change((before) => {
    const opened = new Set(before.opened);
    if (!opened.delete(row)) opened.add(row);
    return { active: row, opened };
  }), [change]);
  return { ...(last.of === rows ? last.marked : NONE), setActive, toggle };
}

function told(shown: number, loaded: number, all: number): string {
  if (loaded < all) return `loading ${loaded.toLocaleString()} of ${all.toLocaleString()}`;
  return shown === loaded ? loaded.toLocaleString() : `${shown.toLocaleString()} of ${loaded.toLocaleString()}`;
}
