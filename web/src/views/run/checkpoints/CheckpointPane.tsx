import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { usePermissions } from "../../../app/me";
import { checkpoint, checkpointDiff } from "../../../api/queries";
import type { Checkpoint } from "../../../api/types";
import { useCommands, useLive } from "../../../live/hooks";
import { Button } from "../../../ui/Button";
import { Confirm } from "../../../ui/Dialog";
import { bytes, clock, toMs } from "../../../ui/format";
import { Changes } from "../../../ui/json/Changes";
import { JsonView } from "../../../ui/json/JsonView";
import { Failure, Loading } from "../../../ui/Notice";
import { ForkDialog } from "./ForkDialog";

const FROM = "/p/$project/runs/$run";

interface Props {
  point: Checkpoint;
  previous: Checkpoint | undefined;
  pinned: Checkpoint | undefined;
  newest: boolean;
  /** It stands in the address: state and changes are shown. */
  chosen: boolean;
  open: "state" | "changes";
  onOpen: (which: "state" | "changes") => void;
}

/** One checkpoint: when it was saved, what came next, its state, what changed, and what can be done from it. */
export function CheckpointPane({ point, previous, pinned, newest, chosen, open, onOpen }: Props) {
  const { project, run } = useParams({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const may = usePermissions(project).has("can_execute");
  const status = useLive((view) => view.status);
  const commands = useCommands();
  const [dialog, setDialog] = useState<"fork" | "edit" | "resume" | null>(null);
  const isPinned = pinned?.checkpoint_id === point.checkpoint_id;
  const base = pinned !== undefined && !isPinned ? pinned : previous;
  const pin = () =>
    void navigate({ search: ({ pin: _, ...before }) => (isPinned ? before : { ...before, pin: point.checkpoint_id }), replace: true, resetScroll: false });
  const resume = () => commands.resume(newest ? {} : { checkpointId: point.checkpoint_id });
  const show = (which: "state" | "changes") => {
    onOpen(which);
    if (!chosen) void navigate({ search: (before) => ({ ...before, cp: point.checkpoint_id }), replace: true, resetScroll: false });
  };
  return (
    <div className="rail-point">
      <p className="muted">
        Step {point.step} · {clock(toMs(point.created_at) ?? 0)} · {bytes(point.size)}{point.superseded && " · superseded"}
        {" "}· {point.next.length === 0 ? "the end" : <>next <code title={point.next.join(", ")}>{point.next.join(", ")}</code></>}
      </p>
      <div className="row">
        <Button size="small" aria-pressed={chosen && open === "changes"} onClick={() => show("changes")}>Changes</Button>
        <Button size="small" aria-pressed={chosen && open === "state"} onClick={() => show("state")}>State</Button>
        <Button size="small" aria-pressed={isPinned} onClick={pin}>{isPinned ? "Unpin" : "Pin to compare"}</Button>
        {may && <Button size="small" icon="fork" onClick={() => setDialog("fork")}>Fork from here</Button>}
        {may && <Button size="small" icon="edit" onClick={() => setDialog("edit")}>Edit state and fork</Button>}
        {may && status === "PAUSED" && (
          <Button size="small" icon="play" busy={commands.requested === "resume"} onClick={() => (newest ? resume() : setDialog("resume"))}>Resume here</Button>
        )}
      </div>
      {chosen && (
        <div className="rail-detail stack">
          {open === "state" && <State project={project} run={run} id={point.checkpoint_id} />}
          {open === "changes" && <Difference project={project} run={run} from={base} to={point} />}
        </div>
      )}
      {(dialog === "fork" || dialog === "edit") && <ForkDialog point={point} edit={dialog === "edit"} onClose={() => setDialog(null)} />}
      {dialog === "resume" && (
        <Confirm title="Resume from an earlier checkpoint?" action="Resume here" onConfirm={resume} onClose={() => setDialog(null)}>
          <p>The run travels back to step {point.step}: nodes after it run again, and answers given after it are asked for again.</p>
        </Confirm>
      )}
    </div>
  );
}

function State({ project, run, id }: { project: string; run: string; id: string }) {
  const { data, error, refetch } = useQuery(checkpoint(project, run, id));
  if (error !== null) return <Failure error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading what="Loading the state" />;
  return (
    <>
      <JsonView value={data.values} name={`state-${id}`} />
      {data.cut && <p className="muted">The state is larger than what is shown.</p>}
    </>
  );
}

function Difference({ project, run, from, to }: { project: string; run: string; from: Checkpoint | undefined; to: Checkpoint }) {
  const query = checkpointDiff(project, run, from?.checkpoint_id ?? to.checkpoint_id, to.checkpoint_id);
  const { data, error, refetch } = useQuery({ ...query, enabled: from !== undefined });
  if (from === undefined) return <p className="muted">This is the first checkpoint: there is nothing before it.</p>;
  if (error !== null) return <Failure error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading what="Comparing" />;
  return (
    <>
      <p className="muted">Against step {from.step} of {clock(toMs(from.created_at) ?? 0)}</p>
      <Changes changes={data.changes} cut={data.cut} />
    </>
  );
}
