import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call, url } from "../../../api/client";
import { project as projectPath } from "../../../api/queries";
import type { Run, Workflow } from "../../../api/types";
import { Button } from "../../../ui/Button";
import { Dialog } from "../../../ui/Dialog";
import { SchemaForm } from "../../../ui/form/SchemaForm";
import { Failure } from "../../../ui/Notice";
import { curlOf } from "./curl";
import { useInput } from "./useInput";

interface Props {
  project: string;
  workflow: Workflow;
  onClose: () => void;
}

/** Asks for the input of a run, starts it and goes to its page. */
export function RunDialog({ project, workflow, onClose }: Props) {
  const input = useInput(workflow);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const path = `${projectPath(project)}/workflows/runs`;
  const older = workflow.version === workflow.latest_version ? {} : { version: workflow.version };
  const body = { workflow_id: workflow.workflow_id, ...older, input_data: input.value, execute: true };
  const start = useMutation({
    mutationFn: () => call<Run>(path, { method: "POST", body }),
    onSuccess: async (run) => {
      void queries.invalidateQueries({ queryKey: ["runs", project] });
      await navigate({ to: "/p/$project/runs/$run", params: { project, run: run.run_id } });
    },
    onError: (error) => input.refuse(error),
  });
  const about = start.error !== null && input.problems.length === 0 ? start.error : null;
  return (
    <Dialog
      title={`Run ${workflow.name}`} onClose={onClose}
      foot={
        <>
          <CopyCurl text={() => curlOf(url(path), body)} />
          <span className="grow" />
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" icon="play" busy={start.isPending} onClick={() => { if (input.ready()) start.mutate(); }}>Run</Button>
        </>
      }
    >
      <div className="stack" ref={input.form}>
        {"version" in older && <p className="muted">Runs version {older.version}, not the latest.</p>}
        <SchemaForm
          schema={input.schema} value={input.value} onChange={input.setValue} problems={input.problems} label="Input" disabled={start.isPending}
          onReadable={input.setReadable}
        />
        {about !== null && <Failure error={about} />}
      </div>
    </Dialog>
  );
}

/** Copies the request as a command, and says so. */
function CopyCurl({ text }: { text: () => string }) {
  const [told, setTold] = useState("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text());
      setTold("Copied");
    } catch {
      setTold("Could not be copied");
    }
  };
  return (
    <>
      <Button kind="plain" icon="copy" onClick={() => void copy()} onBlur={() => setTold("")}>{told === "" ? "Copy as cURL" : told}</Button>
      <span className="visually-hidden" role="status">{told}</span>
    </>
  );
}
