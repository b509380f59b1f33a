import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { usePermissions } from "../../app/me";
import { call } from "../../api/client";
import { project as projectPath, tasks } from "../../api/queries";
import type { Project, Task } from "../../api/types";
import { Button } from "../../ui/Button";
import { ago, clock, toMs } from "../../ui/format";
import { Empty, Failure, Loading } from "../../ui/Notice";

/** What people are to do, newest first. */
export function Tasks({ project }: { project: Project }) {
  const [done, setDone] = useState(false);
  const client = useQueryClient();
  const permitted = usePermissions(project.slug).has("can_execute");
  const { data, error, refetch } = useQuery({ ...tasks(project.slug, done ? "done" : "open"), refetchInterval: 15_000 });
  const change = useMutation({
    mutationFn: (task: Task) =>
      call(`${projectPath(project.slug)}/tasks/${task.task_id}`, { method: "PATCH", body: { status: task.status === "open" ? "done" : "open" } }),
    onSettled: () => client.invalidateQueries({ queryKey: ["tasks", project.slug] }),
  });
  return (
    <>
      <div className="pane-head">
        <label className="row"><input type="checkbox" checked={done} onChange={(event) => setDone(event.target.checked)} /> Show done tasks</label>
      </div>
      {(change.error ?? error) !== null && <Failure error={change.error ?? error} retry={() => void refetch()} />}
      {data === undefined && error === null && <Loading what="Loading tasks" />}
      {data?.items.length === 0 && <Empty title={done ? "No done tasks" : "No open tasks"}>Workflows make tasks with <code>create_task</code>.</Empty>}
      <ul className="inbox-list">
        {data?.items.map((each) => (
          <li key={each.task_id}>
            <div>
              <strong>{each.title}</strong>
              {each.description !== "" && <p>{each.description}</p>}
              <p className="muted">{about(each)}</p>
            </div>
            <span className="row">
              {permitted && (
                <Button size="small" busy={change.isPending && change.variables.task_id === each.task_id} onClick={() => change.mutate(each)}>
                  {each.status === "open" ? "Mark as done" : "Open again"}<span className="visually-hidden"> {each.title}</span>
                </Button>
              )}
              {each.run_id !== null && <Link to="/p/$project/runs/$run" params={{ project: project.slug, run: each.run_id }}>Run</Link>}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function about(task: Task): string {
  const due = toMs(task.due);
  const parts = [task.assignee === null ? "for anybody" : `for ${task.assignee}`, ago(toMs(task.created_at) ?? Date.now())];
  if (due !== null) parts.push(`due ${clock(due)}`);
  if (task.done_by !== null) parts.push(`done by ${task.done_by}`);
  return parts.join(" · ");
}
