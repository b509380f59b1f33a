import { Link } from "@tanstack/react-router";
import type { RunSummary } from "../../../api/types";
import { ago, clock, percent, toMs } from "../../../ui/format";
import { Status } from "../../../ui/Status";
import { useNow } from "./useNow";
import { durationOf, firstLine, originOf, shortId } from "./words";

interface Props {
  project: string;
  runs: readonly RunSummary[];
  picked: readonly string[];
  /** At most two; a third takes the place of the first. */
  onPick: (picked: readonly string[]) => void;
}

/** Runs as rows; each leads to its page. */
export function RunTable({ project, runs, picked, onPick }: Props) {
  const now = useNow(runs.some((run) => run.finished_at === null && run.started_at !== null) ? 1_000 : 30_000);
  const pick = (id: string): void => onPick(picked.includes(id) ? picked.filter((each) => each !== id) : [...picked, id].slice(-2));
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Table of runs">
      <table className="table runs-table">
        <thead>
          <tr>
            <th scope="col"><span className="visually-hidden">Compare</span></th>
            <th scope="col">Status</th>
            <th scope="col">Run</th>
            <th scope="col">Started</th>
            <th scope="col" className="number">Duration</th>
            <th scope="col">From</th>
            <th scope="col">Error or progress</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.run_id} data-picked={picked.includes(run.run_id) || undefined}>
              <td><input type="checkbox" aria-label={`Compare run ${shortId(run.run_id)}`} checked={picked.includes(run.run_id)} onChange={() => pick(run.run_id)} /></td>
              <td><Status status={run.status} pill /></td>
              <td><Link className="mono" to="/p/$project/runs/$run" params={{ project, run: run.run_id }} title={run.run_id}>{shortId(run.run_id)}</Link> <span className="muted">v{run.version}</span></td>
              <Started run={run} now={now} />
              <td className="number">{durationOf(run, now)}</td>
              <td className="muted">{originOf(run)}</td>
              <td className="runs-note">{note(run)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Started({ run, now }: { run: RunSummary; now: number }) {
  const at = toMs(run.started_at);
  if (at === null) return <td className="muted">not yet</td>;
  return <td className="numeric runs-when" title={clock(at)}>{ago(Math.min(at, now), now)}</td>;
}

function note(run: RunSummary) {
  if (run.error !== null) {
    return <span className="problem-text">{run.error.node_id !== null && <><code>{run.error.node_id}</code>: </>}{firstLine(run.error.message ?? run.error.type ?? "failed")}</span>;
  }
  if (run.finished_at !== null || run.started_at === null) return null;
  return <span className="muted">{percent(run.progress)}{run.current_node !== null && <> · {run.current_node}</>}</span>;
}
