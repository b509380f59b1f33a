import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { versions } from "../../api/queries";
import type { Workflow } from "../../api/types";
import { usePermissions } from "../../app/me";
import { Button } from "../../ui/Button";
import { ago } from "../../ui/format";
import { RunDialog } from "./start/RunDialog";
import { TestDialog } from "./start/TestDialog";

const route = getRouteApi("/p/$project/w/$workflow");

/** What the workflow is, which version is shown, and what starts a run of it. */
export function WorkflowHeader({ project, workflow }: { project: string; workflow: Workflow }) {
  const [open, setOpen] = useState<"run" | "test" | null>(null);
  const may = usePermissions(project);
  const archived = workflow.archived_at !== null;
  return (
    <header className="stack workflow-head">
      <div className="page-head">
        <h1>
          {workflow.name}
          {workflow.kind === "python" && <span className="tag">Python</span>}
          {archived && <span className="tag">Archived</span>}
        </h1>
        <VersionSelect project={project} workflow={workflow} />
        {workflow.kind === "definition" && may.has("can_execute") && <Button disabled={archived} onClick={() => setOpen("test")}>Test</Button>}
        {may.has("can_execute") && <Button kind="primary" icon="play" disabled={archived} onClick={() => setOpen("run")}>Run</Button>}
      </div>
      {workflow.description !== "" && <p className="muted workflow-about">{workflow.description}</p>}
      {archived && <p className="banner">This workflow is archived: none of its runs starts any more. Its history stays readable.</p>}
      <Older project={project} workflow={workflow} />
      {open === "run" && <RunDialog project={project} workflow={workflow} onClose={() => setOpen(null)} />}
      {open === "test" && <TestDialog project={project} workflow={workflow} onClose={() => setOpen(null)} />}
    </header>
  );
}

function VersionSelect({ project, workflow }: { project: string; workflow: Workflow }) {
  const navigate = route.useNavigate();
  const { data } = useQuery(versions(project, workflow.workflow_id));
  const known = data?.items ?? [{ version: workflow.version, created_at: workflow.version_created_at }];
  const all = known.some(({ version }) => version === workflow.version) ? known : [{ version: workflow.version, created_at: workflow.version_created_at }, ...known];
  const select = (version: number): void => {
    void navigate({ search: ({ version: _, ...rest }) => (version === workflow.latest_version ? rest : { ...rest, version }) });
  };
  return (
    <label className="row workflow-version">
      <span className="visually-hidden">Version</span>
      <select className="input" value={workflow.version} onChange={(event) => select(Number(event.target.value))}>
        {all.map(({ version, created_at }) => (
          <option key={version} value={version}>
            Version {version}{version === workflow.latest_version ? " (latest)" : ""} · {ago(Date.parse(created_at))}
          </option>
        ))}
      </select>
    </label>
  );
}

function Older({ project, workflow }: { project: string; workflow: Workflow }) {
  if (workflow.version === workflow.latest_version) return null;
  const { workflow_id: id, version, latest_version: latest } = workflow;
  return (
    <p className="banner">
      This is version {version}; the latest is {latest}.{" "}
      <Link to="/p/$project/w/$workflow" params={{ project, workflow: id }} search={{ tab: "definition", version, against: latest }}>What changed since</Link>
    </p>
  );
}
