/** The page of one run: reads what does not change, then shows the live rest. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { graph, run as runQuery, workflow as workflowQuery } from "../../api/queries";
import { RunProvider } from "../../live/RunProvider";
import { Failure, Loading } from "../../ui/Notice";
import { useMedia } from "../../ui/useMedia";
import { preload, RunScreen } from "./RunScreen";
import { useSelection } from "./selection";
import { NARROW, shownTab } from "./tabs";
import "./run.css";

export function RunPage() {
  const selection = useSelection();
  const { projectId, runId } = selection;
  const found = useQuery({ ...runQuery(projectId, runId), staleTime: 60_000 });
  const { workflow_id: workflowId, version } = found.data ?? { workflow_id: "", version: 0 };
  const enabled = workflowId !== "";
  const tab = shownTab(selection.tab, useMedia(NARROW));
  useEffect(() => preload(tab), [tab]);
  const shape = useQuery({ ...graph(projectId, workflowId, version), enabled });
  const workflow = useQuery({ ...workflowQuery(projectId, workflowId, version), enabled, staleTime: 60_000 });
  if (found.error !== null && found.data === undefined) return <div className="page"><Failure page error={found.error} retry={() => void found.refetch()} /></div>;
  return (
    <RunProvider key={runId} projectId={projectId} runId={runId} past={selection.checkpoint}>
      {found.data === undefined ? <Loading what="Loading the run" /> : (
        <RunScreen selection={selection} run={found.data} graph={shape} workflowName={workflow.data?.name ?? "Workflow"} />
      )}
    </RunProvider>
  );
}
