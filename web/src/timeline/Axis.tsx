import { duration } from "../ui/format";
import { ticks, type Scale } from "./scale";

const MARKS = 6;
/** Marks closer than this share of the width would touch. */
const APART = 0.08;

/** Times since `origin` over the rows, and where time is compressed. */
export function Axis({ scale, origin }: { scale: Scale; origin: number }) {
  const marks: { time: number; place: number }[] = [];
  for (const time of ticks(scale.whole, MARKS)) {
    const place = scale.place(time);
    if (place - (marks.at(-1)?.place ?? -1) >= APART && place < 0.97) marks.push({ time, place });
  }
  return (
    <div className="timeline-axis" aria-hidden="true">
      <span />
      <span className="timeline-track">
        {marks.map(({ time, place }) => (
          <span key={time} className="timeline-tick" style={{ insetInlineStart: `${place * 100}%` }}>{time === origin ? "0" : duration(time - origin)}</span>
        ))}
        {scale.gaps.map((gap) => (
          <span
            key={gap.start} className="timeline-gap" title={`${duration(gap.end - gap.start)} in which nothing ran`}
            style={{ insetInlineStart: `${gap.from * 100}%`, inlineSize: `${(gap.to - gap.from) * 100}%` }}
          />
        ))}
      </span>
      <span />
    </div>
  );
}
