import { Link } from "@tanstack/react-router";
import type { DryRun, Json, TraceEntry } from "../../../api/types";
import { duration } from "../../../ui/format";
import { Status } from "../../../ui/Status";

const LONGEST = 20_000;

/** What each node of a dry run was given and gave, in order. */
export function Trace({ run, project }: { run: DryRun; project: string }) {
  const { summary } = run;
  const error = typeof run.error === "string" ? run.error : run.error?.message;
  return (
    <section className="stack">
      <div className="row">
        <Status status={run.status} pill />
        <span className="muted">
          {summary.nodes_executed} nodes, {summary.simulated} simulated, {summary.answered} answered, {duration(run.execution_time_seconds * 1_000)}
        </span>
        <Link to="/p/$project/runs/$run" params={{ project, run: run.run_id }}>Open as a run</Link>
      </div>
      {error != null && <p className="problem-text">{error}</p>}
      <ol className="trace">{run.trace.map((entry) => <li key={entry.node_execution_id}><Entry entry={entry} /></li>)}</ol>
      {run.cut && <p className="muted">Something is left out; the run has all of it.</p>}
      <Value label="Output" value={run.final_output} />
    </section>
  );
}

function Entry({ entry }: { entry: TraceEntry }) {
  const standIn = entry.simulated ? "simulated" : entry.answered ? "answered" : entry.replayed ? "replayed" : null;
  return (
    <details>
      <summary>
        <Status status={entry.status} bare /> <strong>{entry.node_id}</strong> <span className="muted">{entry.node_type}</span>
        {standIn !== null && <span className="tag">{standIn}</span>}
        {entry.attempt > 1 && <span className="muted">attempt {entry.attempt}</span>}
        <span className="muted numeric grow-end">{entry.duration_seconds === null ? "" : duration(entry.duration_seconds * 1_000)}</span>
      </summary>
      {entry.error != null && <p className="problem-text">{entry.error}</p>}
      <Value label="Input" value={entry.input} />
      <Value label="Output" value={entry.output} />
    </details>
  );
}

function Value({ label, value }: { label: string; value: Json }) {
  const text = JSON.stringify(value, null, 2);
  return <div><p className="muted">{label}</p><pre className="code-block" tabIndex={0} aria-label={label}>{text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}</pre></div>;
}
