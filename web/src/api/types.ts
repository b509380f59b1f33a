/** What the server answers: names for the schemas of its document (`make web-types`), and what is not in it. */
import type { components } from "./schema";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** A schema's type, in which any value is JSON. */
type Known<T> = unknown extends T
  ? Json
  : T extends (infer Item)[]
    ? Known<Item>[]
    : T extends object
      ? { [Key in keyof T]: Known<T[Key]> }
      : T;
type Answer<Name extends keyof components["schemas"]> = Known<components["schemas"][Name]>;

export type RunStatus = Answer<"RunStatus">;
export type NodeStatus = Answer<"NodeStatus">;

/** A JSON Schema. */
export type Schema = JsonObject;

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

export type RunError = Answer<"RunError">;
export type RunSummary = Answer<"RunSummary">;
export type Run = Answer<"Run">;
export type NodeState = Answer<"NodeState">;
export type Interrupt = Answer<"Interrupt">;
export type Status = Answer<"Status">;
export type NodeExecution = Answer<"NodeExecution">;

/** An event; what its data has depends on its type (docs/events.md). */
export type RunEvent = Omit<Answer<"Event">, "type" | "data"> & { type: string; data: JsonObject };

export type Checkpoint = Answer<"Checkpoint">;
export type CheckpointState = Answer<"CheckpointState">;

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id?: string;
  errors?: { path: string; code: string; message: string }[];
}

export type WorkflowSummary = Answer<"WorkflowSummary">;
export type Workflow = Answer<"Workflow">;
export type GraphNode = Answer<"GraphNode">;
export type GraphEdge = Answer<"GraphEdge">;

/** A workflow's nodes and edges as LangGraph compiled them. */
export type Graph = Answer<"Graph">;

export type Project = Pick<Answer<"Project">, "project_id" | "slug" | "name">;

export type Permission = "can_view" | "can_execute" | "can_edit" | "can_manage";

export interface Me {
  user: { name: string };
  kind: "session" | "key";
  owner: boolean;
  csrf_token: string | null;
  projects: (Project & { permissions: Permission[] })[];
}

/** An open question as the inbox shows it. */
export type Question = Answer<"Question">;
export type Task = Answer<"Task">;
export type Notification = Answer<"Notification">;

/** What runs took, in milliseconds. */
export type Durations = Answer<"Durations">;
export type LastRun = Answer<"LastRun">;

/** A workflow's figures on the home page. */
export type WorkflowFigures = Answer<"WorkflowFigures">;

/** A project's figures, and a page of its workflows'. */
export type ProjectStats = Answer<"ProjectStatistics">;

/** One difference between two JSON values. */
export type Difference = Answer<"Change">;

/** How two JSON values differ, path by path; `cut` where there is more. */
export type Differences = Answer<"Differences">;
export type CheckpointDiff = Answer<"CheckpointDiff">;
export type ComparedRun = Answer<"ComparedRun">;

/** One execution of a node in a compared run. */
export type ComparedStep = Answer<"ComparedStep">;
export type ComparedNode = Answer<"ComparedNode">;
export type DefinitionDiff = Answer<"DefinitionDiff">;
export type Comparison = Answer<"Comparison">;
/** A version of a workflow in the list of them. */
export type VersionEntry = Answer<"WorkflowVersion">;
export type VersionDiff = Answer<"VersionDiff">;
export type OlderRuns = Answer<"OlderRuns">;
export type SavedWorkflow = Workflow & { older_runs?: OlderRuns };
export type Validation = Answer<"ValidationResult">;
export type NodeType = Answer<"NodeType">;
export type DryRun = Answer<"Trace">;
export type TraceEntry = DryRun["trace"][number];
export type NodeFigures = Answer<"NodeFigures">;
export type WorkflowStats = Answer<"WorkflowStatistics">;
export type StatsPoint = WorkflowStats["series"][number];
