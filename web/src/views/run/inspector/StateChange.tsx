import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Json } from "../../../api/types";
import { useEvents } from "../../../live/hooks";
import { Empty, Failure, Loading } from "../../../ui/Notice";
import { changes, type Change } from "../executions";
import { checkpointsAround } from "./steps";

interface Props {
  projectId: string;
  runId: string;
  nodeId: string;
  executionId: string | null;
}

/** What became different in the run's state while the node ran. */
export function StateChange({ projectId, runId, nodeId, executionId }: Props) {
  const { items, version } = useEvents();
  const around = useMemo(
    () => (executionId === null ? null : checkpointsAround(items, nodeId, executionId)), [items, version, nodeId, executionId],
  );
  const { data, error, refetch } = useQuery({ ...changes(projectId, runId, around?.from ?? "", around?.to ?? ""), enabled: around !== null });
  if (around === null) return <Empty title="No state yet">What the node changes shows once a checkpoint after it is saved.</Empty>;
  if (error !== null) return <Failure error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading what="Comparing the state" />;
  if (data.changes.length === 0) return <Empty title="Nothing changed in the state" />;
  return (
    <div className="stack">
      <p className="muted small">From the checkpoint before it to the one after it. Nodes that ran in the same step changed their own part.</p>
      <ul className="state-changes">
        {data.changes.map((change) => <ChangeRow key={change.path} change={change} own={change.path.startsWith(`outputs.${nodeId}`)} />)}
      </ul>
      {data.cut && <p className="muted small">There are more changes than are shown.</p>}
    </div>
  );
}

function ChangeRow({ change, own }: { change: Change; own: boolean }) {
  const { path, op, from, to } = change;
  return (
    <li className="change" data-op={op} data-own={own || undefined}>
      <code>{path}</code> <span className="change-op">{op}</span>
      {from !== undefined && <pre data-side="from">− {short(from)}</pre>}
      {to !== undefined && <pre data-side="to">+ {short(to)}</pre>}
    </li>
  );
}

const MOST = 2_000;

function short(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MOST ? `${text.slice(0, MOST)}… (${text.length.toLocaleString()} characters)` : text;
}
