/** Times that go on by themselves, so that nothing around them has to be drawn again. */
import { duration } from "./format";
import { useNow } from "./useNow";

/** How long something has taken, or took. */
export function Elapsed({ since, until }: { since: number; until: number | null }) {
  const now = useNow(until === null);
  const ms = Math.max(0, (until ?? now) - since);
  return <span className="numeric">{duration(until === null && ms >= 1_000 ? Math.floor(ms / 1_000) * 1_000 : ms)}</span>;
}

/** How long it is until then: `in 5 min 3 s`, and `late` when it has passed. */
export function Countdown({ to, late = "any moment" }: { to: number; late?: string }) {
  const now = useNow(true);
  const left = to - now;
  return <span className="numeric">{left <= 0 ? late : `in ${duration(Math.max(1_000, Math.ceil(left / 1_000) * 1_000))}`}</span>;
}
