import type { NodeExecution, NodeStatus } from "../../../api/types";
import { Empty } from "../../../ui/Notice";
import { JsonView } from "../../../ui/json/JsonView";

/** What the node took and what it gave. */
export function Data({ execution, status: now }: { execution: NodeExecution | undefined; status: NodeStatus }) {
  if (execution === undefined) return <NotRun status={now} />;
  const { node_id: id, input, output, status } = execution;
  return (
    <div className="stack">
      <section><h3>Output</h3>{output === null ? <p className="muted">{nothing(status)}</p> : <JsonView value={output} name={`${id}-output`} />}</section>
      <section><h3>Input</h3>{input === null ? <p className="muted">None.</p> : <JsonView value={input} name={`${id}-input`} />}</section>
    </div>
  );
}

/** Why there is nothing to show of a node that has no execution. */
export function NotRun({ status }: { status: NodeStatus }) {
  if (status === "SKIPPED") return <Empty title="It was skipped">No way led to it.</Empty>;
  if (status === "CANCELLED") return <Empty title="It was cancelled">The run ended before it began.</Empty>;
  return <Empty title="It has not run yet">What it takes and gives shows here once it has.</Empty>;
}

function nothing(status: string): string {
  return status === "RUNNING" || status === "WAITING" ? "None yet." : status === "FAILED" ? "None: it failed." : "None.";
}
