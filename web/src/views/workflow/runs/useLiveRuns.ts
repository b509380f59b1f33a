import { useQueryClient, type InfiniteData, type QueryKey } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Page, RunSummary } from "../../../api/types";
import { useProjectFeed } from "../../../live/projectFeed";

type Pages = InfiniteData<Page<RunSummary>, string | null>;
/** A list is read again at most so often, however many runs begin. */
const PAUSE = 1_000;

/** Keep a list of runs as they are: a run that is in it changes in place, and a new one has the list read again. */
export function useLiveRuns(projectId: string | null, workflowId: string, key: QueryKey, statuses: readonly string[] | undefined): void {
  const queries = useQueryClient();
  const timer = useRef<number | null>(null);
  const reread = (): void => {
    timer.current ??= window.setTimeout(() => {
      timer.current = null;
      void queries.invalidateQueries({ queryKey: key });
    }, PAUSE);
  };
  useEffect(() => () => {
    if (timer.current !== null) window.clearTimeout(timer.current);
    timer.current = null;
  }, []);
  useProjectFeed(projectId, (run) => {
    if (run.workflow_id !== workflowId) return;
    const pages = queries.getQueryData<Pages>(key);
    const next = pages === undefined ? null : replaced(pages, run);
    if (next === null || (statuses !== undefined && !statuses.includes(run.status))) reread();
    else queries.setQueryData(key, next);
  }, reread);
}

/** The pages with this run as it is now; null if it is in none of them. */
export function replaced(pages: Pages, run: RunSummary): Pages | null {
  let found = false;
  const items = (page: Page<RunSummary>): RunSummary[] =>
    page.items.map((each) => {
      if (each.run_id !== run.run_id) return each;
      found = true;
      return { ...each, ...run };
    });
  const next = { ...pages, pages: pages.pages.map((page) => ({ ...page, items: items(page) })) };
  return found ? next : null;
}
