import { useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { call } from "../api/client";
import { runPath } from "../api/queries";
import type { Status } from "../api/types";
import { Failure, Loading } from "../ui/Notice";
import { Commander } from "./commands";
import { ShownRun } from "./context";
import { followProject } from "./projectFeed";
import { LiveRun, type Source } from "./runStore";
import { browser, nextFrame, socketUrl, tellSignedOut } from "./world";

interface Props {
  projectId: string;
  runId: string;
  /** A checkpoint: the run is shown as of then. */
  past: string | null;
  children: ReactNode;
}

/** Follows a run for what stands inside it. Until anything is known of the run it shows that it loads, or why it cannot. */
export function RunProvider({ projectId, runId, past, children }: Props) {
  const [attempt, setAttempt] = useState(0);
  return (
    <Following key={`${projectId} ${runId} ${attempt}`} {...{ projectId, runId, past }} again={() => setAttempt(attempt + 1)}>
      {children}
    </Following>
  );
}

function Following({ projectId, runId, past, again, children }: Props & { again: () => void }) {
  const [{ store, commander }] = useState(() => {
    const run = new LiveRun(runId, source(projectId, runId), browser, nextFrame);
    return { store: run, commander: new Commander(projectId, runId, run) };
  });
  useEffect(() => {
    store.start();
    return () => store.stop();
  }, [store]);
  const subscribe = useMemo(() => (listener: () => void) => store.subscribe(listener), [store]);
  const known = useSyncExternalStore(subscribe, () => store.known());
  const problem = useSyncExternalStore(subscribe, () => store.problem());
  const shown = useMemo(() => ({ store, commander, past }), [store, commander, past]);
  if (!known) return problem === null ? <Loading what="Loading the run" /> : <Failure error={problem} retry={again} />;
  return <ShownRun value={shown}>{children}</ShownRun>;
}

function source(projectId: string, runId: string): Source {
  const path = runPath(projectId, runId);
  return {
    url: (after) => socketUrl(`${path}/ws`, { after }),
    status: (signal) => call<Status>(`${path}/status`, { signal }),
    watch: (changed) => followProject(projectId, (run) => run.run_id === runId && changed(), changed),
    signedOut: tellSignedOut,
  };
}
