import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../../api/client";
import { notifications, project as projectPath } from "../../api/queries";
import type { Project } from "../../api/types";
import { ago, toMs } from "../../ui/format";
import { Button } from "../../ui/Button";
import { Empty, Failure, Loading } from "../../ui/Notice";

/** What runs told people, newest first. */
export function Notifications({ project }: { project: Project }) {
  const client = useQueryClient();
  const { data, error, refetch } = useQuery({ ...notifications(project.slug), refetchInterval: 15_000 });
  const read = useMutation({
    mutationFn: (ids?: string[]) => call(`${projectPath(project.slug)}/notifications`, { method: "PATCH", body: ids === undefined ? { all: true } : { ids } }),
    onSettled: () => client.invalidateQueries({ queryKey: notifications(project.slug).queryKey }),
  });
  if (error !== null) return <Failure error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading what="Loading notifications" />;
  if (data.items.length === 0) return <Empty title="No notifications">What workflows send with <code>send_notification</code> stands here.</Empty>;
  const unread = data.items.filter((each) => each.read_at === null).length;
  return (
    <>
      <div className="pane-head">
        <span className="muted">{unread === 0 ? "All read" : `${unread} unread`}</span>
        {unread > 0 && <Button size="small" busy={read.isPending} onClick={() => read.mutate(undefined)}>Mark all as read</Button>}
      </div>
      {read.error !== null && <Failure error={read.error} />}
      <ul className="inbox-list">
        {data.items.map((each) => (
          <li key={each.notification_id} data-unread={each.read_at === null || undefined}>
            <div>
              <strong>{each.title}</strong>
              <p>{each.body}</p>
              <p className="muted">to {each.to} · {ago(toMs(each.created_at) ?? Date.now())}</p>
            </div>
            <span className="row">
              {each.read_at === null && <Button size="small" onClick={() => read.mutate([each.notification_id])}>Mark as read</Button>}
              {each.run_id !== null && <Link to="/p/$project/runs/$run" params={{ project: project.slug, run: each.run_id }}>Run</Link>}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
