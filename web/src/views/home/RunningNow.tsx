import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { runs, workflows } from "../../api/queries";
import type { Project } from "../../api/types";
import { ago, percent, toMs } from "../../ui/format";
import { Empty, Failure, Loading } from "../../ui/Notice";
import { Status } from "../../ui/Status";

const LIVE = ["QUEUED", "RUNNING", "PAUSED"];

/** The newest live runs of the project. */
export function RunningNow({ project }: { project: Project }) {
  const { data, error, refetch } = useQuery({ ...runs(project.slug, { status: LIVE, limit: 6 }), refetchInterval: 5_000 });
  const names = new Map(useQuery(workflows(project.slug)).data?.items.map((each) => [each.workflow_id, each.name]));
  return (
    <section className="pane" aria-labelledby="running-now">
      <div className="pane-head"><h2 id="running-now">Running now</h2></div>
      {error !== null && <Failure error={error} retry={() => void refetch()} />}
      {data === undefined && error === null && <Loading />}
      {data?.items.length === 0 && <Empty title="Nothing runs">Open a workflow below and run it.</Empty>}
      <ul className="home-list">
        {data?.items.map((each) => (
          <li key={each.run_id}>
            <Link to="/p/$project/runs/$run" params={{ project: project.slug, run: each.run_id }}>{names.get(each.workflow_id) ?? each.run_id}</Link>
            <span className="row">
              <span className="muted numeric">{percent(each.progress)} · {ago(toMs(each.started_at ?? each.created_at) ?? Date.now())}</span>
              <Status status={each.status} pill />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
