-- name: insert_run
-- A new run, PENDING, of a workflow that is in use and has the limits that the caller saw: the caller may have read
-- the workflow a while ago, and the statements that follow in the unit may start the run.
INSERT INTO workflow_runs (run_id, project_id, workflow_id, version, status, run_attempt, progress, priority, start_at,
  input, metadata, checkpoint_id, parent_run_id, forked_from, dry_run, crashes, blamed, spent_ms, created_at, last_seq)
SELECT :run_id, :project_id, workflow_id, :version, 'PENDING', 0, 0, :priority, :start_at, :input, :metadata,
  :checkpoint_id, :parent_run_id, :forked_from, :dry_run, 0, 0, 0, :created_at, 0
FROM workflows WHERE workflow_id = :workflow_id AND archived_at IS NULL
  AND coalesce(max_concurrent_runs, 0) = :seen_max AND coalesce(concurrency_key, '') = :seen_key

-- name: set_status
-- The one statement that writes a run's status, guarded by what the caller saw. What checkpoints write as well
-- (resume_from, crashes, blamed) stays as it is unless the caller changes it: an attempt's view of it is as old as its claim.
UPDATE workflow_runs SET status = :status, run_attempt = :run_attempt, owner = :owner, input = :input,
  output = :output, error = :error, pause_requested = :pause_requested, wake_at = :wake_at,
  resume_from = CASE WHEN coalesce(:resume_from, '') = :seen_resume_from THEN resume_from ELSE :resume_from END,
  crashes = CASE WHEN :crashes = :seen_crashes THEN crashes ELSE :crashes END,
  blamed = CASE WHEN :blamed = :seen_blamed THEN blamed ELSE :blamed END, spent_ms = :spent_ms,
  queued_at = :queued_at, started_at = :started_at, paused_at = :paused_at, cancelled_at = :cancelled_at, finished_at = :finished_at,
  progress = CASE WHEN :status = 'COMPLETED' THEN 1 ELSE progress END, estimated_completion = NULL
WHERE run_id = :run_id AND status = :seen_status AND run_attempt = :seen_attempt
  AND coalesce(pause_requested, '') = :seen_pause

-- name: request_pause
-- Ask a RUNNING run to pause at its next boundary.
UPDATE workflow_runs SET pause_requested = :mode WHERE run_id = :run_id AND status = 'RUNNING' AND run_attempt = :run_attempt

-- name: withdraw_pause
-- Take a request to pause back.
UPDATE workflow_runs SET pause_requested = NULL
WHERE run_id = :run_id AND status = 'RUNNING' AND run_attempt = :run_attempt AND pause_requested IS NOT NULL

-- name: hold_attempt
-- The guard of everything an attempt writes: it must still be the run's. Progress never goes back.
UPDATE workflow_runs SET current_node = coalesce(:current_node, current_node),
  progress = CASE WHEN :progress > progress THEN :progress ELSE progress END,
  estimated_completion = coalesce(:estimated_completion, estimated_completion), spent_ms = :spent_ms
WHERE run_id = :run_id AND status = 'RUNNING' AND run_attempt = :run_attempt

-- name: hold_attempt_at_checkpoint
-- The same, with a new checkpoint of the root graph: the run is going on, so earlier crashes no longer count.
UPDATE workflow_runs SET current_node = coalesce(:current_node, current_node),
  progress = CASE WHEN :progress > progress THEN :progress ELSE progress END,
  estimated_completion = coalesce(:estimated_completion, estimated_completion), spent_ms = :spent_ms,
  checkpoint_id = :checkpoint_id, resume_from = NULL, crashes = 0, blamed = 0
WHERE run_id = :run_id AND status = 'RUNNING' AND run_attempt = :run_attempt

-- name: set_checkpoint_json
-- What a paused run's checkpoint holds, for readers of the row.
UPDATE workflow_runs SET checkpoint_json = :checkpoint_json WHERE run_id = :run_id

-- name: set_checkpoint
-- A checkpoint that a person's edit made, while the run is paused.
UPDATE workflow_runs SET checkpoint_id = :checkpoint_id, resume_from = NULL
WHERE run_id = :run_id AND status = 'PAUSED' AND run_attempt = :run_attempt

-- name: travel
-- Stand at an earlier checkpoint: the one thing that takes progress back.
UPDATE workflow_runs SET progress = :progress, current_node = NULL, checkpoint_id = :checkpoint_id,
  resume_from = :checkpoint_id
WHERE run_id = :run_id AND status = 'PAUSED'

-- name: get_run
SELECT run_id, project_id, workflow_id, version, status, run_attempt, owner, progress, current_node, input, output,
  error, metadata, checkpoint_id, resume_from, pause_requested, wake_at, parent_run_id, forked_from, crashes, blamed, spent_ms,
  created_at, queued_at, started_at, paused_at, cancelled_at, finished_at, estimated_completion, last_seq,
  priority, start_at, held_until, lane, dry_run
FROM workflow_runs WHERE run_id = :run_id

-- name: get_run_of_project
-- A run, if it is the project's.
SELECT run_id, project_id, workflow_id, version, status, run_attempt, owner, progress, current_node, input, output,
  error, metadata, checkpoint_id, resume_from, pause_requested, wake_at, parent_run_id, forked_from, crashes, blamed, spent_ms,
  created_at, queued_at, started_at, paused_at, cancelled_at, finished_at, estimated_completion, last_seq,
  priority, start_at, held_until, lane, dry_run
FROM workflow_runs WHERE run_id = :run_id AND project_id = :project_id

-- name: set_place
-- Where a run stands in the queue from its start on: before the statement that queues it.
UPDATE workflow_runs SET priority = :priority, start_at = :start_at, held_until = :held_until, lane = :lane
WHERE run_id = :run_id

-- name: admit
-- The guard of a start, before it: the workflow is in use and has the limits that the caller saw, nothing that rejects
-- is full, and the project has not as many live runs as it may have. A start in the future is not rejected.
SELECT 1 FROM workflows w JOIN projects p ON p.project_id = w.project_id
WHERE w.workflow_id = :workflow_id AND w.archived_at IS NULL
  AND coalesce(w.max_concurrent_runs, 0) = :seen_max AND coalesce(w.concurrency_key, '') = :seen_key
  AND (:lane IS NULL OR w.on_limit = 'queue' OR :held
    OR (SELECT count(*) FROM workflow_runs r WHERE r.lane = :lane AND r.status = 'RUNNING')
    + (SELECT count(*) FROM workflow_runs r WHERE r.lane = :lane AND r.status = 'QUEUED' AND r.held_until IS NULL)
    < w.max_concurrent_runs)
  AND (p.max_live_runs IS NULL OR (SELECT count(*) FROM workflow_runs r WHERE r.project_id = p.project_id
    AND r.status IN ('QUEUED', 'RUNNING', 'WAITING', 'PAUSED')) < p.max_live_runs)

-- name: hold_place
-- The guard of a claim, after it: neither the run's lane nor its project has more runs RUNNING than it may have.
SELECT 1 FROM workflow_runs q JOIN workflows w ON w.workflow_id = q.workflow_id
  JOIN projects p ON p.project_id = q.project_id
WHERE q.run_id = :run_id
  AND (q.lane IS NULL OR w.max_concurrent_runs IS NULL OR (SELECT count(*) FROM workflow_runs r WHERE r.lane = q.lane
    AND r.status = 'RUNNING') <= w.max_concurrent_runs)
  AND (p.max_running_runs IS NULL OR (SELECT count(*) FROM workflow_runs r WHERE r.project_id = q.project_id
    AND r.status = 'RUNNING') <= p.max_running_runs)

-- name: places
-- What limits a start: of the workflow its limit and how it meets it, and the runs RUNNING and QUEUED in the lane; of
-- the project its limits, and its runs RUNNING, QUEUED and live.
SELECT w.archived_at, w.max_concurrent_runs, w.on_limit,
  (SELECT count(*) FROM workflow_runs r WHERE r.lane = :lane AND r.status = 'RUNNING'),
  (SELECT count(*) FROM workflow_runs r WHERE r.lane = :lane AND r.status = 'QUEUED' AND r.held_until IS NULL),
  p.max_running_runs, p.max_live_runs,
  CASE WHEN p.max_running_runs IS NULL THEN 0 ELSE (SELECT count(*) FROM workflow_runs r
    WHERE r.project_id = p.project_id AND r.status = 'RUNNING') END,
  CASE WHEN p.max_running_runs IS NULL THEN 0 ELSE (SELECT count(*) FROM workflow_runs r
    WHERE r.project_id = p.project_id AND r.status = 'QUEUED' AND r.held_until IS NULL) END,
  CASE WHEN p.max_live_runs IS NULL THEN 0 ELSE (SELECT count(*) FROM workflow_runs r
    WHERE r.project_id = p.project_id AND r.status IN ('QUEUED', 'RUNNING', 'WAITING', 'PAUSED')) END
FROM workflows w JOIN projects p ON p.project_id = w.project_id WHERE w.workflow_id = :workflow_id

-- name: lane_rooms
-- How many more runs each lane may start; a lane without a run that is RUNNING is not in it.
SELECT r.lane, max(w.max_concurrent_runs) - count(*) FROM workflow_runs r
  JOIN workflows w ON w.workflow_id = r.workflow_id
WHERE r.lane IS NOT NULL AND r.status = 'RUNNING' AND w.max_concurrent_runs IS NOT NULL GROUP BY r.lane

-- name: release_held
-- A start's time has come: it joins the queue as if it had come now.
UPDATE workflow_runs SET held_until = NULL, queued_at = :now
WHERE run_id = :run_id AND status = 'QUEUED' AND held_until <= :now

-- name: held_runs
-- Queued runs whose time to start has come.
SELECT run_id, project_id, workflow_id, version, status, run_attempt, owner, progress, current_node, input, output,
  error, metadata, checkpoint_id, resume_from, pause_requested, wake_at, parent_run_id, forked_from, crashes, blamed, spent_ms,
  created_at, queued_at, started_at, paused_at, cancelled_at, finished_at, estimated_completion, last_seq,
  priority, start_at, held_until, lane, dry_run
FROM workflow_runs WHERE status = 'QUEUED' AND held_until <= :now ORDER BY held_until LIMIT :limit

-- name: queued_projects
-- Projects that have something to start, and how many more runs each may start where that is limited. One look into
-- the index for each project, however many runs there were.
SELECT p.project_id, CASE WHEN p.max_running_runs IS NULL THEN NULL ELSE p.max_running_runs - (SELECT count(*)
  FROM workflow_runs r WHERE r.project_id = p.project_id AND r.status = 'RUNNING') END
FROM projects p WHERE EXISTS (SELECT 1 FROM workflow_runs r
  WHERE r.project_id = p.project_id AND r.status = 'QUEUED' AND r.held_until IS NULL)

-- name: queued_runs
-- A project's queue in its order, without the runs whose lane is full: there are no more such lanes than runs RUNNING.
SELECT run_id, project_id, workflow_id, version, status, run_attempt, owner, progress, current_node, input, output,
  error, metadata, checkpoint_id, resume_from, pause_requested, wake_at, parent_run_id, forked_from, crashes, blamed, spent_ms,
  created_at, queued_at, started_at, paused_at, cancelled_at, finished_at, estimated_completion, last_seq,
  priority, start_at, held_until, lane, dry_run
FROM workflow_runs WHERE project_id = :project_id AND status = 'QUEUED' AND held_until IS NULL
  AND (lane IS NULL OR lane NOT IN (SELECT r.lane FROM workflow_runs r JOIN workflows w ON w.workflow_id = r.workflow_id
    WHERE r.lane IS NOT NULL AND r.status = 'RUNNING' GROUP BY r.lane HAVING count(*) >= max(w.max_concurrent_runs)))
ORDER BY queued_at - priority * 600000, run_id LIMIT :limit

-- name: queued_suspects
-- Queued runs that may have crashed the process before, oldest first.
SELECT run_id, project_id, workflow_id, version, status, run_attempt, owner, progress, current_node, input, output,
  error, metadata, checkpoint_id, resume_from, pause_requested, wake_at, parent_run_id, forked_from, crashes, blamed, spent_ms,
  created_at, queued_at, started_at, paused_at, cancelled_at, finished_at, estimated_completion, last_seq,
  priority, start_at, held_until, lane, dry_run
FROM workflow_runs WHERE status = 'QUEUED' AND crashes > 0 AND (blamed >= :blamed OR crashes >= :crashes)
ORDER BY queued_at, run_id

-- name: runs_of_other_boots
-- Runs that a server which is gone had claimed.
SELECT run_id, project_id, workflow_id, version, status, run_attempt, owner, progress, current_node, input, output,
  error, metadata, checkpoint_id, resume_from, pause_requested, wake_at, parent_run_id, forked_from, crashes, blamed, spent_ms,
  created_at, queued_at, started_at, paused_at, cancelled_at, finished_at, estimated_completion, last_seq,
  priority, start_at, held_until, lane, dry_run
FROM workflow_runs WHERE status = 'RUNNING' AND owner <> :owner

-- name: projects_to_wake
-- Projects with parked runs whose time has come, and how many of their runs wait for a slot to go on. Those of a lane
-- that is full do not count: it must not hold up the others.
SELECT p.project_id,
  (SELECT count(*) FROM workflow_runs q WHERE q.project_id = p.project_id AND q.status = 'QUEUED' AND q.run_attempt > 0
    AND (q.lane IS NULL OR q.lane NOT IN (SELECT r.lane FROM workflow_runs r
      JOIN workflows w ON w.workflow_id = r.workflow_id WHERE r.lane IS NOT NULL AND r.status = 'RUNNING'
      GROUP BY r.lane HAVING count(*) >= max(w.max_concurrent_runs))))
FROM projects p WHERE EXISTS (SELECT 1 FROM workflow_runs r
  WHERE r.project_id = p.project_id AND r.status = 'WAITING' AND r.wake_at IS NOT NULL AND r.wake_at <= :now)

-- name: runs_to_wake
-- A project's parked runs whose time has come, without those of lanes that have :ahead runs in the queue already.
SELECT run_id, project_id, workflow_id, version, status, run_attempt, owner, progress, current_node, input, output,
  error, metadata, checkpoint_id, resume_from, pause_requested, wake_at, parent_run_id, forked_from, crashes, blamed, spent_ms,
  created_at, queued_at, started_at, paused_at, cancelled_at, finished_at, estimated_completion, last_seq,
  priority, start_at, held_until, lane, dry_run
FROM workflow_runs
WHERE project_id = :project_id AND status = 'WAITING' AND wake_at IS NOT NULL AND wake_at <= :now
  AND (lane IS NULL OR lane NOT IN (SELECT q.lane FROM workflow_runs q WHERE q.project_id = :project_id
    AND q.status = 'QUEUED' AND q.run_attempt > 0 AND q.lane IS NOT NULL GROUP BY q.lane HAVING count(*) >= :ahead))
ORDER BY wake_at LIMIT :limit

-- name: answered_runs
-- Parked runs that have an answer or an event nobody woke them for.
SELECT r.run_id, r.project_id, r.workflow_id, r.version, r.status, r.run_attempt, r.owner, r.progress, r.current_node,
  r.input, r.output, r.error, r.metadata, r.checkpoint_id, r.resume_from, r.pause_requested, r.wake_at, r.parent_run_id,
  r.forked_from, r.crashes, r.blamed, r.spent_ms, r.created_at, r.queued_at, r.started_at, r.paused_at, r.cancelled_at,
  r.finished_at, r.estimated_completion, r.last_seq, r.priority, r.start_at, r.held_until, r.lane,
  r.dry_run
FROM (SELECT DISTINCT i.run_id FROM interrupts i WHERE i.answer IS NOT NULL AND i.consumed = 0) a
CROSS JOIN workflow_runs r WHERE r.run_id = a.run_id AND r.status = 'WAITING' LIMIT :limit

-- name: next_wake
-- When the timer is due: one look into the index for each project.
SELECT min(due) FROM (
  SELECT min((SELECT min(r.wake_at) FROM workflow_runs r
    WHERE r.project_id = p.project_id AND r.status = 'WAITING' AND r.wake_at IS NOT NULL)) AS due FROM projects p
  UNION ALL SELECT min(held_until) FROM workflow_runs WHERE status = 'QUEUED' AND held_until IS NOT NULL) AS times

-- name: queued_ahead
-- How many of the project's runs are to start before this one, and how many of those are in its lane.
SELECT count(*), coalesce(sum(CASE WHEN q.lane = r.lane THEN 1 ELSE 0 END), 0)
FROM workflow_runs q JOIN workflow_runs r ON r.run_id = :run_id
WHERE q.project_id = r.project_id AND q.status = 'QUEUED' AND q.held_until IS NULL
  AND (q.queued_at - q.priority * 600000, q.run_id) < (r.queued_at - r.priority * 600000, r.run_id)

-- name: count_by_status
-- For metrics.
SELECT status, count(*) FROM workflow_runs GROUP BY status

-- name: node_durations
-- What the nodes of a workflow took in its newest runs.
SELECT history FROM node_durations WHERE workflow_id = :workflow_id

-- name: put_node_durations
-- The same, with one more.
INSERT INTO node_durations (workflow_id, history) VALUES (:workflow_id, :history)
ON CONFLICT (workflow_id) DO UPDATE SET history = excluded.history

-- name: delete_events
DELETE FROM run_events WHERE run_id = :run_id

-- name: delete_node_states
DELETE FROM node_states WHERE run_id = :run_id

-- name: delete_node_executions
DELETE FROM node_executions WHERE run_id = :run_id

-- name: delete_node_items
DELETE FROM node_items WHERE run_id = :run_id

-- name: delete_interrupts
DELETE FROM interrupts WHERE run_id = :run_id

-- name: delete_signals
DELETE FROM signals WHERE run_id = :run_id

-- name: delete_run
-- The last statement of a deletion; guarded, so that a live run stays whole.
DELETE FROM workflow_runs WHERE run_id = :run_id AND status IN ('PENDING', 'COMPLETED', 'FAILED', 'CANCELLED')

-- name: set_progress
-- Where a fork starts.
UPDATE workflow_runs SET progress = :progress WHERE run_id = :run_id AND status = 'PENDING'
