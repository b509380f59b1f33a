import { useEffect, useRef, useState } from "react";

/** So many new events at once are a backlog that is being read, not something to be followed by eye. */
const MANY = 200;
const PAUSE = 150;

/** A number that grows, or while it leaps a recent one, so that not every leap is drawn. */
export function usePaced(count: number): number {
  const shown = useRef(count);
  const [drawn, draw] = useState(0);
  const leaps = count - shown.current > MANY && shown.current > 0;
  if (!leaps) shown.current = count;
  const newest = useRef(count);
  newest.current = count;
  useEffect(() => {
    if (!leaps) return;
    const timer = setTimeout(() => {
      shown.current = newest.current;
      draw((before) => before + 1);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [leaps, drawn]);
  return shown.current;
}
