import { Link } from "@tanstack/react-router";
import type { ComparedRun, Comparison } from "../../api/types";
import { clock, duration, toMs } from "../../ui/format";
import { Status } from "../../ui/Status";

/** The two runs: workflow, version, status, duration. */
export function Sides({ project, found }: { project: string; found: Comparison }) {
  return (
    <div className="compare-pair">
      <Side name="A" project={project} run={found.left} />
      <Side name="B" project={project} run={found.right} />
    </div>
  );
}

function Side({ name, project, run }: { name: string; project: string; run: ComparedRun }) {
  const started = toMs(run.started_at ?? run.created_at);
  return (
    <section className="pane compare-side" aria-label={`Run ${name}`}>
      <div className="row">
        <span className="compare-letter" aria-hidden="true">{name}</span>
        <Link to="/p/$project/runs/$run" params={{ project, run: run.run_id }}>{run.workflow_name}</Link>
        <span className="muted">version {run.version}</span>
        <Status status={run.status} pill />
      </div>
      <p className="muted">
        {started !== null && clock(started)}{run.duration_ms !== null && ` · ${duration(run.duration_ms)}`}
        {run.forked_from !== null && " · a fork"} · <code>{run.run_id}</code>
      </p>
    </section>
  );
}
