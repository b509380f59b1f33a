-- name: insert_workflow
INSERT INTO workflows (workflow_id, project_id, name, description, latest_version, created_at, updated_at, on_limit)
VALUES (:workflow_id, :project_id, :name, :description, 1, :now, :now, 'queue')

-- name: set_concurrency
-- How many runs of a workflow may run at once; null: any number.
UPDATE workflows SET max_concurrent_runs = :max_concurrent_runs, concurrency_key = :concurrency_key,
  on_limit = :on_limit, updated_at = :now
WHERE workflow_id = :workflow_id AND project_id = :project_id AND archived_at IS NULL

-- name: share_lane
-- A new limit of the whole workflow holds for the runs that are live as well.
UPDATE workflow_runs SET lane = workflow_id WHERE workflow_id = :workflow_id AND coalesce(lane, '') <> workflow_id AND dry_run IS NULL
  AND status IN ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED') AND status <> 'PENDING'

-- name: limited_workflows
-- Those of a project that have a limit, with their runs RUNNING and QUEUED.
SELECT w.workflow_id, w.name, w.max_concurrent_runs, w.concurrency_key, w.on_limit,
  (SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.workflow_id AND r.status = 'RUNNING'),
  (SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.workflow_id AND r.status = 'QUEUED')
FROM workflows w WHERE w.project_id = :project_id AND w.max_concurrent_runs IS NOT NULL AND w.archived_at IS NULL
ORDER BY w.workflow_id

-- name: insert_version
-- Versions are immutable.
INSERT INTO workflow_versions (workflow_id, version, definition, pins, created_at)
VALUES (:workflow_id, :version, :definition, :pins, :now)

-- name: raise_version
-- The guard of a new version: the latest must be the one that the caller saw.
UPDATE workflows SET latest_version = :version, name = :name, description = :description, updated_at = :now
WHERE workflow_id = :workflow_id AND latest_version = :version - 1 AND archived_at IS NULL

-- name: archive_workflow
-- Only while no run of it is live.
UPDATE workflows SET archived_at = :now WHERE workflow_id = :workflow_id AND archived_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM workflow_runs r WHERE r.workflow_id = :workflow_id
    AND r.status IN ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED') AND r.status <> 'PENDING')

-- name: get_workflow
-- One version of a workflow; the latest where :version is null.
SELECT w.workflow_id, w.project_id, w.name, w.description, w.latest_version, w.created_at, w.updated_at, w.archived_at,
  v.version, v.definition, v.pins, v.created_at, w.max_concurrent_runs, w.concurrency_key, w.on_limit,
  w.kind
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id
WHERE w.workflow_id = :workflow_id AND w.project_id = :project_id
  AND v.version = coalesce(:version, w.latest_version)

-- name: get_definition
SELECT definition, pins FROM workflow_versions WHERE workflow_id = :workflow_id AND version = :version

-- name: list_workflows
-- Newest first; :before is the last id of the page before.
SELECT w.workflow_id, w.project_id, w.name, w.description, w.latest_version, w.created_at, w.updated_at, w.archived_at,
  w.latest_version, '{}', '{}', w.updated_at, w.max_concurrent_runs, w.concurrency_key, w.on_limit,
  w.kind
FROM workflows w
WHERE w.project_id = :project_id AND w.archived_at IS NULL AND (:before IS NULL OR w.workflow_id < :before)
  AND (:q IS NULL OR instr(lower(w.name || ' ' || w.description), lower(:q)) > 0)
ORDER BY w.workflow_id DESC LIMIT :limit

-- name: list_versions
-- Newest first.
SELECT version, created_at FROM workflow_versions
WHERE workflow_id = :workflow_id AND (:before IS NULL OR version < :before) ORDER BY version DESC LIMIT :limit

-- name: insert_python_workflow
-- The workflow of a graph of a langgraph.json; its name is the graph's.
INSERT INTO workflows (workflow_id, project_id, name, description, latest_version, created_at, updated_at, on_limit,
  kind, graph)
VALUES (:workflow_id, :project_id, :graph, '', :version, :now, :now, 'queue', 'python', :graph)

-- name: raise_python_version
-- The code of a graph has changed.
UPDATE workflows SET latest_version = :version, updated_at = :now, archived_at = NULL
WHERE workflow_id = :workflow_id AND latest_version = :version - 1

-- name: revive_workflow
-- A graph that is served is in use.
UPDATE workflows SET archived_at = NULL WHERE workflow_id = :workflow_id AND archived_at IS NOT NULL

-- name: python_workflow
SELECT w.workflow_id, w.latest_version, v.definition
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.latest_version
WHERE w.project_id = :project_id AND w.graph = :graph

-- name: python_workflows
SELECT workflow_id, graph FROM workflows WHERE graph IS NOT NULL

-- name: older_runs
-- Runs of a workflow that have not ended and are on a version before :version.
SELECT run_id, version, status FROM workflow_runs
WHERE workflow_id = :workflow_id AND status IN ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED')
  AND version < :version AND dry_run IS NULL
LIMIT :limit
