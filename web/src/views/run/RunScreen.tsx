import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Graph, Run } from "../../api/types";
import { useLive, useNodeSource, useRunReader } from "../../live/hooks";
import { useTabStatus } from "../../live/tabStatus";
import { lazily } from "../../ui/lazily";
import { Failure, Loading } from "../../ui/Notice";
import { TabPanel, Tabs } from "../../ui/Tabs";
import { useMedia } from "../../ui/useMedia";
import { CheckpointRail } from "./checkpoints/CheckpointRail";
import { RunHeader } from "./header/RunHeader";
import { failuresOf } from "./list/rows";
import { EventLog } from "./log/EventLog";
import { Questions } from "./questions/Questions";
import type { RunTab, Selection } from "./selection";
import { NARROW, shownTab, tabsOf } from "./tabs";
import { useRunKeys } from "./useRunKeys";

const ForkNewest = lazily(() => import("./checkpoints/ForkNewest").then((found) => found.ForkNewest));
const Inspector = lazily(() => import("./inspector/Inspector").then((found) => found.Inspector));
const NodeList = lazily(() => import("./list/NodeList").then((found) => found.NodeList));
const GraphView = lazily(() => import("../../graph/GraphView").then((found) => found.GraphView));
const TimelineView = lazily(() => import("../../timeline/TimelineView").then((found) => found.TimelineView));

/** Loads what a tab shows, while the run is read. */
export function preload(tab: RunTab): void {
  if (tab !== "log") ({ graph: GraphView, timeline: TimelineView, list: NodeList })[tab].preload();
}

interface Props {
  selection: Selection;
  run: Run;
  graph: UseQueryResult<Graph>;
  workflowName: string;
}

/** The panes of a run. */
export function RunScreen({ selection, run, graph, workflowName }: Props) {
  const narrow = useMedia(NARROW);
  const [forking, setForking] = useState(false);
  const tab = shownTab(selection.tab, narrow);
  const log = <EventLog node={selection.node} keys />;
  return (
    <div className="run" data-narrow={narrow || undefined}>
      <Unseen selection={selection} graph={graph.data} workflowName={workflowName} narrow={narrow} />
      <Questions projectId={selection.projectId} />
      <RunHeader projectId={selection.projectId} run={run} workflowName={workflowName} onFork={() => setForking(true)} onOpenNode={selection.selectNode} />
      <div className="run-body" data-inspecting={selection.node !== null || undefined}>
        <section className="pane run-main" aria-label="Nodes">
          <Tabs label="Views of the run" tabs={tabsOf(narrow)} selected={tab} onSelect={selection.selectTab} />
          <TabPanel id={tab} className="run-panel">
            {tab === "log" ? log : <Main tab={tab} selection={selection} graph={graph} />}
          </TabPanel>
        </section>
        {!narrow && log}
        {selection.node !== null && (
          <Inspector key={selection.node} nodeId={selection.node} nodes={graph.data?.nodes ?? []} selection={selection} sheet={narrow} />
        )}
      </div>
      <CheckpointRail />
      {forking && <ForkNewest onClose={() => setForking(false)} />}
    </div>
  );
}

function Main({ tab, selection, graph }: { tab: RunTab; selection: Selection; graph: UseQueryResult<Graph> }) {
  if (graph.data === undefined) {
    return graph.error === null ? <Loading what="Loading the graph" /> : <Failure error={graph.error} retry={() => void graph.refetch()} />;
  }
  if (tab === "graph") return <RunGraph graph={graph.data} selection={selection} />;
  if (tab === "timeline") {
    return (
      <TimelineView
        fallback={<Loading what="Loading the timeline" />} names={new Map(graph.data.nodes.map((each) => [each.id, each.name ?? each.id]))}
        selected={selection.node} onSelect={selection.selectNode}
      />
    );
  }
  return <NodeList fallback={<Loading what="Loading the list" />} nodes={graph.data.nodes} selection={selection} />;
}

function RunGraph({ graph, selection }: { graph: Graph; selection: Selection }) {
  const source = useNodeSource();
  return (
    <GraphView
      fallback={<Loading what="Loading the graph" />} graph={graph} source={source} selected={selection.node} onSelect={selection.selectNode}
      onOpen={selection.selectNode}
    />
  );
}

/** What follows every change of the run and shows nothing: apart, so that the panes do not render with it. */
function Unseen({ selection, graph, workflowName, narrow }: { selection: Selection; graph: Graph | undefined; workflowName: string; narrow: boolean }) {
  const status = useLive((view) => view.status);
  const progress = useLive((view) => Math.floor(view.progress * 100) / 100);
  useTabStatus(workflowName, status, progress);
  useFirstFailure(selection, graph, narrow);
  useRunKeys(selection, graph);
  return null;
}

/** A run that had failed when its page was opened shows its first failed node; not where that would cover the page. */
function useFirstFailure(selection: Selection, graph: Graph | undefined, narrow: boolean) {
  const known = useLive((view) => view.nodes.size > 0);
  const reader = useRunReader();
  const done = useRef(false);
  useEffect(() => {
    if (done.current || graph === undefined || !known) return;
    done.current = true;
    const { status, error, nodes } = reader.live();
    if (status !== "FAILED" || selection.node !== null || narrow) return;
    const node = error?.node_id ?? failuresOf(graph.nodes, nodes)[0];
    if (node != null) selection.selectNode(node);
  }, [graph, known, reader, selection, narrow]);
}
