/** A window on many rows whose heights are known: which of them show in a scrolling element. Costs the same however many there are. */
import { useCallback, useLayoutEffect, useState, type RefObject } from "react";
import { flushSync } from "react-dom";

/** Rows that are there above and below what shows. */
const AROUND = 12;
const NONE: ReadonlyMap<number, number> = new Map();

/** Where rows stand, in pixels: all have one height, but for some that are so much higher. */
export class RowPlaces {
  private readonly higher: readonly (readonly [row: number, by: number])[];
  readonly total: number;

  constructor(readonly count: number, readonly line: number, higher: ReadonlyMap<number, number> = NONE) {
    this.higher = [...higher].filter(([row]) => row < count).sort(([one], [other]) => one - other);
    this.total = this.offset(count);
  }

  /** Where a row begins. */
  offset(row: number): number {
    let at = row * this.line;
    for (const [each, by] of this.higher) {
      if (each >= row) break;
      at += by;
    }
    return at;
  }

  /** The row that is at an offset; the first or the last where none is. */
  at(offset: number): number {
    let before = 0;
    for (const [row, by] of this.higher) {
      const top = row * this.line + before;
      if (offset < top) break;
      if (offset < top + this.line + by) return row;
      before += by;
    }
    return Math.max(0, Math.min(this.count - 1, Math.floor((offset - before) / this.line)));
  }
}

export interface RowWindow {
  /** The rows to draw: from the first up to, and without, the second. */
  readonly from: number;
  readonly to: number;
  /** Scrolls as far as it takes to show a row. */
  show(row: number): void;
}

/** `covered`: pixels at the scroller's top that something else stands on. */
export function useWindow(scroller: RefObject<HTMLElement | null>, places: RowPlaces, covered = 0): RowWindow {
  const { line } = places;
  const [seen, setSeen] = useState({ top: 0, height: 0 });
  const [element, setElement] = useState<HTMLElement | null>(null);
  // It may come later than the rows, or go and come again.
  useLayoutEffect(() => setElement(scroller.current));
  useLayoutEffect(() => {
    if (element === null) return;
    const look = () => {
      const [top, height] = [Math.floor(element.scrollTop / line) * line, element.clientHeight];
      setSeen((before) => (before.top === top && before.height === height ? before : { top, height }));
    };
    // Drawn before the frame that has scrolled is: later would show empty rows.
    const scrolled = () => flushSync(look);
    look();
    element.addEventListener("scroll", scrolled, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", scrolled);
      observer.disconnect();
    };
  }, [element, line]);
  const show = useCallback((row: number) => {
    if (element === null) return;
    const [top, bottom] = [places.offset(row), places.offset(row + 1) + covered];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  }, [element, places, covered]);
  const from = Math.max(0, places.at(seen.top) - AROUND);
  return { from, to: Math.min(places.count, places.at(seen.top + seen.height) + 1 + AROUND), show };
}
