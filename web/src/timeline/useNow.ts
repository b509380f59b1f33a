import { useEffect, useState } from "react";

const OFTEN = 250;

/** The time in milliseconds, four times a second while `ticking`. */
export function useNow(ticking: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(Date.now()), OFTEN);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}
