/** What nodes took and gave: read from the run's logs, which are not part of its events. */
import { queryOptions } from "@tanstack/react-query";
import { call } from "../../api/client";
import { runPath } from "../../api/queries";
import type { Json, NodeExecution, NodeStatus, Page, RunError } from "../../api/types";
import type { NodeView } from "../../model/run";

/** One item of a `map`, or one call of a tool. */
export interface Item {
  node_id: string;
  item: number;
  status: NodeStatus;
  attempt: number;
  output: Json;
  error: RunError | null;
  started_at: string;
  completed_at: string | null;
  duration_ms: number | null;
}

/** As many items as were asked for; `more` if there are others. */
export interface ItemsRead {
  readonly items: readonly Item[];
  readonly more: boolean;
}

const MOST = 1_000;

/** Changes whenever a node's executions may have. */
export const executionsMark = (view: NodeView | undefined): string =>
  view === undefined ? "" : [view.status, view.attempt, view.iterations, view.executionId, view.completedAt].join("/");

/** Changes whenever a fan-out's items may have. */
export const itemsMark = (view: NodeView | undefined): string =>
  view === undefined ? "" : [view.status, view.iterations, view.items?.completed, view.items?.failed].join("/");

/** Every time the node ran, oldest first. `mark` changes whenever the answer may have. */
export const executions = (projectId: string, runId: string, nodeId: string, mark: string) =>
  queryOptions({
    queryKey: ["executions", projectId, runId, nodeId, mark],
    queryFn: async ({ signal }) => {
      const page = await call<Page<NodeExecution>>(`${runPath(projectId, runId)}/logs`, { query: { node_id: nodeId, limit: MOST }, signal });
      return { items: page.items, more: page.next_cursor !== null };
    },
    staleTime: Infinity,
  });

/** The first `count` items of a fan-out that have ended, in the list's order; only those that failed if `failed`. */
export const items = (projectId: string, runId: string, nodeId: string, mark: string, count: number, failed: boolean) =>
  queryOptions<ItemsRead>({
    queryKey: ["items", projectId, runId, nodeId, mark, count, failed],
    queryFn: async ({ signal }) => {
      const found: Item[] = [];
      let after: string | null = "";
      while (after !== null && found.length < count) {
        const query = { node_id: nodeId, items: true, limit: Math.min(MOST, count - found.length), after, failed: failed || undefined };
        const page: Page<Item> = await call<Page<Item>>(`${runPath(projectId, runId)}/logs`, { query, signal });
        found.push(...page.items);
        after = page.next_cursor;
      }
      return { items: found, more: after !== null };
    },
    staleTime: Infinity,
    placeholderData: (before) => before,
  });

export interface Change {
  path: string;
  op: "added" | "removed" | "changed";
  from?: Json;
  to?: Json;
}

/** What changed in the state from one checkpoint to another. */
export const changes = (projectId: string, runId: string, from: string, to: string) =>
  queryOptions({
    queryKey: ["diff", projectId, runId, from, to],
    queryFn: ({ signal }) =>
      call<{ changes: Change[]; cut: boolean }>(`${runPath(projectId, runId)}/checkpoints/diff`, { query: { from, to }, signal }),
    staleTime: Infinity,
  });

/** Why the run is not advancing. */
export const why = (projectId: string, runId: string, status: string) =>
  queryOptions({
    queryKey: ["why", projectId, runId, status],
    queryFn: ({ signal }) => call<{ code: string; sentence: string }>(`${runPath(projectId, runId)}/why`, { signal }),
    refetchInterval: 5_000,
  });
