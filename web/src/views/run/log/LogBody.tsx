/** The log's lines: the last ones while it follows, otherwise those in view of however many there are. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useLayoutEffect, useRef, type KeyboardEvent, type WheelEvent } from "react";
import type { RunEvent } from "../../../api/types";
import type { LogRows } from "./LogRows";
import { joinedText } from "./LogRows";
import { LogRow } from "./LogRow";
import type { Heights } from "./measure";

const TAIL = 60;

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

interface RowsProps extends Pick<Props, "events" | "rows" | "heights" | "active" | "opened" | "onToggle"> {
  from: number;
  to: number;
}

function Rows({ events, rows, heights, active, opened, onToggle, from, to }: RowsProps) {
  const shown = [];
  for (let row = from; row < to; row += 1) {
    const places = rows.places(row);
    const event = events[places[0] ?? 0];
    if (event === undefined) continue;
    const joined = event.type === "node.delta" ? joinedText(events, places) : null;
    const open = opened.has(row);
    shown.push(
      <LogRow
        key={event.seq} event={event} joined={joined} row={row} active={row === active} open={open}
        detailHeight={open ? heights.detail(event, joined) : 0} onToggle={onToggle}
      />,
    );
  }
  return shown;
}

/** `version` changes whenever `rows` or the text of one does. */
export const LogBody = memo(function LogBody(props: Props & { version: number }) {
  const { events, rows, heights, following, active, opened, onActive, onToggle, onFollow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const count = rows.first.length;
  const sizeOf = useCallback((row: number) => {
    if (!opened.has(row)) return heights.line;
    const places = rows.places(row);
    const event = events[places[0] ?? 0];
    if (event === undefined) return heights.line;
    return heights.line + heights.detail(event, event.type === "node.delta" ? joinedText(events, places) : null);
  }, [events, rows, heights, opened]);
  const virtual = useVirtualizer({
    count: following ? 0 : count, getScrollElement: () => scroller.current, estimateSize: sizeOf, overscan: 12,
    initialOffset: () => Math.max(0, count * heights.line),
  });
  useEffect(() => virtual.measure(), [virtual, sizeOf]);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (following && element !== null) element.scrollTop = element.scrollHeight;
  });
  const leave = () => {
    const element = scroller.current;
    const above = element === null ? 0 : element.scrollHeight - element.scrollTop - element.clientHeight;
    onFollow(false);
    requestAnimationFrame(() => virtual.scrollToOffset(Math.max(0, virtual.getTotalSize() - above - (element?.clientHeight ?? 0) - heights.line)));
  };
  const go = (to: number) => {
    if (count === 0) return;
    const row = Math.min(count - 1, Math.max(0, to));
    if (following && row < count - TAIL) onFollow(false);
    onActive(row);
    if (!following) virtual.scrollToIndex(row);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "End") onFollow(true);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
    const target = event.key === "Home" ? 0 : event.key === "End" ? count - 1 : step === undefined ? undefined : active === null ? count - 1 : active + step;
    if (event.key === "Enter" && active !== null) onToggle(active);
    else if (target === undefined) return;
    else if (event.key === "Home") {
      onFollow(false);
      requestAnimationFrame(() => { virtual.scrollToOffset(0); onActive(0); });
    } else go(target);
    event.preventDefault();
  };
  const wheel = (event: WheelEvent) => {
    if (following && event.deltaY < 0 && count > 0) leave();
  };
  const scrolled = () => {
    const element = scroller.current;
    if (!following || element === null) return;
    if (element.scrollHeight - element.scrollTop - element.clientHeight > 2 * heights.line) leave();
  };
  const items = virtual.getVirtualItems();
  const shared = { events, rows, heights, active, opened, onToggle };
  return (
    <div
      ref={scroller} className="log-body" role="treegrid" aria-label="Events" aria-rowcount={count} tabIndex={0} onKeyDown={press} onWheel={wheel} onScroll={scrolled}
      aria-activedescendant={active === null ? undefined : `log-${active}`} data-following={following || undefined}
    >
      {following ? (
        <div role="rowgroup"><Rows {...shared} from={Math.max(0, count - TAIL)} to={count} /></div>
      ) : (
        <div role="rowgroup" className="log-space" style={{ height: virtual.getTotalSize() }}>
          <div role="presentation" style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}>
            <Rows {...shared} from={items[0]?.index ?? 0} to={(items.at(-1)?.index ?? -1) + 1} />
          </div>
        </div>
      )}
    </div>
  );
});
