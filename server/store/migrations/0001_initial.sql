CREATE TABLE schema_migrations (
  version    BIGINT PRIMARY KEY,
  name       TEXT NOT NULL,
  applied_at BIGINT NOT NULL
);

-- Who asks.

CREATE TABLE projects (
  project_id TEXT PRIMARY KEY,
  slug       TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  max_live_runs    BIGINT CHECK (max_live_runs >= 0),
  max_running_runs BIGINT CHECK (max_running_runs >= 1),
  max_sockets      BIGINT CHECK (max_sockets >= 0),
  max_stored_bytes BIGINT CHECK (max_stored_bytes >= 0)
);

-- project_id null: the owner's key, good for every project.
CREATE TABLE api_keys (
  key_id      TEXT PRIMARY KEY,
  project_id  TEXT REFERENCES projects (project_id),
  name        TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT,
  revoked_at  BIGINT
);

-- A person's browser, signed in with a key: it is good as long as the key is. expires_at moves on while it is used.
CREATE TABLE sessions (
  session_id  TEXT PRIMARY KEY,
  key_id      TEXT NOT NULL REFERENCES api_keys (key_id),
  secret_hash TEXT NOT NULL UNIQUE,
  created_at  BIGINT NOT NULL,
  seen_at     BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL
);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Secrets that are good once: links that sign in, tickets that open a socket. session_id: of the session that asked.
CREATE TABLE one_time_secrets (
  secret_hash TEXT PRIMARY KEY,
  purpose     TEXT NOT NULL CHECK (purpose IN ('link', 'ticket')),
  key_id      TEXT NOT NULL REFERENCES api_keys (key_id),
  session_id  TEXT REFERENCES sessions (session_id) ON DELETE CASCADE,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  used_at     BIGINT
);
CREATE INDEX one_time_secrets_by_end ON one_time_secrets (expires_at);
CREATE INDEX one_time_secrets_by_session ON one_time_secrets (session_id) WHERE session_id IS NOT NULL;

-- What configs read as `secrets.NAME`. ciphertext: AES-GCM under the server's key, bound to project and name.
CREATE TABLE secrets (
  project_id TEXT NOT NULL REFERENCES projects (project_id),
  name       TEXT NOT NULL,
  ciphertext BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (project_id, name)
);

-- A response is kept for 24 hours, for a client that asks again.
CREATE TABLE idempotency_keys (
  scope      TEXT NOT NULL,
  key        TEXT NOT NULL,
  body_hash  TEXT NOT NULL,
  run_id     TEXT NOT NULL,
  response   TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- What runs.

CREATE TABLE workflows (
  workflow_id    TEXT PRIMARY KEY,
  project_id     TEXT NOT NULL REFERENCES projects (project_id),
  name           TEXT NOT NULL,
  description    TEXT NOT NULL,
  latest_version BIGINT NOT NULL CHECK (latest_version >= 1),
  created_at     BIGINT NOT NULL,
  updated_at     BIGINT NOT NULL,
  archived_at    BIGINT,
  max_concurrent_runs BIGINT CHECK (max_concurrent_runs >= 1),
  concurrency_key     TEXT,
  on_limit            TEXT NOT NULL CHECK (on_limit IN ('queue', 'reject')),
  kind                TEXT NOT NULL DEFAULT 'definition' CHECK (kind IN ('definition', 'python')),
  graph               TEXT,
  CHECK (concurrency_key IS NULL OR max_concurrent_runs IS NOT NULL),
  CHECK ((kind = 'python') = (graph IS NOT NULL))
);
CREATE INDEX workflows_by_project ON workflows (project_id, workflow_id);
CREATE UNIQUE INDEX workflows_by_graph ON workflows (project_id, graph) WHERE graph IS NOT NULL;

-- Immutable: a run is pinned to one. pins: the versions of the workflows that the definition names without one.
CREATE TABLE workflow_versions (
  workflow_id TEXT NOT NULL REFERENCES workflows (workflow_id),
  version     BIGINT NOT NULL CHECK (version >= 1),
  definition  TEXT NOT NULL,
  pins        TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (workflow_id, version)
);

-- Runs. run_attempt is the fencing token that every claim raises; last_seq the number of the run's newest event.

CREATE TABLE workflow_runs (
  run_id            TEXT PRIMARY KEY,
  project_id        TEXT NOT NULL REFERENCES projects (project_id),
  workflow_id       TEXT NOT NULL,
  version           BIGINT NOT NULL,
  status            TEXT NOT NULL CHECK (status IN
                      ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED')),
  run_attempt       BIGINT NOT NULL,
  owner             TEXT,
  progress          DOUBLE PRECISION NOT NULL CHECK (progress BETWEEN 0 AND 1),
  current_node      TEXT,
  priority          BIGINT NOT NULL,
  start_at          BIGINT,
  held_until        BIGINT,
  lane              TEXT,
  dry_run           TEXT,
  input             TEXT NOT NULL,
  output            TEXT,
  error             TEXT,
  metadata          TEXT NOT NULL,
  checkpoint_id     TEXT,
  checkpoint_json   TEXT,
  resume_from       TEXT,
  pause_requested   TEXT CHECK (pause_requested IN ('step', 'now')),
  wake_at           BIGINT,
  parent_run_id     TEXT,
  forked_from       TEXT,
  crashes           BIGINT NOT NULL,
  blamed            BIGINT NOT NULL,
  spent_ms          BIGINT NOT NULL,
  created_at        BIGINT NOT NULL,
  queued_at         BIGINT,
  started_at        BIGINT,
  paused_at         BIGINT,
  cancelled_at      BIGINT,
  finished_at       BIGINT,
  estimated_completion BIGINT,
  last_seq          BIGINT NOT NULL,
  counted_attempt   BIGINT NOT NULL DEFAULT 0,
  FOREIGN KEY (workflow_id, version) REFERENCES workflow_versions (workflow_id, version),
  CHECK ((status = 'RUNNING') = (owner IS NOT NULL)),
  CHECK ((status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)),
  CHECK (status <> 'QUEUED' OR queued_at IS NOT NULL),
  CHECK (status <> 'COMPLETED' OR progress = 1)
);
CREATE INDEX runs_by_project ON workflow_runs (project_id, run_id);
CREATE INDEX runs_by_project_status ON workflow_runs (project_id, status, run_id);
CREATE INDEX runs_by_workflow ON workflow_runs (workflow_id, run_id);
CREATE INDEX runs_queued ON workflow_runs (project_id, status, (queued_at - priority * 600000), run_id, lane)
  WHERE status = 'QUEUED' AND held_until IS NULL;
CREATE INDEX runs_held ON workflow_runs (held_until) WHERE status = 'QUEUED' AND held_until IS NOT NULL;
CREATE INDEX lanes_running ON workflow_runs (lane, workflow_id) WHERE status = 'RUNNING' AND lane IS NOT NULL;
CREATE INDEX lanes_queued ON workflow_runs (lane) WHERE status = 'QUEUED' AND held_until IS NULL AND lane IS NOT NULL;
CREATE INDEX runs_by_start ON workflow_runs (project_id, (coalesce(started_at, 0)), run_id);
CREATE INDEX runs_by_end ON workflow_runs (project_id, (coalesce(finished_at, 0)), run_id);
CREATE INDEX runs_unfinished ON workflow_runs (workflow_id, status)
  WHERE status IN ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED');
CREATE INDEX dry_runs_unfinished ON workflow_runs (workflow_id, status)
  WHERE dry_run IS NOT NULL AND status IN ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED');
CREATE INDEX runs_suspect ON workflow_runs (queued_at, run_id) WHERE status = 'QUEUED' AND crashes > 0;
CREATE INDEX runs_running ON workflow_runs (owner) WHERE status = 'RUNNING';
CREATE INDEX runs_to_wake ON workflow_runs (project_id, wake_at, lane) WHERE status = 'WAITING' AND wake_at IS NOT NULL;
CREATE INDEX runs_queued_again ON workflow_runs (project_id, status, lane, run_attempt)
  WHERE status = 'QUEUED' AND run_attempt > 0;

-- The newest state of each node that was reached; a node without a row is still PENDING.
CREATE TABLE node_states (
  run_id       TEXT NOT NULL REFERENCES workflow_runs (run_id),
  node_id      TEXT NOT NULL,
  status       TEXT NOT NULL CHECK (status IN
                 ('PENDING', 'READY', 'RUNNING', 'WAITING', 'COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')),
  progress     DOUBLE PRECISION NOT NULL,
  attempt      BIGINT NOT NULL,
  iterations   BIGINT NOT NULL,
  started_at   BIGINT,
  completed_at BIGINT,
  PRIMARY KEY (run_id, node_id)
);

-- One row each time a node ran. input is its resolved configuration.
CREATE TABLE node_executions (
  run_id       TEXT NOT NULL REFERENCES workflow_runs (run_id),
  execution_id TEXT NOT NULL,
  task_id      TEXT NOT NULL,
  node_id      TEXT NOT NULL,
  node_type    TEXT NOT NULL,
  stand_in     TEXT CHECK (stand_in IN ('simulated', 'answered', 'replayed')),
  run_attempt  BIGINT NOT NULL,
  attempt      BIGINT NOT NULL,
  status       TEXT NOT NULL CHECK (status IN ('RUNNING', 'WAITING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  started_at   BIGINT NOT NULL,
  completed_at BIGINT,
  duration_ms  BIGINT,
  input        TEXT,
  output       TEXT,
  error        TEXT,
  PRIMARY KEY (run_id, execution_id)
);

-- What the items of a `map` came to in each of its iterations. iteration counts from 1, item from 0.
CREATE TABLE node_items (
  run_id       TEXT NOT NULL REFERENCES workflow_runs (run_id),
  node_id      TEXT NOT NULL,
  iteration    BIGINT NOT NULL,
  item         BIGINT NOT NULL,
  status       TEXT NOT NULL CHECK (status IN ('COMPLETED', 'FAILED')),
  attempt      BIGINT NOT NULL,
  output       TEXT,
  error        TEXT,
  started_at   BIGINT NOT NULL,
  completed_at BIGINT NOT NULL,
  PRIMARY KEY (run_id, node_id, iteration, item)
);

-- seq is 1, 2, 3 … for each run, without gaps; data is JSON.
CREATE TABLE run_events (
  run_id      TEXT NOT NULL REFERENCES workflow_runs (run_id),
  seq         BIGINT NOT NULL CHECK (seq >= 1),
  ts          BIGINT NOT NULL,
  type        TEXT NOT NULL,
  node_id     TEXT,
  run_attempt BIGINT NOT NULL,
  data        TEXT NOT NULL,
  PRIMARY KEY (run_id, seq)
);

-- What a parked node waits for: a person's answer, a time, an event, or its next attempt. The first answer wins; an
-- event's payload is the answer to a wait for it, and signal_seq says which event it was. wake_at is when a time has
-- come, or when it is too late for an answer; expired_at when that was noticed. assignees stand between bars.
CREATE TABLE interrupts (
  run_id       TEXT NOT NULL REFERENCES workflow_runs (run_id),
  interrupt_id TEXT NOT NULL,
  task_id      TEXT NOT NULL,
  node_id      TEXT NOT NULL,
  item         TEXT,
  project_id   TEXT NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('answer', 'time', 'event', 'retry')),
  value        TEXT NOT NULL,
  event        TEXT,
  assignees    TEXT,
  wake_at      BIGINT,
  expired_at   BIGINT,
  signal_seq   BIGINT,
  answer       TEXT,
  answered_by  TEXT,
  answered_at  BIGINT,
  consumed     INTEGER NOT NULL CHECK (consumed IN (0, 1)),
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (run_id, interrupt_id),
  CHECK (answer IS NULL OR expired_at IS NULL)
);
CREATE INDEX interrupts_open ON interrupts (project_id, created_at, run_id, interrupt_id)
  WHERE kind = 'answer' AND answer IS NULL AND consumed = 0 AND expired_at IS NULL;
CREATE INDEX interrupts_answered ON interrupts (run_id) WHERE answer IS NOT NULL AND consumed = 0;

-- Events that were sent to a run. Consumed once, oldest first; seq is their order.
CREATE TABLE signals (
  run_id      TEXT NOT NULL REFERENCES workflow_runs (run_id),
  seq         BIGINT NOT NULL,
  event       TEXT NOT NULL,
  payload     TEXT NOT NULL,
  sent_by     TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  consumed    INTEGER NOT NULL CHECK (consumed IN (0, 1)),
  PRIMARY KEY (run_id, seq)
);
CREATE INDEX signals_kept ON signals (run_id, event, seq) WHERE consumed = 0;

-- What people are to do, made by nodes or by people. run_id is null where a person made it, and once its run is deleted.
-- task_id follows from the node's execution: made again, it is the same.
CREATE TABLE tasks (
  task_id     TEXT PRIMARY KEY,
  project_id  TEXT NOT NULL REFERENCES projects (project_id),
  title       TEXT NOT NULL,
  description TEXT NOT NULL,
  assignee    TEXT,
  due         BIGINT,
  status      TEXT NOT NULL CHECK (status IN ('open', 'done')),
  run_id      TEXT REFERENCES workflow_runs (run_id),
  node_id     TEXT,
  created_by  TEXT,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  done_by     TEXT,
  done_at     BIGINT,
  CHECK ((status = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX tasks_by_project ON tasks (project_id, created_at, task_id);
CREATE INDEX tasks_by_status ON tasks (project_id, status, created_at, task_id);
CREATE INDEX tasks_of_assignee ON tasks (project_id, assignee, created_at, task_id) WHERE assignee IS NOT NULL;
CREATE INDEX tasks_open ON tasks (project_id, assignee, created_at, task_id)
  WHERE assignee IS NOT NULL AND status = 'open';
CREATE INDEX tasks_of_run ON tasks (run_id) WHERE run_id IS NOT NULL;

-- What people were told, one row for each of them. run_id and notification_id as in tasks.
CREATE TABLE notifications (
  notification_id TEXT PRIMARY KEY,
  project_id      TEXT NOT NULL REFERENCES projects (project_id),
  recipient       TEXT NOT NULL,
  title           TEXT NOT NULL,
  body            TEXT NOT NULL,
  run_id          TEXT REFERENCES workflow_runs (run_id),
  node_id         TEXT,
  created_at      BIGINT NOT NULL,
  read_at         BIGINT
);
CREATE INDEX notifications_by_project ON notifications (project_id, created_at, notification_id);
CREATE INDEX notifications_unread ON notifications (project_id, created_at, notification_id) WHERE read_at IS NULL;
CREATE INDEX notifications_to ON notifications (project_id, recipient, created_at, notification_id);
CREATE INDEX notifications_unread_to ON notifications (project_id, recipient, created_at, notification_id)
  WHERE read_at IS NULL;
CREATE INDEX notifications_of_run ON notifications (run_id) WHERE run_id IS NOT NULL;

-- Ended runs by hour (hours since 1970), status and duration bucket (docs/operations.md).
CREATE TABLE run_rollups (
  scope_id    TEXT NOT NULL,
  hours       BIGINT NOT NULL CHECK (hours IN (1, 24)),
  period      BIGINT NOT NULL,
  status      TEXT NOT NULL,
  bucket      BIGINT NOT NULL,
  runs        BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  PRIMARY KEY (scope_id, hours, period, status, bucket)
);

CREATE TABLE node_rollups (
  workflow_id TEXT NOT NULL,
  days        BIGINT NOT NULL CHECK (days IN (1, 7)),
  period      BIGINT NOT NULL,
  node_id     TEXT NOT NULL,
  executions  BIGINT NOT NULL,
  failed      BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  longest_ms  BIGINT NOT NULL,
  PRIMARY KEY (workflow_id, days, period, node_id)
);

-- What the nodes of a workflow took in its newest completed runs: JSON, written whole by the engine that counts them.
CREATE TABLE node_durations (
  workflow_id TEXT PRIMARY KEY,
  history     TEXT NOT NULL
);

-- Where runs can stop. `run_id` is LangGraph's thread_id, `ns` its checkpoint namespace ('' is the root graph).
-- BYTEA is PostgreSQL's name for bytes; SQLite stores a blob in such a column unchanged.

-- One row a checkpoint. `ordinal` is counted over the whole run and is the only order there is: ids and clocks step back.
-- `body` holds what changed against the parent (channel versions, where their values are, versions seen by nodes);
-- `depth` is the number of rows to follow through parent_id until a full copy (0: this row is one).
-- `high_version` is the highest channel version that the run had used, so that a branch never uses one twice.
CREATE TABLE checkpoints (
    run_id TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    ns TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    parent_id TEXT,
    step BIGINT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1)),
    depth INTEGER NOT NULL CHECK (depth >= 0),
    high_version BIGINT NOT NULL,
    next TEXT NOT NULL,
    metadata TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (run_id, checkpoint_id, ns)
);

CREATE UNIQUE INDEX checkpoints_by_ordinal ON checkpoints (run_id, ns, ordinal);

-- The values of all channels that got a new version at one checkpoint, in one row, written once and never changed.
-- A value is found by the ordinal of the checkpoint that stored it, so branches of a run share what they have in common.
CREATE TABLE checkpoint_values (
    run_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    channels BYTEA NOT NULL,
    PRIMARY KEY (run_id, ordinal)
);

-- What tasks wrote before the next checkpoint existed. `idx` 0 holds all ordinary writes of a task in one row;
-- LangGraph's own channels (error, scheduled, interrupt, resume) have fixed negative ones.
CREATE TABLE checkpoint_writes (
    run_id TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    ns TEXT NOT NULL,
    task_id TEXT NOT NULL,
    idx INTEGER NOT NULL,
    task_path TEXT NOT NULL,
    writes BYTEA NOT NULL,
    PRIMARY KEY (run_id, checkpoint_id, ns, task_id, idx)
);
