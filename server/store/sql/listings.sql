-- name: list_runs
-- A project's runs without their input and output; the fragments below narrow, order and page it.
SELECT run_id, project_id, workflow_id, version, status, run_attempt, owner, progress, current_node, 'null', NULL,
  error, metadata, checkpoint_id, resume_from, pause_requested, wake_at, parent_run_id, forked_from, crashes, blamed, spent_ms,
  created_at, queued_at, started_at, paused_at, cancelled_at, finished_at, estimated_completion, last_seq,
  priority, start_at, held_until, lane, CASE WHEN dry_run IS NULL THEN NULL ELSE '{}' END
FROM workflow_runs WHERE project_id = :project_id

-- name: of_workflow
AND workflow_id = :workflow_id

-- name: of_status
AND status = :status

-- name: of_statuses
-- :statuses is a list of statuses between bars.
AND instr(:statuses, '|' || status || '|') > 0

-- name: of_test_mode
-- Dry runs, or the others.
AND (dry_run IS NOT NULL) = :test_mode

-- name: of_runs
-- :run_ids is a list of ids between bars; :first and :last bound it for the index.
AND run_id BETWEEN :first AND :last AND instr(:run_ids, '|' || run_id || '|') > 0

-- name: started_after
AND started_at >= :started_after

-- name: started_before
AND started_at < :started_before

-- name: about
-- Words in what a person wrote or reads.
AND (instr(lower(metadata), :q) > 0 OR instr(lower(coalesce(error, '')), :q) > 0 OR instr(run_id, :q) = 1)

-- name: created_at_desc
-- Ids are made in the order of time.
AND (:key_id IS NULL OR run_id < :key_id) ORDER BY run_id DESC LIMIT :limit

-- name: created_at_asc
AND (:key_id IS NULL OR run_id > :key_id) ORDER BY run_id LIMIT :limit

-- name: started_at_desc
-- Runs that have not started come last.
AND (:key_id IS NULL OR (coalesce(started_at, 0), run_id) < (:key, :key_id))
ORDER BY coalesce(started_at, 0) DESC, run_id DESC LIMIT :limit

-- name: started_at_asc
AND (:key_id IS NULL OR (coalesce(started_at, 0), run_id) > (:key, :key_id))
ORDER BY coalesce(started_at, 0), run_id LIMIT :limit

-- name: finished_at_desc
-- Runs that have not ended come last.
AND (:key_id IS NULL OR (coalesce(finished_at, 0), run_id) < (:key, :key_id))
ORDER BY coalesce(finished_at, 0) DESC, run_id DESC LIMIT :limit

-- name: finished_at_asc
AND (:key_id IS NULL OR (coalesce(finished_at, 0), run_id) > (:key, :key_id))
ORDER BY coalesce(finished_at, 0), run_id LIMIT :limit

-- name: node_totals
-- What each node of a run cost.
SELECT node_id, count(*), coalesce(sum(duration_ms), 0), max(attempt), sum(CASE WHEN status = 'FAILED' THEN 1 ELSE 0 END)
FROM node_executions WHERE run_id = :run_id GROUP BY node_id ORDER BY min(execution_id)

-- name: last_retry
-- The newest announcement of another try.
SELECT node_id, data FROM run_events WHERE run_id = :run_id AND type = 'node.retrying' ORDER BY seq DESC LIMIT 1
