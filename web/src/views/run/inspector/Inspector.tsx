/** Everything about the selected node. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { GraphNode, NodeExecution, RunError } from "../../../api/types";
import { useShortcuts } from "../../../app/shortcuts";
import { useNode } from "../../../live/hooks";
import type { NodeView } from "../../../model/run";
import { Button } from "../../../ui/Button";
import { Failure, Loading } from "../../../ui/Notice";
import { Status } from "../../../ui/Status";
import { TabPanel, Tabs } from "../../../ui/Tabs";
import { useFocusPassedOn } from "../../../ui/useFocusPassedOn";
import { executions, executionsMark } from "../executions";
import { parentOf } from "../list/rows";
import { Took } from "../list/Took";
import type { Selection } from "../selection";
import { Attempts } from "./Attempts";
import { Data } from "./Data";
import { ErrorPane } from "./ErrorPane";
import { Inside } from "./Inside";
import { Items } from "./Items";
import { NodeLog } from "./NodeLog";
import { StateChange } from "./StateChange";
import "./inspector.css";

type Pane = "node-error" | "node-data" | "node-items" | "node-inside" | "node-attempts" | "node-logs" | "node-state";
const NAMES: Readonly<Record<Pane, string>> = {
  "node-error": "Error", "node-data": "Data", "node-items": "Items", "node-inside": "Inside", "node-attempts": "Attempts", "node-logs": "Logs", "node-state": "State",
};

interface Props {
  nodeId: string;
  nodes: readonly GraphNode[];
  selection: Selection;
  /** It lies over the page, so that it takes the focus. */
  sheet: boolean;
}

export function Inspector({ nodeId, nodes, selection, sheet }: Props) {
  const { projectId, runId, selectNode, selectAttempt } = selection;
  const view = useNode(nodeId);
  const [chosen, setChosen] = useState<Pane | null>(null);
  const ran = useQuery({ ...executions(projectId, runId, nodeId, executionsMark(view)), placeholderData: (before) => before });
  useShortcuts({ D: () => setChosen("node-state") });
  useEffect(() => {
    if (sheet) document.getElementById("inspector")?.focus();
  }, [sheet]);
  const element = useRef<HTMLElement>(null);
  useFocusPassedOn(element, ".run-panel [tabindex='0']");
  const all = ran.data?.items ?? [];
  const place = Math.min(all.length, selection.attempt ?? all.length) - 1;
  const execution = all[place];
  const error = errorOf(execution, view);
  const node = nodes.find((each) => each.id === nodeId);
  const inside = nodes.filter((each) => parentOf(each.id) === nodeId);
  const panes = panesOf(error, node?.type === "map" || view?.items != null, inside.length > 0);
  const pane = chosen !== null && panes.includes(chosen) ? chosen : (panes[0] ?? "node-data");
  return (
    <aside ref={element} className="pane inspector" id="inspector" tabIndex={-1} aria-label={`Node ${nodeId}`} data-sheet={sheet || undefined}>
      <Head node={node} nodeId={nodeId} view={view} onClose={() => selectNode(null)} />
      <Tabs label="About the node" tabs={panes.map((id) => ({ id, label: id === "node-attempts" && all.length > 1 ? `Attempts (${all.length})` : NAMES[id] }))} selected={pane} onSelect={setChosen} />
      <TabPanel id={pane} className="inspector-body">
        {ran.error !== null && ran.data === undefined && <Failure error={ran.error} retry={() => void ran.refetch()} />}
        {ran.isPending && <Loading what="Loading what it took and gave" />}
        {all.length > 1 && pane !== "node-attempts" && <p className="muted small">Attempt {place + 1} of {all.length}</p>}
        {ran.data !== undefined && pane === "node-data" && <Data execution={execution} status={view?.status ?? "PENDING"} />}
        {pane === "node-error" && error !== null && <ErrorPane error={error} />}
        {ran.data !== undefined && pane === "node-attempts" && (
          <Attempts nodeId={nodeId} status={view?.status ?? "PENDING"} executions={all} selected={place} onSelect={(at) => selectAttempt(at === all.length - 1 ? null : at + 1)} />
        )}
        {pane === "node-items" && <Items projectId={projectId} runId={runId} nodeId={nodeId} view={view} />}
        {pane === "node-inside" && <Inside nodes={inside} onSelect={selectNode} />}
        {pane === "node-logs" && <NodeLog nodeId={nodeId} />}
        {pane === "node-state" && <StateChange projectId={projectId} runId={runId} nodeId={nodeId} executionId={execution?.node_execution_id ?? null} />}
      </TabPanel>
    </aside>
  );
}

function Head({ node, nodeId, view, onClose }: { node: GraphNode | undefined; nodeId: string; view: NodeView | undefined; onClose: () => void }) {
  return (
    <div className="inspector-head">
      <div>
        <h2>{node?.name ?? nodeId}</h2>
        <p className="muted small"><code>{nodeId}</code>{node !== undefined && ` · ${node.type}`}</p>
      </div>
      <Button kind="plain" size="small" icon="close" aria-label="Close the inspector" onClick={onClose} />
      <p className="inspector-facts"><Status status={view?.status ?? "PENDING"} pill /> <Took view={view} /> {view?.message != null && <span className="muted small">{view.message}</span>}</p>
    </div>
  );
}

function errorOf(execution: NodeExecution | undefined, view: NodeView | undefined): RunError | null {
  return execution?.error ?? (execution === undefined || execution.status === "FAILED" ? (view?.error ?? null) : null);
}

function panesOf(error: RunError | null, items: boolean, inside: boolean): Pane[] {
  const panes: (Pane | false)[] = [error !== null && "node-error", "node-data", items && "node-items", inside && "node-inside", "node-attempts", "node-logs", "node-state"];
  return panes.filter((pane): pane is Pane => pane !== false);
}
