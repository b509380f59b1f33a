import { useNavigate, useSearch } from "@tanstack/react-router";
import { useProjects } from "../../app/me";
import { Empty, Loading } from "../../ui/Notice";
import { TabPanel, Tabs } from "../../ui/Tabs";
import { Notifications } from "./Notifications";
import { Questions } from "./Questions";
import { Tasks } from "./Tasks";
import "./inbox.css";

const TABS = [{ id: "questions", label: "Questions" }, { id: "notifications", label: "Notifications" }, { id: "tasks", label: "Tasks" }] as const;

/** Everything that waits for a person, in all projects that they see. */
export function InboxPage() {
  const { tab = "questions" } = useSearch({ from: "/inbox" });
  const navigate = useNavigate();
  const projects = useProjects();
  if (projects === undefined) return <Loading />;
  return (
    <div className="page">
      <div className="page-head"><h1>Inbox</h1></div>
      <Tabs label="Inbox" tabs={TABS} selected={tab} onSelect={(id) => void navigate({ to: "/inbox", search: { tab: id }, replace: true })} />
      <TabPanel id={tab} className={projects.length > 1 ? "stack inbox-many" : "stack"}>
        {projects.length === 0 && <Empty title="You are in no project" />}
        {projects.map((project) => (
          <section key={project.project_id} className="pane" aria-label={project.name}>
            {projects.length > 1 && <div className="pane-head"><h2>{project.name}</h2></div>}
            {tab === "questions" && <Questions project={project} />}
            {tab === "notifications" && <Notifications project={project} />}
            {tab === "tasks" && <Tasks project={project} />}
          </section>
        ))}
      </TabPanel>
    </div>
  );
}
