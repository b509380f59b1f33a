import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { WORKFLOW_TABS } from "../../app/router";
import { workflow as workflowQuery } from "../../api/queries";
import type { Workflow } from "../../api/types";
import { Failure, Loading } from "../../ui/Notice";
import { TabPanel, Tabs } from "../../ui/Tabs";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { useDraft, useGuard, type Draft } from "./definition/draft";
import { GraphTab } from "./GraphTab";
import { RunsTab } from "./runs/RunsTab";
import { WorkflowHeader } from "./WorkflowHeader";
import "./workflow.css";

const DefinitionTab = lazy(async () => ({ default: (await import("./definition/DefinitionTab")).DefinitionTab }));
const NewWorkflow = lazy(async () => ({ default: (await import("./definition/NewWorkflow")).NewWorkflow }));
const StatsTab = lazy(async () => ({ default: (await import("./stats/StatsTab")).StatsTab }));

const route = getRouteApi("/p/$project/w/$workflow");
type Tab = (typeof WORKFLOW_TABS)[number];
const TABS = WORKFLOW_TABS.map((id) => ({ id, label: id.charAt(0).toUpperCase() + id.slice(1) }));

/** A workflow: its graph, its definition, its runs and its figures. `new` in its place makes one. */
export function WorkflowPage() {
  const { project, workflow } = route.useParams();
  if (workflow === "new") return <Suspense fallback={<Loading />}><NewWorkflow project={project} /></Suspense>;
  return <Stored key={workflow} project={project} workflowId={workflow} />;
}

function Stored({ project, workflowId }: { project: string; workflowId: string }) {
  const { version } = route.useSearch();
  const { data, error, refetch } = useQuery({ ...workflowQuery(project, workflowId, version), placeholderData: (before) => before });
  useTitle(data?.name);
  if (data !== undefined) return <Page project={project} workflow={data} />;
  return error === null ? <Loading what="Loading the workflow" /> : <Failure page error={error} retry={() => void refetch()} />;
}

function useTitle(name: string | undefined): void {
  useEffect(() => {
    if (name === undefined) return;
    const before = document.title;
    document.title = `${name} · Milepost`;
    return () => {
      document.title = before;
    };
  }, [name]);
}

function Page({ project, workflow }: { project: string; workflow: Workflow }) {
  const { tab = "graph" } = route.useSearch();
  const navigate = route.useNavigate();
  const draft = useDraft(workflow);
  const leaving = useGuard(draft.changed);
  const select = (next: Tab): void => {
    void navigate({ search: ({ version, since }) => ({ ...(version !== undefined && { version }), ...(since !== undefined && { since }), tab: next }) });
  };
  return (
    <div className="page workflow" data-tab={tab}>
      <WorkflowHeader project={project} workflow={workflow} />
      <Tabs label="Workflow" tabs={TABS} selected={tab} onSelect={select} />
      <TabPanel id={tab} className="workflow-panel">
        <Suspense fallback={<Loading />}><Panel tab={tab} project={project} workflow={workflow} draft={draft} /></Suspense>
      </TabPanel>
      {leaving.status === "blocked" && (
        <Dialog
          title="Leave without saving?" onClose={leaving.reset}
          foot={
            <>
              <Button data-first-focus onClick={leaving.reset}>Stay</Button>
              <Button kind="danger" onClick={() => { draft.discard(); leaving.proceed(); }}>Leave</Button>
            </>
          }
        >
          <p>The changes to the definition of {workflow.name} are not saved.</p>
        </Dialog>
      )}
    </div>
  );
}

function Panel({ tab, project, workflow, draft }: { tab: Tab; project: string; workflow: Workflow; draft: Draft }) {
  switch (tab) {
    case "graph": return <GraphTab project={project} workflow={workflow} />;
    case "definition": return <DefinitionTab project={project} workflow={workflow} draft={draft} />;
    case "runs": return <RunsTab project={project} workflow={workflow} />;
    case "stats": return <StatsTab project={project} workflow={workflow} />;
  }
}
