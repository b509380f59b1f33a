import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { questions } from "../../api/queries";
import type { Project } from "../../api/types";
import { ago, toMs } from "../../ui/format";
import { Empty, Failure, Loading } from "../../ui/Notice";

const SHOWN = 5;

/** The oldest open questions of the project's runs. */
export function NeedsPerson({ project }: { project: Project }) {
  const { data, error, refetch } = useQuery({ ...questions(project.slug), refetchInterval: 15_000 });
  return (
    <section className="pane" aria-labelledby="needs-person">
      <div className="pane-head">
        <h2 id="needs-person">Needs a person</h2>
        <Link to="/inbox">Inbox</Link>
      </div>
      {error !== null && <Failure error={error} retry={() => void refetch()} />}
      {data === undefined && error === null && <Loading />}
      {data?.items.length === 0 && <Empty title="Nobody is waited for">Questions that runs ask appear here.</Empty>}
      <ul className="home-list">
        {data?.items.slice(0, SHOWN).map((each) => (
          <li key={each.run_id + each.interrupt_id}>
            <Link to="/p/$project/runs/$run" params={{ project: project.slug, run: each.run_id }}>{each.question ?? `${each.node_id} asks`}</Link>
            <span className="muted">{each.workflow_name} · {ago(toMs(each.asked_at) ?? Date.now())}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
