/** The log's lines: the last ones while it follows, otherwise those in view of however many there are. */
import { memo, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type RefObject, type WheelEvent } from "react";
import type { RunEvent } from "../../../api/types";
import { RowPlaces, useWindow } from "../../../ui/useWindow";
import type { LogRows } from "./LogRows";
import { joinedText } from "./LogRows";
import { LogRow } from "./LogRow";
import type { Heights } from "./measure";

const TAIL = 60;
const RING = 20;
const MOST_MOVED = 8;
/** Farther than any log scrolls. */
const FAR = 1e7;

interface Props {
  events: readonly RunEvent[];
  rows: LogRows;
  heights: Heights;
  following: boolean;
  active: number | null;
  opened: ReadonlySet<number>;
  onActive: (row: number | null) => void;
  onToggle: (row: number) => void;
  onFollow: (follow: boolean) => void;
}

type Shared = Pick<Props, "events" | "rows" | "heights" | "active" | "opened" | "onToggle"> & { scroller: RefObject<HTMLDivElement | null> };

function joinedOf(event: RunEvent, events: readonly RunEvent[], places: readonly number[]): string | null {
  return event.type === "node.delta" ? joinedText(events, places) : null;
}

/**
 * Keys by which the elements of rows that go are used for those that come: new text costs less than new elements. A few rows move theirs to
 * the other end; where most are new, each place keeps its element.
 */
function useKeys(from: number, to: number): (row: number) => number {
  const [shown, setShown] = useState({ from, turned: 0 });
  const moved = from - shown.from;
  const turned = Math.abs(moved) > MOST_MOVED ? shown.turned + moved : shown.turned;
  if (moved !== 0) setShown({ from, turned });
  const ring = Math.ceil((to - from) / RING) * RING;
  return (row) => (((row - turned) % ring) + ring) % ring;
}

function Rows({ events, rows, heights, active, opened, onToggle, scroller, from, to }: Shared & { from: number; to: number }) {
  useLayoutEffect(() => {
    const name = "aria-activedescendant";
    if (active !== null && active >= from && active < to) scroller.current?.setAttribute(name, `log-${active}`);
    else scroller.current?.removeAttribute(name);
  }, [scroller, active, from, to]);
  const shown = [];
  const keys = useKeys(from, to);
  for (let row = from; row < to; row += 1) {
    const places = rows.places(row);
    const event = events[places[0] ?? 0];
    if (event === undefined) continue;
    const joined = joinedOf(event, events, places);
    const open = opened.has(row);
    shown.push(
      <LogRow
        key={keys(row)} event={event} joined={joined} row={row} active={row === active} open={open}
        detailHeight={open ? heights.detail(event, joined) : 0} onToggle={onToggle}
      />,
    );
  }
  return shown;
}

/** Where the log is scrolled to once it does not follow any more: a row, or so many pixels above its end. */
type Start = { readonly row: number } | { readonly above: number };

/** Those of all rows that are in view. */
function Scrolled({ start, ...shared }: Shared & { start: Start }) {
  const { events, rows, heights, active, opened, scroller } = shared;
  const count = rows.first.length;
  const places = useMemo(() => {
    const higher = [...opened].flatMap((row): [number, number][] => {
      const found = rows.places(row);
      const event = events[found[0] ?? 0];
      return event === undefined ? [] : [[row, heights.detail(event, joinedOf(event, events, found))]];
    });
    return new RowPlaces(count, heights.line, new Map(higher));
  }, [count, events, rows, heights, opened]);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    element.scrollTop = "row" in start ? places.offset(start.row) : places.total - start.above - element.clientHeight;
    // Only when it begins: from then on the reader scrolls.
  }, [scroller]);
  const { from, to, show } = useWindow(scroller, places);
  const shownActive = useRef(active);
  useLayoutEffect(() => {
    if (active !== null && active !== shownActive.current) show(active);
    shownActive.current = active;
  }, [active, show]);
  return (
    <div role="rowgroup" className="log-space" style={{ height: places.total }}>
      <div role="presentation" style={{ transform: `translateY(${places.offset(from)}px)` }}>
        <Rows {...shared} from={from} to={to} />
      </div>
    </div>
  );
}

/** `version` changes whenever `rows` or the text of one does. */
export const LogBody = memo(function LogBody(props: Props & { version: number }) {
  const { events, rows, heights, following, active, opened, onActive, onToggle, onFollow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const start = useRef<Start>({ above: 0 });
  const count = rows.first.length;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!following || element === null) return;
    start.current = { above: 0 };
    element.scrollTop = FAR;
  });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!following || element === null) return;
    // What comes in around the log makes it smaller, without an event of its own.
    const watched = new ResizeObserver(() => { element.scrollTop = FAR; });
    watched.observe(element);
    return () => watched.disconnect();
  }, [following]);
  const leave = (to: Start) => {
    start.current = to;
    onFollow(false);
  };
  const above = () => {
    const element = scroller.current;
    return element === null ? 0 : element.scrollHeight - element.scrollTop - element.clientHeight;
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "End") onFollow(true);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
    const target = event.key === "Home" ? 0 : event.key === "End" ? count - 1 : step === undefined ? undefined : active === null ? count - 1 : active + step;
    if (event.key === "Enter" && active !== null) onToggle(active);
    else if (target === undefined || count === 0) return;
    else {
      const row = Math.min(count - 1, Math.max(0, target));
      if (following && row < count - TAIL) leave({ row });
      onActive(row);
    }
    event.preventDefault();
  };
  const wheel = (event: WheelEvent) => {
    if (following && event.deltaY < 0 && count > 0) leave({ above: above() + heights.line });
  };
  const scrolled = () => {
    if (following && above() > 2 * heights.line) leave({ above: above() });
  };
  const shared = { events, rows, heights, active, opened, onToggle, scroller };
  return (
    <div
      ref={scroller} className="log-body" role="treegrid" aria-label="Events" aria-rowcount={count} tabIndex={0} onKeyDown={press} onWheel={wheel} onScroll={scrolled}
      data-following={following || undefined}
    >
      {following ? <div role="rowgroup"><Rows {...shared} from={Math.max(0, count - TAIL)} to={count} /></div>
        : <Scrolled {...shared} start={start.current} />}
    </div>
  );
});
