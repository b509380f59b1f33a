import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import { workflowStats } from "../../../api/queries";
import type { Workflow, WorkflowStats } from "../../../api/types";
import "../../../ui/form/form.css";
import { duration, percent } from "../../../ui/format";
import { Empty, Failure, Loading } from "../../../ui/Notice";
import { PERIODS, sinceOf } from "../period";
import { ChartPane } from "./ChartPane";
import { CountTable, DurationTable, NodeTable } from "./tables";
import { countLines, durationLines } from "./series";
import "./stats.css";

const route = getRouteApi("/p/$project/w/$workflow");
const HOUR = 3_600_000;
const USUAL = "7d";

/** How the workflow fares: ends of runs, durations, and the nodes that are slow or fail. */
export function StatsTab({ project, workflow }: { project: string; workflow: Workflow }) {
  const { since = USUAL } = route.useSearch();
  const navigate = route.useNavigate();
  const from = useMemo(() => sinceOf(since, Math.floor(Date.now() / HOUR) * HOUR), [since]);
  const stats = useQuery({ ...workflowStats(project, workflow.workflow_id, from), refetchInterval: 15_000, placeholderData: (before) => before });
  const period = (next: string): void => {
    void navigate({ search: ({ since: _, ...rest }) => (next === USUAL ? rest : { ...rest, since: next }), replace: true });
  };
  return (
    <div className="stack">
      <label className="row stats-period">
        <span className="muted">Period</span>
        <select className="input" value={since} onChange={(event) => period(event.target.value)}>
          {PERIODS.map(({ id, label }) => <option key={id} value={id}>{label}</option>)}
          {!PERIODS.some(({ id }) => id === since) && <option value={since}>Since {since}</option>}
        </select>
      </label>
      {stats.error !== null && <Failure error={stats.error} retry={() => void stats.refetch()} />}
      {stats.isPending && <Loading what="Adding up" />}
      {stats.data !== undefined && <Figures stats={stats.data} />}
    </div>
  );
}

function Figures({ stats }: { stats: WorkflowStats }) {
  const times = useMemo(() => stats.series.map(({ start }) => Date.parse(start) / 1_000), [stats]);
  const counts = useMemo(() => countLines(stats.series), [stats]);
  const durations = useMemo(() => durationLines(stats.series), [stats]);
  const ended = (stats.counts.COMPLETED ?? 0) + (stats.counts.FAILED ?? 0) + (stats.counts.CANCELLED ?? 0);
  const live = (["QUEUED", "RUNNING", "WAITING", "PAUSED"] as const).reduce((sum, status) => sum + (stats.counts[status] ?? 0), 0);
  return (
    <>
      <dl className="stats-figures">
        <Figure name="Ended" value={String(ended)} />
        <Figure name="Live now" value={String(live)} />
        <Figure name="Success" value={stats.success_rate === null ? "–" : percent(stats.success_rate)} />
        <Figure name="Duration, p50" value={shown(stats.duration.p50_ms)} />
        <Figure name="Duration, p95" value={shown(stats.duration.p95_ms)} />
      </dl>
      {ended === 0 ? <div className="pane"><Empty title="No run has ended in this period">Choose a longer one, or start a run.</Empty></div> : (
        <div className="stats-charts">
          <ChartPane title={`Runs ended by ${stats.resolution}`} times={times} lines={counts} format={whole} table={<CountTable stats={stats} />} />
          <ChartPane title={`Duration by ${stats.resolution}`} times={times} lines={durations} format={duration} table={<DurationTable stats={stats} />} />
          <NodeTable title="Slowest nodes" nodes={stats.slowest_nodes} none="No node has been measured in this period." />
          <NodeTable title="Failures by node" nodes={stats.failures_by_node} none="No node has failed in this period." />
        </div>
      )}
    </>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return <div className="pane"><dt className="muted">{name}</dt><dd className="numeric">{value}</dd></div>;
}

const shown = (ms: number | null): string => (ms === null ? "–" : duration(ms));
const whole = (value: number): string => (Number.isInteger(value) ? String(value) : "");
