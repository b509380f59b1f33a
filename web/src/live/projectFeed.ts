/** A project's list of runs, live: told of every run that changes. */
import { useEffect, useEffectEvent } from "react";
import { project } from "../api/queries";
import type { RunSummary } from "../api/types";
import { Line, type World } from "./line";
import { browser, socketUrl, tellSignedOut } from "./world";

/** Hear of a project's runs until the function that this gives is called. `onReturn`: what changed while it was cut off is not told. */
export function followProject(
  projectId: string, onRun: (run: RunSummary) => void, onReturn: () => void = () => undefined, world: World = browser,
): () => void {
  let greeted = false;
  const line = new Line(
    {
      url: () => socketUrl(`${project(projectId)}/workflows/runs/ws`),
      state: () => undefined,
      message: (data) => {
        const message = JSON.parse(String(data)) as { type: string };
        if (message.type === "run") onRun(message as unknown as RunSummary);
        if (message.type !== "hello") return;
        if (greeted) onReturn();
        greeted = true;
      },
      closed: (code) => {
        if (code === 4401) tellSignedOut();
        return code >= 4400 && code <= 4404 ? "never" : "later";
      },
    },
    world,
  );
  line.open();
  return () => line.close();
}

/**
 * Hear of every run of a project that changes, at most twice a second for one run, while the component is shown.
 * `onReturn` is called after each time that the line was cut: read the list again then.
 */
export function useProjectFeed(projectId: string | null, onRun: (run: RunSummary) => void, onReturn?: () => void): void {
  const told = useEffectEvent(onRun);
  const returned = useEffectEvent(() => onReturn?.());
  useEffect(() => {
    if (projectId === null) return undefined;
    return followProject(projectId, (run) => told(run), () => returned());
  }, [projectId]);
}
