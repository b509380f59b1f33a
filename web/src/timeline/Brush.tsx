import { useEffect, useRef, type PointerEvent } from "react";
import type { Segment } from "../model/run";
import { clock } from "../ui/format";
import type { Scale, Span } from "./scale";

interface Props {
  /** Of the whole run. */
  scale: Scale;
  segments: readonly Segment[];
  now: number;
  window: Span | null;
  onChange: (window: Span | null) => void;
}

/** A drag shorter than this share of the width is a click, and shows everything again. */
const SHORTEST = 0.01;
const STEP = 0.005;

/** The whole run in one strip; drag over it, or move the two handles, to look at a part. */
export function Brush({ scale, segments, now, window, onChange }: Props) {
  const strip = useRef<HTMLDivElement>(null);
  const began = useRef<number | null>(null);
  const place = (event: PointerEvent) => {
    const box = strip.current?.getBoundingClientRect();
    return box === undefined ? 0 : Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const drag = (event: PointerEvent) => {
    if (began.current === null) return;
    const [from, to] = [Math.min(began.current, place(event)), Math.max(began.current, place(event))];
    onChange(to - from < SHORTEST ? null : { start: scale.time(from), end: scale.time(to) });
  };
  const [from, to] = window === null ? [0, 1] : [scale.place(window.start), scale.place(window.end)];
  const set = (start: number, end: number) =>
    onChange(start <= 0 && end >= 1 ? null : { start: scale.time(Math.min(start, end - SHORTEST)), end: scale.time(Math.max(end, start + SHORTEST)) });
  return (
    <div className="timeline-brush">
      <div
        className="timeline-strip" ref={strip} onPointerMove={drag} onPointerUp={() => { began.current = null; }}
        onPointerDown={(event) => { began.current = place(event); event.currentTarget.setPointerCapture(event.pointerId); }}
      >
        <Shape scale={scale} segments={segments} now={now} />
        {window !== null && <span className="timeline-window" style={{ insetInlineStart: `${from * 100}%`, inlineSize: `${(to - from) * 100}%` }} />}
      </div>
      {(["start", "end"] as const).map((edge) => (
        <input
          key={edge} type="range" className="timeline-handle" min={0} max={1} step={STEP} value={edge === "start" ? from : to}
          aria-label={edge === "start" ? "Shown from" : "Shown until"} aria-valuetext={clock(scale.time(edge === "start" ? from : to), now)}
          onChange={(event) => (edge === "start" ? set(event.target.valueAsNumber, to) : set(from, event.target.valueAsNumber))}
        />
      ))}
    </div>
  );
}

/** How many nodes were at work, over time. */
function Shape({ scale, segments, now }: { scale: Scale; segments: readonly Segment[]; now: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (element === null || context === null || context === undefined) return;
    const width = (element.width = element.clientWidth);
    const height = (element.height = element.clientHeight);
    const counts = new Float64Array(width + 1);
    for (const each of segments) {
      if (each.kind !== "running" || each.nodeId === null) continue;
      const [start, end] = [Math.floor(scale.place(each.start) * width), Math.ceil(scale.place(each.end ?? now) * width)];
      for (let at = start; at <= Math.min(end, width); at += 1) counts[at] = (counts[at] ?? 0) + 1;
    }
    const most = counts.reduce((high, each) => Math.max(high, each), 1);
    context.clearRect(0, 0, width, height);
    context.fillStyle = getComputedStyle(element).color;
    counts.forEach((count, at) => context.fillRect(at, height - (count / most) * height, 1, (count / most) * height));
  }, [scale, segments, now]);
  return <canvas ref={canvas} aria-hidden="true" />;
}
