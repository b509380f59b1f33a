-- name: insert_project
INSERT INTO projects (project_id, slug, name, created_at) VALUES (:project_id, :slug, :name, :now)

-- name: get_project
-- By id or slug.
SELECT project_id, slug, name, created_at FROM projects WHERE project_id = :ref OR slug = :ref

-- name: limited_projects
-- All that have a limit.
SELECT project_id, max_live_runs, max_running_runs, max_sockets, max_stored_bytes FROM projects
WHERE coalesce(max_live_runs, max_running_runs, max_sockets, max_stored_bytes) IS NOT NULL

-- name: set_limits
-- Those that are named in :changed, between bars; the others stay as they are, whoever changes them meanwhile.
UPDATE projects SET
  max_live_runs = CASE WHEN instr(:changed, '|live_runs|') > 0 THEN :live_runs ELSE max_live_runs END,
  max_running_runs = CASE WHEN instr(:changed, '|running_runs|') > 0 THEN :running_runs ELSE max_running_runs END,
  max_sockets = CASE WHEN instr(:changed, '|sockets|') > 0 THEN :sockets ELSE max_sockets END,
  max_stored_bytes = CASE WHEN instr(:changed, '|stored_bytes|') > 0 THEN :stored_bytes ELSE max_stored_bytes END
WHERE project_id = :project_id

-- name: live_counts
-- A project's live runs by status.
SELECT status, count(*) FROM workflow_runs
WHERE project_id = :project_id AND status IN ('QUEUED', 'RUNNING', 'WAITING', 'PAUSED') GROUP BY status

-- name: stored_bytes
-- What a project's runs have stored: their rows' texts, events, node executions and checkpoints.
SELECT coalesce(sum(length(r.input) + length(coalesce(r.output, '')) + length(r.metadata)
  + (SELECT coalesce(sum(length(e.data)), 0) FROM run_events e WHERE e.run_id = r.run_id)
  + (SELECT coalesce(sum(length(coalesce(n.input, '')) + length(coalesce(n.output, ''))), 0)
     FROM node_executions n WHERE n.run_id = r.run_id)
  + (SELECT coalesce(sum(c.size), 0) FROM checkpoints c WHERE c.run_id = r.run_id)
  + (SELECT coalesce(sum(length(w.writes)), 0) FROM checkpoint_writes w WHERE w.run_id = r.run_id)), 0)
FROM workflow_runs r WHERE r.project_id = :project_id

-- name: list_projects
-- Those of a key, or all for the owner's; by slug.
SELECT project_id, slug, name, created_at FROM projects
WHERE (:project_id IS NULL OR project_id = :project_id) AND (:after IS NULL OR slug > :after) ORDER BY slug LIMIT :limit

-- name: insert_key
INSERT INTO api_keys (key_id, project_id, name, secret_hash, created_at, expires_at)
VALUES (:key_id, :project_id, :name, :secret_hash, :now, :expires_at)

-- name: find_key
-- By the hash of its secret; revoked and expired keys do not exist.
SELECT key_id, project_id, name, created_at, expires_at, revoked_at FROM api_keys
WHERE secret_hash = :secret_hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)

-- name: list_keys
SELECT key_id, project_id, name, created_at, expires_at, revoked_at FROM api_keys ORDER BY key_id

-- name: revoke_key
UPDATE api_keys SET revoked_at = :now WHERE key_id = :key_id AND revoked_at IS NULL

-- name: revoke_owner_keys
-- A new owner's key replaces the old one.
UPDATE api_keys SET revoked_at = :now WHERE project_id IS NULL AND name = 'owner' AND revoked_at IS NULL

-- name: get_idempotent
SELECT body_hash, run_id, response FROM idempotency_keys WHERE scope = :scope AND key = :key AND created_at > :since

-- name: put_idempotent
INSERT INTO idempotency_keys (scope, key, body_hash, run_id, response, created_at)
VALUES (:scope, :key, :body_hash, :run_id, :response, :now)

-- name: drop_idempotent
-- Older than a day.
DELETE FROM idempotency_keys WHERE created_at <= :since
