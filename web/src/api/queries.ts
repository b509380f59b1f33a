/** REST reads by key: one place says which URL each thing has. The live stream never goes through here. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, setCsrfToken } from "./client";
import { checkpointPath, project, runPath, workflowPath } from "./paths";
import type {
  Checkpoint, CheckpointDiff, CheckpointState, Comparison, Graph, Me, NodeType, Notification, Page, ProjectStats, Question, Run,
  RunSummary, Status, Task, VersionDiff, VersionEntry, Workflow, WorkflowStats, WorkflowSummary,
} from "./types";

export { project, runPath, workflowPath };

export const me = queryOptions({
  queryKey: ["me"],
  queryFn: async ({ signal }) => {
    const found = await call<Me>("api/me", { signal });
    setCsrfToken(found.csrf_token);
    return found;
  },
  staleTime: 60_000,
});

export const workflows = (projectId: string) =>
  queryOptions({
    queryKey: ["workflows", projectId],
    queryFn: ({ signal }) => call<Page<WorkflowSummary>>(`${project(projectId)}/workflows`, { query: { limit: 100 }, signal }),
  });

export const workflow = (projectId: string, workflowId: string, version?: number) =>
  queryOptions({
    queryKey: ["workflow", projectId, workflowId, version ?? null],
    queryFn: ({ signal }) => call<Workflow>(workflowPath(projectId, workflowId), { query: { version }, signal }),
  });

export const graph = (projectId: string, workflowId: string, version?: number) =>
  queryOptions({
    queryKey: ["graph", projectId, workflowId, version ?? null],
    queryFn: ({ signal }) => call<Graph>(`${workflowPath(projectId, workflowId)}/graph`, { query: { version }, signal }),
    staleTime: Infinity,
  });

/** The filters of the run list, as they stand in the address. */
export interface RunFilters {
  workflow_id?: string;
  status?: string[];
  q?: string;
  started_after?: string;
  started_before?: string;
  test_mode?: boolean;
  cursor?: string;
  limit?: number;
}

export const runs = (projectId: string, filters: RunFilters) =>
  queryOptions({
    queryKey: ["runs", projectId, filters],
    queryFn: ({ signal }) => call<Page<RunSummary>>(`${project(projectId)}/workflows/runs`, { query: { ...filters }, signal }),
  });

export const run = (projectId: string, runId: string) =>
  queryOptions({
    queryKey: ["run", projectId, runId],
    queryFn: ({ signal }) => call<Run>(runPath(projectId, runId), { signal }),
  });

export const runStatus = (projectId: string, runId: string) =>
  queryOptions({
    queryKey: ["status", projectId, runId],
    queryFn: ({ signal }) => call<Status>(`${runPath(projectId, runId)}/status`, { signal }),
  });

/** The project's figures with each workflow's last runs. */
export const projectStats = (projectId: string) =>
  queryOptions({
    queryKey: ["stats", projectId],
    queryFn: ({ signal }) => call<ProjectStats>(`${project(projectId)}/workflows/stats`, { query: { limit: 100 }, signal }),
  });

export const questions = (projectId: string) =>
  queryOptions({
    queryKey: ["inbox", projectId],
    queryFn: ({ signal }) => call<Page<Question>>(`${project(projectId)}/inbox`, { query: { limit: 100 }, signal }),
  });

export const notifications = (projectId: string) =>
  queryOptions({
    queryKey: ["notifications", projectId],
    queryFn: ({ signal }) => call<Page<Notification>>(`${project(projectId)}/notifications`, { query: { limit: 100 }, signal }),
  });

export const tasks = (projectId: string, status: "open" | "done") =>
  queryOptions({
    queryKey: ["tasks", projectId, status],
    queryFn: ({ signal }) => call<Page<Task>>(`${project(projectId)}/tasks`, { query: { limit: 100, status }, signal }),
  });

/** A run's checkpoints, newest first, page by page. */
export const checkpoints = (projectId: string, runId: string) =>
  infiniteQueryOptions({
    queryKey: ["checkpoints", projectId, runId],
    queryFn: ({ signal, pageParam }) =>
      call<Page<Checkpoint>>(`${runPath(projectId, runId)}/checkpoints`, { query: { limit: 100, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

export const checkpoint = (projectId: string, runId: string, id: string) =>
  queryOptions({
    queryKey: ["checkpoint", projectId, runId, id],
    queryFn: ({ signal }) => call<CheckpointState>(checkpointPath(projectId, runId, id), { signal }),
    staleTime: Infinity,
  });

export const checkpointDiff = (projectId: string, runId: string, from: string, to: string) =>
  queryOptions({
    queryKey: ["checkpoint-diff", projectId, runId, from, to],
    queryFn: ({ signal }) => call<CheckpointDiff>(`${runPath(projectId, runId)}/checkpoints/diff`, { query: { from, to }, signal }),
    staleTime: Infinity,
  });

export const comparison = (projectId: string, left: string, right: string) =>
  queryOptions({
    queryKey: ["compare", projectId, left, right],
    queryFn: ({ signal }) => call<Comparison>(`${project(projectId)}/workflows/runs/compare`, { query: { left, right }, signal }),
  });

/** The newest 100 versions, newest first. */
export const versions = (projectId: string, workflowId: string) =>
  queryOptions({
    queryKey: ["versions", projectId, workflowId],
    queryFn: ({ signal }) => call<Page<VersionEntry>>(`${workflowPath(projectId, workflowId)}/versions`, { query: { limit: 100 }, signal }),
  });

export const versionDiff = (projectId: string, workflowId: string, before: number, after: number) =>
  queryOptions({
    queryKey: ["version-diff", projectId, workflowId, before, after],
    queryFn: ({ signal }) => call<VersionDiff>(`${workflowPath(projectId, workflowId)}/versions/${before}/diff/${after}`, { signal }),
    staleTime: Infinity,
  });

export const workflowStats = (projectId: string, workflowId: string, since: string | undefined) =>
  queryOptions({
    queryKey: ["workflow-stats", projectId, workflowId, since ?? null],
    queryFn: ({ signal }) => call<WorkflowStats>(`${workflowPath(projectId, workflowId)}/stats`, { query: { since }, signal }),
  });

/** Every node type with the schema of its config. */
export const nodeTypes = queryOptions({
  queryKey: ["node-types"],
  queryFn: async ({ signal }) => (await call<{ items: NodeType[] }>("api/node-types", { signal })).items,
  staleTime: Infinity,
});
