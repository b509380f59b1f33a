/** From times to places on the timeline. Stretches in which nothing runs are shown short, so that work fills the width. */

/** Milliseconds since 1970. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Gap extends Span {
  /** Where it is shown: shares of the whole width. */
  readonly from: number;
  readonly to: number;
}

export interface Scale {
  readonly whole: Span;
  readonly gaps: readonly Gap[];
  /** The place of a time, 0 to 1. */
  place(time: number): number;
  /** The time at a place. */
  time(place: number): number;
}

/** A gap shorter than this share of all work, or than so many milliseconds, stays as it is. */
const [LONG, NOTICED] = [0.15, 2_000];
/** The share of the width that one compressed gap keeps, and all of them together. */
const [EACH, TOGETHER] = [0.04, 0.3];

/** The stretches that `spans` cover, in order, without overlaps. */
export function covered(spans: readonly Span[]): Span[] {
  const found: { start: number; end: number }[] = [];
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    const last = found.at(-1);
    if (last !== undefined && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else found.push({ start: span.start, end: span.end });
  }
  return found;
}

/** The scale on which `busy` is shown over `whole`; long gaps between busy stretches are compressed. */
export function scaleOf(whole: Span, busy: readonly Span[]): Scale {
  const inside = covered(busy).map((span) => ({ start: Math.max(span.start, whole.start), end: Math.min(span.end, whole.end) }));
  const work = inside.filter((span) => span.end >= span.start);
  const worked = Math.max(1, work.reduce((sum, span) => sum + span.end - span.start, 0));
  const edges = [whole.start, ...work.flatMap((span) => [span.start, span.end]), whole.end];
  const idle: Span[] = [];
  for (let at = 0; at + 1 < edges.length; at += 2) {
    const [start, end] = [edges[at] ?? whole.start, edges[at + 1] ?? whole.end];
    if (end - start > Math.max(worked * LONG, NOTICED) && work.length > 0) idle.push({ start, end });
  }
  return compressed(whole, idle);
}

function compressed(whole: Span, idle: readonly Span[]): Scale {
  const share = idle.length === 0 ? 0 : Math.min(EACH, TOGETHER / idle.length);
  const kept = Math.max(1, whole.end - whole.start - idle.reduce((sum, gap) => sum + gap.end - gap.start, 0));
  const perMs = (1 - share * idle.length) / kept;
  const gaps: Gap[] = [];
  let [time, at] = [whole.start, 0];
  for (const gap of idle) {
    at += (gap.start - time) * perMs;
    gaps.push({ ...gap, from: at, to: at + share });
    [time, at] = [gap.end, at + share];
  }
  return {
    whole,
    gaps,
    place(wanted) {
      const moment = Math.min(Math.max(wanted, whole.start), whole.end);
      let [from, left] = [whole.start, 0];
      for (const gap of gaps) {
        if (moment <= gap.start) break;
        if (moment < gap.end) return gap.from + ((moment - gap.start) / (gap.end - gap.start)) * (gap.to - gap.from);
        [from, left] = [gap.end, gap.to];
      }
      return left + (moment - from) * perMs;
    },
    time(place) {
      let [from, left] = [whole.start, 0];
      for (const gap of gaps) {
        if (place <= gap.from) break;
        if (place < gap.to) return gap.start + ((place - gap.from) / (gap.to - gap.from)) * (gap.end - gap.start);
        [from, left] = [gap.end, gap.to];
      }
      return Math.min(whole.end, from + (place - left) / perMs);
    },
  };
}

/** Round times for an axis of about `count` marks inside `span`. */
export function ticks(span: Span, count: number): number[] {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5];
  const wanted = (span.end - span.start) / Math.max(1, count);
  const step = steps.find((each) => each >= wanted) ?? Math.ceil(wanted / 864e5) * 864e5;
  const found: number[] = [];
  for (let offset = 0; span.start + offset <= span.end; offset += step) found.push(span.start + offset);
  return found;
}
