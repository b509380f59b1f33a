import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError, call } from "../../../api/client";
import { workflow as workflowQuery, workflowPath } from "../../../api/queries";
import type { JsonObject, OlderRuns, SavedWorkflow, Workflow } from "../../../api/types";
import { Editor } from "../../../editor/Editor";
import { pretty } from "../../../editor/pretty";
import { Button } from "../../../ui/Button";
import { Dialog } from "../../../ui/Dialog";
import { Failure } from "../../../ui/Notice";
import type { Draft } from "./draft";

const route = getRouteApi("/p/$project/w/$workflow");

interface Props {
  project: string;
  workflow: Workflow;
  draft: Draft;
  definition: JsonObject;
  onSaved: (older: OlderRuns | null) => void;
  onClose: () => void;
}

/** Shows what has changed and stores it as a new version, unless somebody else has stored one meanwhile. */
export function SaveDialog({ project, workflow, draft, definition, onSaved, onClose }: Props) {
  const [base, setBase] = useState<Workflow>(draft.base);
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const expected = base.latest_version;
  const save = useMutation({
    mutationFn: () =>
      call<SavedWorkflow>(workflowPath(project, workflow.workflow_id), { method: "PUT", body: { definition, expected_version: expected } }),
    onSuccess: async (stored) => {
      for (const key of ["workflow", "versions", "graph", "workflows"]) void queries.invalidateQueries({ queryKey: [key, project] });
      queries.setQueryData(workflowQuery(project, workflow.workflow_id).queryKey, stored);
      draft.discard();
      onSaved(stored.older_runs ?? null);
      onClose();
      await navigate({ search: ({ version: _, ...rest }) => rest, ignoreBlocker: true });
    },
  });
  const overtaken = save.error instanceof ApiError && save.error.problem.code === "version_conflict";
  return (
    <Dialog
      wide title={`Save version ${expected + 1} of ${workflow.name}`} onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>Back to the editor</Button>
          <Button kind="primary" busy={save.isPending} disabled={overtaken} onClick={() => save.mutate()}>Save version {expected + 1}</Button>
        </>
      }
    >
      {overtaken && <Overtaken project={project} workflow={base} onBase={(latest) => { save.reset(); setBase(latest); }} onDiscard={() => { draft.discard(); onClose(); }} />}
      {save.error !== null && !overtaken && <Failure error={save.error} />}
      <p className="muted">What changes from version {base.version}. Runs that have begun stay on their versions.</p>
      <div className="definition-changes"><Editor key={base.version} text={draft.text} original={pretty(base.definition)} label="Changes" readOnly /></div>
    </Dialog>
  );
}

interface OvertakenProps {
  project: string;
  workflow: Workflow;
  onBase: (latest: Workflow) => void;
  onDiscard: () => void;
}

function Overtaken({ project, workflow, onBase, onDiscard }: OvertakenProps) {
  const queries = useQueryClient();
  const load = useMutation({
    mutationFn: () => call<Workflow>(workflowPath(project, workflow.workflow_id)),
    onSuccess: onBase,
  });
  const reload = (): void => {
    onDiscard();
    for (const key of ["workflow", "versions", "graph"]) void queries.invalidateQueries({ queryKey: [key, project] });
  };
  return (
    <div className="banner stack" role="alert">
      <p>Somebody else has stored a version since you began. Nothing of yours is lost: it is in the editor.</p>
      <div className="row">
        <Button size="small" busy={load.isPending} onClick={() => load.mutate()}>Compare with the newest and go on</Button>
        <Button size="small" kind="danger" onClick={reload}>Discard mine and load it</Button>
      </div>
      {load.error !== null && <Failure error={load.error} />}
    </div>
  );
}
