/** What is selected on the run's page. It stands in the address, so that a link shows what its sender saw. */
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import type { RUN_TABS } from "../../app/router";

const route = getRouteApi("/p/$project/runs/$run");

export type RunTab = (typeof RUN_TABS)[number];

export interface Selection {
  readonly projectId: string;
  readonly runId: string;
  readonly node: string | null;
  /** The place of the node's execution, from 1; null: the newest. */
  readonly attempt: number | null;
  readonly checkpoint: string | null;
  readonly tab: RunTab | undefined;
  selectNode(node: string | null): void;
  selectAttempt(attempt: number | null): void;
  selectTab(tab: RunTab): void;
}

export function useSelection(): Selection {
  const { project: projectId, run: runId } = route.useParams();
  const { node, attempt, cp, tab } = route.useSearch();
  const navigate = route.useNavigate();
  return useMemo(
    () => ({
      projectId, runId, node: node ?? null, attempt: attempt ?? null, checkpoint: cp ?? null, tab,
      selectNode: (next) => void navigate({
        search: ({ node: _, attempt: __, ...rest }) => (next === null ? rest : { ...rest, node: next }), replace: true, resetScroll: false,
      }),
      selectAttempt: (next) => void navigate({
        search: ({ attempt: _, ...rest }) => (next === null ? rest : { ...rest, attempt: next }), replace: true, resetScroll: false,
      }),
      selectTab: (next) => void navigate({ search: (before) => ({ ...before, tab: next }), replace: true, resetScroll: false }),
    }),
    [projectId, runId, node, attempt, cp, tab, navigate],
  );
}
