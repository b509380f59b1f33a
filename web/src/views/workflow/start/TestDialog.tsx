import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../../api/client";
import { workflowPath } from "../../../api/queries";
import type { DryRun, Json, JsonObject, Workflow } from "../../../api/types";
import { Button } from "../../../ui/Button";
import { Dialog } from "../../../ui/Dialog";
import { SchemaForm } from "../../../ui/form/SchemaForm";
import { Failure } from "../../../ui/Notice";
import { Trace } from "./Trace";
import { useInput } from "./useInput";

interface Props {
  project: string;
  workflow: Workflow;
  /** A draft to try that is not stored; otherwise the version that is shown. */
  draft?: JsonObject;
  onClose: () => void;
}

/** A dry run: nothing happens outside, nothing is waited for; what each node did is shown. */
export function TestDialog({ project, workflow, draft, onClose }: Props) {
  const input = useInput(draft === undefined ? workflow : { ...workflow, definition: draft });
  const [answers, setAnswers] = useState<Json>({});
  const subject = draft === undefined ? { version: workflow.version } : { definition: draft };
  const test = useMutation({
    mutationFn: () =>
      call<DryRun>(`${workflowPath(project, workflow.workflow_id)}/test`, { method: "POST", body: { ...subject, input_data: input.value, answers } }),
    onError: (error) => input.refuse(error),
  });
  const about = test.error !== null && input.problems.length === 0 ? test.error : null;
  return (
    <Dialog
      wide title={`Test ${workflow.name}`} onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button kind="primary" icon="play" busy={test.isPending} onClick={() => { if (input.ready()) test.mutate(); }}>
            {test.data === undefined ? "Test" : "Test again"}
          </Button>
        </>
      }
    >
      <p className="muted">A dry run{draft === undefined ? "" : " of the draft"}: calls, messages and waits are simulated, questions are answered.</p>
      <div className="test-columns">
        <div className="stack" ref={input.form}>
          <section className="stack">
            <h3>Input</h3>
            <SchemaForm
              schema={input.schema} value={input.value} onChange={input.setValue} problems={input.problems} label="Input" disabled={test.isPending}
              onReadable={input.setReadable}
            />
          </section>
          <details>
            <summary>Answers to questions and events</summary>
            <p className="hint muted">By node, such as <code>{'{"approve": {"publish": true}}'}</code>. Others are made from their schemas.</p>
            <SchemaForm schema={null} value={answers} onChange={setAnswers} problems={[]} label="Answers" disabled={test.isPending} />
          </details>
        </div>
        <div className="stack" aria-live="polite">
          {about !== null && <Failure error={about} />}
          {test.data === undefined && about === null && <p className="muted test-none">{test.isPending ? "Testing…" : "What each node did will stand here."}</p>}
          {test.data !== undefined && <Trace run={test.data} project={project} />}
        </div>
      </div>
    </Dialog>
  );
}
