import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../../api/client";
import { runPath } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { usePermissions } from "../../../app/me";
import { useCommands, useLive } from "../../../live/hooks";
import { Button } from "../../../ui/Button";
import { Confirm } from "../../../ui/Dialog";
import { allowed } from "./allowed";
import { PauseMenu } from "./PauseMenu";

/** The buttons of a run: those that its status takes and the person may press. A command shows as asked for until it took hold. */
export function RunCommands({ projectId, run, onFork }: { projectId: string; run: Run; onFork: (() => void) | null }) {
  const status = useLive((view) => view.status);
  const pausing = useLive((view) => view.pausing);
  const commands = useCommands();
  const permissions = usePermissions(projectId);
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const rerun = useMutation({
    mutationFn: () => call<Run>(`${runPath(projectId, run.run_id)}/rerun`, { method: "POST", body: { execute: true } }),
    onSuccess: (made) => navigate({ to: "/p/$project/runs/$run", params: { project: projectId, run: made.run_id } }),
  });
  if (!permissions.has("can_execute")) return null;
  const may = allowed(status, pausing);
  const { requested } = commands;
  const wrong = commands.failure ?? rerun.error;
  const other = (own: typeof requested) => requested !== null && requested !== own;
  return (
    <div className="run-commands">
      {may.has("execute") && <Button kind="primary" icon="play" busy={requested === "execute"} disabled={other("execute")} onClick={() => void commands.execute()}>Start</Button>}
      {may.has("resume") && (
        <Button kind="primary" icon="play" busy={requested === "resume"} disabled={other("resume")} onClick={() => void commands.resume()}>
          {requested === "resume" ? "Resume requested" : status === "PAUSED" ? "Resume" : "Take the pause back"}
        </Button>
      )}
      {may.has("pause") && <PauseMenu pausing={pausing} requested={requested === "pause"} disabled={other("pause")} onPause={(mode) => void commands.pause(mode)} />}
      {may.has("retry") && (
        <Button kind="primary" icon="retry" busy={requested === "retry"} disabled={other("retry")} onClick={() => void commands.retry()} title="Go on from the last checkpoint: what completed does not run again">
          {requested === "retry" ? "Retry requested" : "Retry"}
        </Button>
      )}
      {may.has("rerun") && <Button icon="play" busy={rerun.isPending} onClick={() => rerun.mutate()} title="A new run of the same version with the same input">Run again</Button>}
      {may.has("fork") && onFork !== null && <Button icon="fork" onClick={onFork}>Fork</Button>}
      {may.has("cancel") && (
        <Button kind="danger" icon="stop" busy={requested === "cancel"} disabled={other("cancel")} onClick={() => setAsking(true)}>
          {requested === "cancel" ? "Cancel requested" : "Cancel"}
        </Button>
      )}
      {wrong !== null && (
        <p className="run-refused" role="alert">
          {wrong.message} <Button kind="plain" size="small" icon="close" aria-label="Dismiss" onClick={() => { commands.dismiss(); rerun.reset(); }} />
        </p>
      )}
      {asking && (
        <Confirm title="Cancel this run?" action="Cancel the run" onConfirm={() => void commands.cancel()} onClose={() => setAsking(false)}>
          <p>It ends for good: it cannot be resumed or retried. What nodes have done outside stays done.</p>
        </Confirm>
      )}
    </div>
  );
}
