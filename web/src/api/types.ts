/** What the server answers. Field names are the API's; a value's shape is in docs/api.md. */
export type RunStatus = "PENDING" | "QUEUED" | "RUNNING" | "WAITING" | "PAUSED" | "COMPLETED" | "FAILED" | "CANCELLED";
export type NodeStatus = "PENDING" | "READY" | "RUNNING" | "WAITING" | "COMPLETED" | "FAILED" | "SKIPPED" | "CANCELLED";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
/** A JSON Schema. */
export type Schema = JsonObject;

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

export interface RunError {
  code: string | null;
  type: string | null;
  message: string | null;
  node_id: string | null;
  traceback?: string | null;
}

export interface RunSummary {
  run_id: string;
  project_id: string;
  workflow_id: string;
  version: number;
  status: RunStatus;
  progress: number;
  current_node: string | null;
  error: RunError | null;
  metadata: JsonObject;
  run_attempt: number;
  pausing: boolean;
  checkpoint_id: string | null;
  parent_run_id: string | null;
  forked_from: string | null;
  wake_at: string | null;
  priority: number;
  start_at: string | null;
  test_mode: boolean;
  created_at: string;
  queued_at: string | null;
  started_at: string | null;
  paused_at: string | null;
  cancelled_at: string | null;
  finished_at: string | null;
  estimated_completion: string | null;
}

export interface Run extends RunSummary {
  input_data: Json;
  output_data: Json;
  last_seq: number;
}

export interface NodeState {
  node_id: string;
  status: NodeStatus;
  progress: number;
  started_at: string | null;
  completed_at: string | null;
  attempt: number;
  iterations: number;
}

export interface Interrupt {
  interrupt_id: string;
  node_id: string;
  item?: number | null;
  path?: string | null;
  question: string | null;
  schema: Schema | null;
  assignees: string[];
  asked_at: string | null;
  expires_at: string | null;
  value: Json;
}

export interface Status {
  run_id: string;
  status: RunStatus;
  progress: number;
  current_node: string | null;
  started_at: string | null;
  finished_at: string | null;
  paused_at: string | null;
  estimated_completion: string | null;
  error: RunError | null;
  interrupts: Interrupt[];
  waiting_for: JsonObject | null;
  node_states: NodeState[];
  pausing: boolean;
  checkpoint_id: string | null;
  last_seq: number;
}

export interface NodeExecution {
  node_execution_id: string;
  task_id: string;
  node_id: string;
  node_type: string;
  run_attempt: number;
  attempt: number;
  status: NodeStatus;
  input: Json;
  output: Json;
  error: RunError | null;
  started_at: string;
  completed_at: string | null;
  duration_ms: number | null;
  stand_in: "simulated" | "answered" | "replayed" | null;
}

export interface RunEvent {
  seq: number;
  run_id: string;
  ts: string;
  type: string;
  node_id: string | null;
  run_attempt: number;
  data: JsonObject;
}

export interface Checkpoint {
  checkpoint_id: string;
  parent_id: string | null;
  step: number;
  source: string;
  next: string[];
  created_at: string;
  size: number;
  superseded: boolean;
  ordinal: number;
}

export interface CheckpointState extends Checkpoint {
  values: JsonObject;
  cut: boolean;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id?: string;
  errors?: { path: string; code: string; message: string }[];
}

export interface WorkflowSummary {
  workflow_id: string;
  project_id: string;
  kind: "definition" | "python";
  name: string;
  description: string;
  latest_version: number;
  created_at: string;
  updated_at: string;
  archived_at: string | null;
}

export interface Workflow extends WorkflowSummary {
  version: number;
  version_created_at: string;
  definition: JsonObject;
  warnings: { path: string; code: string; message: string }[];
}

export interface GraphNode {
  id: string;
  type: string;
  name: string;
}

export interface GraphEdge {
  source: string;
  target: string;
  /** It leads back into a loop. */
  back: boolean;
  /** Of a conditional edge: the value it is taken for; null where a Python function decides. */
  when?: Json;
}

/** A workflow's nodes and edges as LangGraph compiled them. A node inside another one has its id as a prefix: `outer/inner`. */
export interface Graph {
  workflow_id: string;
  version: number;
  nodes: GraphNode[];
  edges: GraphEdge[];
}

export interface Project {
  project_id: string;
  slug: string;
  name: string;
}

export type Permission = "can_view" | "can_execute" | "can_edit" | "can_manage";

export interface Me {
  user: { name: string };
  kind: "session" | "key";
  owner: boolean;
  csrf_token: string | null;
  projects: (Project & { permissions: Permission[] })[];
}

/** An open question as the inbox shows it. */
export interface Question extends Interrupt {
  run_id: string;
  run_status: RunStatus;
  workflow_id: string;
  workflow_name: string;
}

export interface Task {
  task_id: string;
  project_id: string;
  title: string;
  description: string;
  assignee: string | null;
  due: string | null;
  status: "open" | "done";
  run_id: string | null;
  node_id: string | null;
  created_by: string | null;
  created_at: string;
  updated_at: string;
  done_by: string | null;
  done_at: string | null;
}

export interface Notification {
  notification_id: string;
  project_id: string;
  to: string;
  title: string;
  body: string;
  run_id: string | null;
  node_id: string | null;
  created_at: string;
  read_at: string | null;
}

/** What runs took, in milliseconds. */
export interface Durations {
  mean_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
}

export interface LastRun {
  run_id: string;
  status: RunStatus;
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
}

/** A workflow's figures on the home page. */
export interface WorkflowFigures {
  workflow_id: string;
  name: string;
  kind: "definition" | "python";
  counts: Partial<Record<RunStatus, number>>;
  success_rate: number | null;
  duration: Durations;
  running: number;
  waiting: number;
  last_runs: LastRun[];
}

/** A project's figures, and a page of its workflows'. */
export interface ProjectStats {
  since: string;
  until: string;
  counts: Partial<Record<RunStatus, number>>;
  success_rate: number | null;
  duration: Durations;
  workflows: WorkflowFigures[];
  next_cursor: string | null;
}

/** One difference between two JSON values. */
export interface Difference {
  path: string;
  op: "added" | "removed" | "changed";
  from?: Json;
  to?: Json;
}

/** How two JSON values differ, path by path; `cut` where there is more. */
export interface Differences {
  equal: boolean;
  changes: Difference[];
  cut: boolean;
}

export interface CheckpointDiff {
  from: string;
  to: string;
  changes: Difference[];
  cut: boolean;
}

export interface ComparedRun extends RunSummary {
  workflow_name: string;
  duration_ms: number | null;
}

/** One execution of a node in a compared run. */
export interface ComparedStep {
  run_id: string;
  node_execution_id: string;
  position: number;
  node_type: string;
  status: NodeStatus;
  attempt: number;
  started_at: string;
  duration_ms: number | null;
  inherited: boolean;
}

export interface ComparedNode {
  status: NodeStatus;
  executions: number;
  failed: number;
  attempts: number;
  duration_ms: number;
}

export interface DefinitionDiff {
  equal: boolean;
  nodes: { added: Json[]; removed: Json[]; changed: JsonObject[] };
  edges: { added: Json[]; removed: Json[] };
  keys: Json[];
  reordered: boolean;
  cut: boolean;
}

export interface Comparison {
  left: ComparedRun;
  right: ComparedRun;
  common_ancestor: { run_id: string; left_checkpoint_id: string | null; right_checkpoint_id: string | null } | null;
  first_divergence: {
    position: number;
    node_id: string;
    because: string;
    left: ComparedStep | null;
    right: ComparedStep | null;
    input: Differences;
    output: Differences;
  } | null;
  path: { node_id: string; execution: number; left: ComparedStep | null; right: ComparedStep | null; differs: string[] }[];
  path_cut: boolean;
  nodes: { node_id: string; left: ComparedNode | null; right: ComparedNode | null; same: boolean }[];
  nodes_cut: boolean;
  input: Differences;
  output: Differences;
  definition: DefinitionDiff;
}
