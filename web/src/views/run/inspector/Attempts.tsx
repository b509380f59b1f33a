import { useMemo } from "react";
import { useEvents } from "../../../live/hooks";
import type { NodeExecution, NodeStatus } from "../../../api/types";
import { clock, duration } from "../../../ui/format";
import { Status } from "../../../ui/Status";
import { detailOf } from "../log/lines";
import { NotRun } from "./Data";

interface Props {
  nodeId: string;
  status: NodeStatus;
  executions: readonly NodeExecution[];
  /** The place of the one that is shown. */
  selected: number;
  onSelect: (place: number) => void;
}

/** Each time that the node ran, and the tries in between that failed. */
export function Attempts({ nodeId, status, executions, selected, onSelect }: Props) {
  const { items, version } = useEvents();
  const retries = useMemo(() => items.filter((event) => event.node_id === nodeId && event.type === "node.retrying"), [items, version, nodeId]);
  if (executions.length === 0) return <NotRun status={status} />;
  return (
    <div className="stack">
      <ol className="attempts">
        {executions.map((each, at) => (
          <li key={each.node_execution_id}>
            <button type="button" className="attempt" aria-pressed={at === selected} onClick={() => onSelect(at)}>
              <span className="numeric">{at + 1}</span> <Status status={each.status} />
              <span className="muted small numeric">{clock(Date.parse(each.started_at))}{each.duration_ms !== null && ` · ${duration(each.duration_ms)}`}</span>
              <span className="muted small">{[each.attempt > 1 ? `${each.attempt} tries` : "", each.stand_in ?? "", each.run_attempt > 1 ? `run attempt ${each.run_attempt}` : ""].filter(Boolean).join(" · ")}</span>
            </button>
          </li>
        ))}
      </ol>
      {retries.length > 0 && (
        <>
          <h3>Tries that failed</h3>
          <ol className="node-log">
            {retries.map((event) => <li key={event.seq} data-tone="warning"><span className="log-time numeric">{clock(Date.parse(event.ts))}</span> {detailOf(event)}</li>)}
          </ol>
        </>
      )}
    </div>
  );
}
