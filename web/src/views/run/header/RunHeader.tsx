/** What the run is, where it stands, how long it takes, and what can be done with it. */
import { Link } from "@tanstack/react-router";
import type { Run } from "../../../api/types";
import { useConnection, useLive } from "../../../live/hooks";
import { Countdown, Elapsed } from "../../../ui/Clock";
import { clock, percent, toMs } from "../../../ui/format";
import { Status } from "../../../ui/Status";
import { ConnectionState } from "./ConnectionState";
import { RunCommands } from "./RunCommands";
import { RunFailure } from "./RunFailure";
import { WhyLine } from "./WhyLine";
import "./header.css";

interface Props {
  projectId: string;
  run: Run;
  workflowName: string;
  /** Begins a fork; null while there is nothing to fork from. */
  onFork: (() => void) | null;
  onOpenNode: (nodeId: string) => void;
}

export function RunHeader({ projectId, run, workflowName, onFork, onOpenNode }: Props) {
  const status = useLive((view) => view.status);
  const pausing = useLive((view) => view.pausing);
  const stillRunning = useLive((view) => view.stillRunning);
  const connection = useConnection();
  return (
    <header className="run-head" data-run-status={status}>
      <div className="run-title">
        <Status status={status} pill />
        <h1>
          <Link to="/p/$project/w/$workflow" params={{ project: projectId, workflow: run.workflow_id }} search={{ version: run.version }}>{workflowName}</Link>
        </h1>
        {run.test_mode && <span className="tag">Dry run</span>}
        {pausing && status === "RUNNING" && <span className="tag" role="status">Pausing at the next step</span>}
        <RunCommands projectId={projectId} run={run} onFork={onFork} />
      </div>
      <div className="run-line">
        <Facts projectId={projectId} run={run} />
        <ConnectionState />
      </div>
      <Progress />
      <RunFailure run={run} onOpenNode={onOpenNode} />
      {stillRunning.length > 0 && (
        <p className="run-note" role="status">Code that cannot be stopped still executes: {stillRunning.join(", ")}. Nothing that it does changes this run.</p>
      )}
      {connection !== "ended" && <WhyLine projectId={projectId} />}
    </header>
  );
}

function Facts({ projectId, run }: { projectId: string; run: Run }) {
  const since = useLive((view) => view.startedAt) ?? toMs(run.started_at);
  const ended = useLive((view) => view.finishedAt) ?? toMs(run.cancelled_at ?? run.finished_at);
  const ready = useLive((view) => (view.status === "RUNNING" ? view.estimatedCompletion : null));
  const attempt = useLive((view) => view.runAttempt);
  return (
    <dl className="run-facts">
      <div><dt>Version</dt><dd className="numeric">{run.version}</dd></div>
      {since !== null && <div><dt>{ended === null ? "Elapsed" : "Took"}</dt><dd><Elapsed since={since} until={ended} /></dd></div>}
      {ready !== null && <div><dt>Ready</dt><dd><Countdown to={ready} /></dd></div>}
      <div><dt>Created</dt><dd className="numeric">{clock(Date.parse(run.created_at))}</dd></div>
      {attempt > 1 && <div><dt>Attempt</dt><dd className="numeric">{attempt}</dd></div>}
      {run.priority !== 0 && <div><dt>Priority</dt><dd className="numeric">{run.priority}</dd></div>}
      {run.parent_run_id !== null && (
        <div>
          <dt>{run.forked_from === null ? "From" : "Forked from"}</dt>
          <dd><Link to="/p/$project/runs/$run" params={{ project: projectId, run: run.parent_run_id }} search={run.forked_from === null ? {} : { cp: run.forked_from }}>run <code>{short(run.parent_run_id)}</code></Link></dd>
        </div>
      )}
      <div><dt>Run</dt><dd><code title={run.run_id}>{short(run.run_id)}</code></dd></div>
    </dl>
  );
}

function Progress() {
  const progress = useLive((view) => Math.round(view.progress * 100));
  const status = useLive((view) => view.status);
  return (
    <div
      className="run-progress" role="progressbar" aria-label="Progress" aria-valuemin={0} aria-valuemax={100} aria-valuenow={progress}
      aria-valuetext={percent(progress / 100)} data-status={status}
    >
      <div style={{ width: `${progress}%` }} />
      <span className="numeric" aria-hidden="true">{percent(progress / 100)}</span>
    </div>
  );
}

/** The last letters of an id: those that differ between runs of one day. */
function short(id: string): string {
  return id.slice(-8);
}
