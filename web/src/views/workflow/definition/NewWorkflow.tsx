import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState, type FormEvent } from "react";
import { ApiError, call } from "../../../api/client";
import { project as projectPath, workflowPath, workflows } from "../../../api/queries";
import type { JsonObject, Workflow } from "../../../api/types";
import { Button } from "../../../ui/Button";
import { Failure } from "../../../ui/Notice";
import "../workflow.css";

const EMPTY: JsonObject = {
  input_schema: { type: "object", properties: { name: { type: "string", default: "world" } } },
  nodes: [
    { id: "greet", type: "process", config: { operation: "template", value: "Hello {{ input.name | default('world') }}" } },
    { id: "done", type: "output", config: { value: "{{ outputs.greet.value }}" } },
  ],
  edges: [{ source: "greet", target: "done" }],
};

/** Makes a workflow, small or as a copy of another, and goes on to its definition. */
export function NewWorkflow({ project }: { project: string }) {
  const id = useId();
  const [[name, description, from], set] = useState(["", "", ""]);
  const known = useQuery(workflows(project)).data?.items.filter(({ kind }) => kind === "definition") ?? [];
  const navigate = useNavigate();
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: async () => {
      const definition = from === "" ? EMPTY : (await call<Workflow>(workflowPath(project, from))).definition;
      return call<Workflow>(`${projectPath(project)}/workflows`, { method: "POST", body: { name: name.trim(), description, definition: { ...definition, name: name.trim() } } });
    },
    onSuccess: async (made) => {
      void queries.invalidateQueries({ queryKey: ["workflows", project] });
      await navigate({ to: "/p/$project/w/$workflow", params: { project, workflow: made.workflow_id }, search: { tab: "definition" } });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== "") make.mutate();
  };
  return (
    <div className="page">
      <h1>New workflow</h1>
      <form className="pane new-workflow" onSubmit={submit}>
        <div className="pane-body stack">
          <div className="field">
            <label htmlFor={`${id}-name`}>Name</label>
            <input className="input" id={`${id}-name`} required maxLength={200} autoFocus value={name} onChange={(event) => set([event.target.value, description, from])} />
          </div>
          <div className="field">
            <label htmlFor={`${id}-about`}>Description</label>
            <input className="input" id={`${id}-about`} maxLength={10_000} value={description} onChange={(event) => set([name, event.target.value, from])} />
          </div>
          <div className="field">
            <label htmlFor={`${id}-from`}>Begin with</label>
            <select className="input" id={`${id}-from`} value={from} onChange={(event) => set([name, description, event.target.value])}>
              <option value="">Two nodes that say hello</option>
              {known.map((each) => <option key={each.workflow_id} value={each.workflow_id}>A copy of {each.name}</option>)}
            </select>
            <p className="hint">{known.find((each) => each.workflow_id === from)?.description ?? "You edit it on the next page."}</p>
          </div>
          {make.error !== null && <Failure error={make.error} />}
          {make.error instanceof ApiError && make.error.problem.errors?.map((each) => <p key={each.path} className="problem-text"><code>{each.path}</code>: {each.message}</p>)}
          <div className="row"><Button type="submit" kind="primary" busy={make.isPending}>Make it</Button></div>
        </div>
      </form>
    </div>
  );
}
