import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useProjects } from "../../app/me";
import { projectStats } from "../../api/queries";
import type { Project } from "../../api/types";
import { Icon } from "../../ui/Icon";
import { Empty, Failure, Loading } from "../../ui/Notice";
import { NeedsPerson } from "./NeedsPerson";
import { RunningNow } from "./RunningNow";
import { WorkflowTable } from "./WorkflowTable";
import "./home.css";

/** A project at a glance: what needs a person, what runs now, and how each workflow fares. */
export function HomePage() {
  const projects = useProjects();
  const { project: chosen } = useSearch({ from: "/" });
  if (projects === undefined) return <Loading />;
  const project = projects.find((each) => each.slug === chosen) ?? projects[0];
  if (project === undefined) {
    return <Empty page title="You are in no project">Whoever manages this server can make one and add you to it.</Empty>;
  }
  return (
    <div className="page">
      <div className="page-head">
        <h1>{project.name}</h1>
        {projects.length > 1 && <ProjectSelect projects={projects} selected={project} />}
      </div>
      <div className="home-now">
        <NeedsPerson project={project} />
        <RunningNow project={project} />
      </div>
      <Workflows project={project} />
    </div>
  );
}

function ProjectSelect({ projects, selected }: { projects: readonly Project[]; selected: Project }) {
  const navigate = useNavigate();
  return (
    <label className="row">
      <span className="visually-hidden">Project</span>
      <select className="input home-project" value={selected.slug} onChange={(event) => void navigate({ to: "/", search: { project: event.target.value } })}>
        {projects.map((each) => <option key={each.project_id} value={each.slug}>{each.name}</option>)}
      </select>
    </label>
  );
}

function Workflows({ project }: { project: Project }) {
  const { data, error, refetch } = useQuery({ ...projectStats(project.slug), refetchInterval: 15_000 });
  return (
    <section className="pane" aria-labelledby="workflows">
      <div className="pane-head">
        <h2 id="workflows">Workflows</h2>
        <span className="muted">last 7 days</span>
        <Link to="/p/$project/w/$workflow" params={{ project: project.slug, workflow: "new" }} className="button" data-size="small"><Icon name="add" /> New workflow</Link>
      </div>
      {error !== null && <Failure error={error} retry={() => void refetch()} />}
      {data === undefined && error === null && <Loading what="Loading workflows" />}
      {data?.workflows.length === 0 && <Empty title="No workflows yet">Make one here, or with <code>milepost init</code> and the API.</Empty>}
      {data !== undefined && data.workflows.length > 0 && <WorkflowTable project={project} workflows={data.workflows} />}
      {data?.next_cursor != null && <p className="pane-body muted">The newest 100 are shown. Ctrl K finds the others.</p>}
    </section>
  );
}
