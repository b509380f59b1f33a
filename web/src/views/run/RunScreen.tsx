import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Graph, Run } from "../../api/types";
import { useLiveView } from "../../live/hooks";
import { useTabStatus } from "../../live/tabStatus";
import { Failure, Loading } from "../../ui/Notice";
import { TabPanel, Tabs } from "../../ui/Tabs";
import { useMedia } from "../../ui/useMedia";
import { RunHeader } from "./header/RunHeader";
import { failuresOf } from "./list/rows";
import { NodeList } from "./list/NodeList";
import { EventLog } from "./log/EventLog";
import type { RunTab, Selection } from "./selection";
import { useRunKeys } from "./useRunKeys";

interface Props {
  selection: Selection;
  run: Run;
  graph: UseQueryResult<Graph>;
  workflowName: string;
}

const TABS: readonly { id: RunTab; label: string }[] = [{ id: "list", label: "List" }];
const LOG: { id: RunTab; label: string } = { id: "log", label: "Events" };

/** The panes of a run. */
export function RunScreen({ selection, run, graph, workflowName }: Props) {
  const { status, progress } = useLiveView();
  const narrow = useMedia("(max-width: 60rem)");
  const tab = selection.tab === "log" && !narrow ? "list" : (selection.tab ?? "list");
  useTabStatus(workflowName, status, progress);
  useFirstFailure(selection, graph.data);
  useRunKeys(selection, graph.data);
  const log = <EventLog node={selection.node} keys />;
  return (
    <div className="run" data-narrow={narrow || undefined}>
      <RunHeader projectId={selection.projectId} run={run} workflowName={workflowName} onFork={null} onOpenNode={selection.selectNode} />
      <div className="run-body">
        <section className="pane run-main" aria-label="Nodes">
          <Tabs label="Views of the run" tabs={narrow ? [...TABS, LOG] : TABS} selected={tab} onSelect={selection.selectTab} />
          <TabPanel id={tab} className="run-panel">
            {tab === "log" ? log : <Main selection={selection} graph={graph} />}
          </TabPanel>
        </section>
        {!narrow && log}
      </div>
    </div>
  );
}

function Main({ selection, graph }: { selection: Selection; graph: UseQueryResult<Graph> }) {
  if (graph.data === undefined) {
    return graph.error === null ? <Loading what="Loading the graph" /> : <Failure error={graph.error} retry={() => void graph.refetch()} />;
  }
  return <NodeList nodes={graph.data.nodes} selection={selection} />;
}

/** A run that had failed when its page was opened shows its first failed node. */
function useFirstFailure(selection: Selection, graph: Graph | undefined) {
  const view = useLiveView();
  const done = useRef(false);
  useEffect(() => {
    if (done.current || graph === undefined || view.nodes.size === 0) return;
    done.current = true;
    if (view.status !== "FAILED" || selection.node !== null) return;
    const node = view.error?.node_id ?? failuresOf(graph.nodes, view.nodes)[0];
    if (node != null) selection.selectNode(node);
  }, [graph, view, selection]);
}
