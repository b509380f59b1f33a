import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { call } from "../../../api/client";
import { checkpoint, runPath } from "../../../api/queries";
import type { Checkpoint, JsonObject, Run } from "../../../api/types";
import { Button } from "../../../ui/Button";
import { Dialog } from "../../../ui/Dialog";
import { Failure, Loading } from "../../../ui/Notice";
import { editable, edited, parsed } from "./stateEdit";

const Editor = lazy(() => import("../../../editor/Editor").then((found) => ({ default: found.Editor })));

const FROM = "/p/$project/runs/$run";

/** A new run from a checkpoint, with its state as it was or edited. The old run stays as it is. */
export function ForkDialog({ point, edit, onClose }: { point: Checkpoint; edit: boolean; onClose: () => void }) {
  const { project, run } = useParams({ from: FROM });
  const navigate = useNavigate();
  const state = useQuery({ ...checkpoint(project, run, point.checkpoint_id), enabled: edit });
  const before = state.data === undefined ? undefined : editable(state.data.values);
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? (before === undefined ? "" : JSON.stringify(before, null, 2));
  const given = parsed(text);
  const fork = useMutation({
    mutationFn: (values: JsonObject | undefined) =>
      call<Run>(`${runPath(project, run)}/fork`, {
        method: "POST", body: { checkpoint_id: point.checkpoint_id, execute: true, ...(values === undefined ? {} : { state: values }) },
      }),
    onSuccess: (made) => {
      onClose();
      void navigate({ to: FROM, params: { project, run: made.run_id }, search: {} });
    },
  });
  const send = () => fork.mutate(edit && before !== undefined && given.value !== null ? edited(before, given.value) : undefined);
  const ready = !edit || (before !== undefined && given.value !== null);
  const foot = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" icon="fork" busy={fork.isPending} disabled={!ready} onClick={send}>Fork and run</Button>
    </>
  );
  return (
    <Dialog title={edit ? "Edit the state and fork" : "Fork from this checkpoint"} onClose={onClose} foot={foot} wide={edit}>
      <p>
        A new run starts from step {point.step}{point.next.length > 0 && <> and goes on with <code>{point.next.join(", ")}</code></>}. This run stays as it is.
      </p>
      {edit && state.error !== null && <Failure error={state.error} retry={() => void state.refetch()} />}
      {edit && before === undefined && state.error === null && <Loading what="Loading the state" />}
      {edit && before !== undefined && (
        <Suspense fallback={<Loading what="Loading the editor" />}>
          <Editor text={text} onChange={setTyped} label="State as JSON" />
        </Suspense>
      )}
      {edit && given.problem !== null && before !== undefined && <p className="problem" role="alert">{given.problem}</p>}
      {fork.error !== null && <Failure error={fork.error} />}
    </Dialog>
  );
}
