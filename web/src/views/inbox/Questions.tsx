import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { questions } from "../../api/queries";
import type { Project } from "../../api/types";
import { ago, clock, toMs } from "../../ui/format";
import { Empty, Failure, Loading } from "../../ui/Notice";

/** Open questions, oldest first. They are answered on their run's page, where what led to them can be seen. */
export function Questions({ project }: { project: Project }) {
  const { data, error, refetch } = useQuery({ ...questions(project.slug), refetchInterval: 10_000 });
  if (error !== null) return <Failure error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading what="Loading questions" />;
  if (data.items.length === 0) return <Empty title="No open questions">When a run asks a person, its question stands here until somebody answers.</Empty>;
  return (
    <ul className="inbox-list">
      {data.items.map((each) => {
        const expires = toMs(each.expires_at);
        return (
          <li key={each.run_id + each.interrupt_id}>
            <div>
              <strong>{each.question ?? `${each.node_id} asks`}</strong>
              <p className="muted">
                {each.workflow_name} · <code>{each.node_id}</code> · asked {ago(toMs(each.asked_at) ?? Date.now())}
                {expires !== null && ` · until ${clock(expires)}`}
                {" · "}{each.assignees.length === 0 ? "anybody may answer" : `for ${each.assignees.join(", ")}`}
              </p>
            </div>
            <Link className="button" data-kind="primary" to="/p/$project/runs/$run" params={{ project: project.slug, run: each.run_id }}>
              Answer<span className="visually-hidden"> {each.question ?? each.node_id}</span>
            </Link>
          </li>
        );
      })}
      {data.next_cursor !== null && <li className="muted">More follow when these are answered.</li>}
    </ul>
  );
}
