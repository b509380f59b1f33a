/** Figures as the charts take them. */
import type { StatsPoint } from "../../../api/types";

export interface Line {
  label: string;
  /** A colour's variable: `--failed`. */
  colour: string;
  kind: "bar" | "line";
  dashed?: boolean;
  /** null: nothing is known of that time. */
  values: readonly (number | null)[];
}

/** The ends of runs by how they ended. */
export function countLines(points: readonly StatsPoint[]): Line[] {
  const line = (label: string, colour: string, status: keyof StatsPoint["counts"]): Line => ({
    label, colour, kind: "bar", values: points.map(({ counts }) => counts[status]),
  });
  return [line("Completed", "--completed", "COMPLETED"), line("Failed", "--failed", "FAILED"), line("Cancelled", "--border-strong", "CANCELLED")];
}

/** What completed runs took, in milliseconds. */
export function durationLines(points: readonly StatsPoint[]): Line[] {
  return [
    { label: "p50", colour: "--accent", kind: "line", values: points.map(({ p50_ms }) => p50_ms) },
    { label: "p95", colour: "--waiting", kind: "line", dashed: true, values: points.map(({ p95_ms }) => p95_ms) },
  ];
}

/** Each line on top of those before it, as bars that stand on one another are drawn. */
export function stacked(lines: readonly Line[]): (number | null)[][] {
  const sums: number[] = [];
  return lines.map(({ values }) => values.map((value, at) => (sums[at] = (sums[at] ?? 0) + (value ?? 0))));
}

/** The points at which anything happened, for a table; the newest first. */
export function rowsOf(points: readonly StatsPoint[]): StatsPoint[] {
  return points.filter(({ counts }) => counts.COMPLETED + counts.FAILED + counts.CANCELLED > 0).reverse();
}
