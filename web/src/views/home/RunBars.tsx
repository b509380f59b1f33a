import { Link } from "@tanstack/react-router";
import type { LastRun, Project } from "../../api/types";
import { ago, duration, toMs } from "../../ui/format";
import { statusWord } from "../../ui/Status";

const [SHORTEST, TALLEST] = [35, 100];

/** A workflow's last runs, oldest first: the height is the duration, shape and colour are the status. */
export function RunBars({ project, runs, name }: { project: Project; runs: readonly LastRun[]; name: string }) {
  if (runs.length === 0) return <span className="muted">No runs yet</span>;
  const longest = Math.max(1, ...runs.map((run) => run.duration_ms ?? 0));
  return (
    <ol className="run-bars" aria-label={`Last runs of ${name}, oldest first`}>
      {runs.toReversed().map((run) => (
        <li key={run.run_id}>
          <Link
            to="/p/$project/runs/$run" params={{ project: project.slug, run: run.run_id }} className="run-bar" data-status={run.status}
            aria-label={told(run)} title={told(run)}
          >
            <span style={{ blockSize: `${SHORTEST + (TALLEST - SHORTEST) * Math.sqrt((run.duration_ms ?? longest) / longest)}%` }} />
          </Link>
        </li>
      ))}
    </ol>
  );
}

function told(run: LastRun): string {
  const started = toMs(run.started_at);
  const parts = [statusWord(run.status)];
  if (run.duration_ms !== null) parts.push(duration(run.duration_ms));
  if (started !== null) parts.push(ago(started));
  return parts.join(", ");
}
