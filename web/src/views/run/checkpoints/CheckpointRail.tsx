import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { useShortcuts } from "../../../app/shortcuts";
import { checkpoints } from "../../../api/queries";
import { useLive } from "../../../live/hooks";
import { Button } from "../../../ui/Button";
import { clock, toMs } from "../../../ui/format";
import { Empty, Failure, Loading } from "../../../ui/Notice";
import "./checkpoints.css";

const CheckpointPane = lazy(() => import("./CheckpointPane").then((found) => ({ default: found.CheckpointPane })));

const FROM = "/p/$project/runs/$run";

/** Where the run stood: scrub over its checkpoints; the chosen one is what every pane shows. */
export function CheckpointRail() {
  const { project, run } = useParams({ from: FROM });
  const { cp, pin } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const saved = useLive((view) => view.checkpoints.length);
  const query = useInfiniteQuery(checkpoints(project, run));
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const [open, setOpen] = useState<"state" | "changes">("changes");
  useEffect(() => {
    const timer = setTimeout(() => void refetch(), 300);
    return () => clearTimeout(timer);
  }, [saved, refetch]);
  const all = useMemo(() => (data?.pages.flatMap((page) => page.items) ?? []).toReversed(), [data]);
  const found = all.findIndex((each) => each.checkpoint_id === cp);
  const at = found < 0 ? all.length - 1 : found;
  const select = (index: number) => {
    const chosen = all[Math.min(Math.max(index, 0), all.length - 1)];
    if (chosen !== undefined) void navigate({ search: (before) => ({ ...before, cp: chosen.checkpoint_id }), replace: true, resetScroll: false });
  };
  const scrub = () => document.getElementById("checkpoint-scrub")?.focus();
  const leave = () => {
    scrub();
    void navigate({ search: ({ cp: _, ...before }) => before, replace: true, resetScroll: false });
  };
  useShortcuts({
    "[": () => select(at - 1),
    "]": () => select(at + 1),
    D: () => { if (cp === undefined) select(at); setOpen("changes"); },
    C: scrub,
  });
  if (error !== null) return <Failure error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading what="Loading checkpoints" />;
  const current = all[at];
  if (current === undefined) return <Empty title="No checkpoints yet">The first one is saved when the run starts.</Empty>;
  return (
    <section className="pane rail" aria-label="Checkpoints">
      <div className="pane-head">
        <h2>Checkpoints</h2>
        <Button size="small" kind="plain" aria-label="Earlier checkpoint" aria-keyshortcuts="[" disabled={at === 0} onClick={() => select(at - 1)}>←</Button>
        <Button size="small" kind="plain" aria-label="Later checkpoint" aria-keyshortcuts="]" disabled={at === all.length - 1} onClick={() => select(at + 1)}>→</Button>
        <input
          id="checkpoint-scrub" type="range" min={0} max={Math.max(0, all.length - 1)} value={at} disabled={all.length < 2}
          aria-label="Checkpoint" onChange={(event) => select(event.target.valueAsNumber)}
          aria-valuetext={`Step ${current.step}, ${clock(toMs(current.created_at) ?? 0)}, next ${current.next.join(", ") || "nothing"}`}
        />
        <span className="muted numeric">{at + 1} of {all.length}{hasNextPage && "+"}</span>
        {hasNextPage && <Button size="small" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>Load earlier ones</Button>}
        {cp !== undefined && <Button size="small" onClick={leave}>Back to now</Button>}
      </div>
      <Suspense fallback={<Loading what="Loading the checkpoint" />}>
        <CheckpointPane
          key={current.checkpoint_id} point={current} previous={all[at - 1]} pinned={all.find((each) => each.checkpoint_id === pin)} newest={at === all.length - 1}
          chosen={cp !== undefined} open={open} onOpen={setOpen}
        />
      </Suspense>
    </section>
  );
}
