import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { stacked, type Line } from "./series";

interface Props {
  /** What it shows, for those who cannot see it; the table beside it has the figures. */
  label: string;
  /** Seconds since 1970. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
}

const HEIGHT = 220;

/** A chart over time: bars stand on one another, lines are lines. */
export function Chart({ label, times, lines, format }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const parent = element.current;
    if (parent === null) return;
    const plot = new uPlot(optionsOf(parent, lines, format), dataOf(times, lines), parent);
    const observer = new ResizeObserver(() => plot.setSize({ width: parent.clientWidth, height: HEIGHT }));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, lines, format, theme]);
  return <div className="chart" ref={element} role="img" aria-label={label} />;
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  const bars = stacked(lines.filter(({ kind }) => kind === "bar")).reverse();
  const others = lines.filter(({ kind }) => kind === "line").map(({ values }) => [...values]);
  return [[...times], ...bars, ...others];
}

function optionsOf(parent: HTMLElement, lines: readonly Line[], format: (value: number) => string): uPlot.Options {
  const colour = (name: string): string => colourOf(parent, name);
  const grid = { stroke: colour("--border"), width: 1 };
  const axis = { stroke: colour("--text-muted"), grid, ticks: grid, font: "12px system-ui, sans-serif" };
  const bars = lines.filter(({ kind }) => kind === "bar").reverse();
  const paths = uPlot.paths.bars?.({ size: [0.8, 24] });
  return {
    width: Math.max(parent.clientWidth, 200), height: HEIGHT,
    legend: { show: false }, cursor: { show: false },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [{ ...axis, values: (_, splits) => splits.map((at, index) => timeOf(at, splits[index + 1] ?? splits[index - 1] ?? at)) }, { ...axis, size: 64, values: (_, splits) => splits.map(format) }],
    series: [
      {},
      ...bars.map((line) => ({ label: line.label, fill: colour(line.colour), width: 0, points: { show: false }, ...(paths !== undefined && { paths }) })),
      ...lines.filter(({ kind }) => kind === "line").map((line) => ({
        label: line.label, stroke: colour(line.colour), width: 2, spanGaps: true, points: { show: true, size: 5, fill: colour(line.colour) },
        ...(line.dashed === true && { dash: [6, 4] }),
      })),
    ],
  };
}

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const HOUR = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY_SECONDS = 86_400;

/** A mark on the axis of time, in seconds: the day, or the hour where its neighbour is less than a day away. */
function timeOf(at: number, neighbour: number): string {
  const whole = Math.abs(neighbour - at) >= DAY_SECONDS - 3_600 || new Date(at * 1_000).getHours() === 0;
  return (whole ? DAY : HOUR).format(at * 1_000);
}

/** A variable's colour as a canvas takes it. */
function colourOf(parent: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  parent.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Changes when the page's colours do, since a canvas does not follow them by itself. */
function useTheme(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const change = (): void => setChanges((count) => count + 1);
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const observer = new MutationObserver(change);
    dark.addEventListener("change", change);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      dark.removeEventListener("change", change);
      observer.disconnect();
    };
  }, []);
  return changes;
}
