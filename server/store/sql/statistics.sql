-- name: add_to_rollup
-- Count an ended run in its hour and in its day, of its workflow and of its project: what reads months reads days, and
-- what reads a project does not read its workflows.
INSERT INTO run_rollups (scope_id, hours, period, status, bucket, runs, duration_ms)
VALUES (:workflow_id, 1, :hour, :status, :bucket, 1, :duration_ms),
  (:workflow_id, 24, :day, :status, :bucket, 1, :duration_ms),
  (:project_id, 1, :hour, :status, :bucket, 1, :duration_ms),
  (:project_id, 24, :day, :status, :bucket, 1, :duration_ms)
ON CONFLICT (scope_id, hours, period, status, bucket)
DO UPDATE SET runs = run_rollups.runs + 1, duration_ms = run_rollups.duration_ms + excluded.duration_ms

-- name: add_to_node_rollups
-- Count what its nodes executed since it ended last, in its day and in its week: what waited for a person or an event is
-- no work.
INSERT INTO node_rollups (workflow_id, days, period, node_id, executions, failed, duration_ms, longest_ms)
SELECT :workflow_id, periods.days, periods.period, found.node_id, found.executions, found.failed, found.work_ms,
  found.longest_ms
FROM (SELECT done.node_id, count(*) AS executions, sum(done.failed) AS failed, sum(done.work_ms) AS work_ms,
    max(done.work_ms) AS longest_ms
  FROM (SELECT e.node_id, CASE WHEN e.status = 'FAILED' THEN 1 ELSE 0 END AS failed,
      CASE WHEN e.task_id IN (SELECT i.task_id FROM interrupts i WHERE i.run_id = :run_id AND i.kind <> 'time') THEN 0
        ELSE coalesce(e.duration_ms, 0) END AS work_ms
    FROM node_executions e WHERE e.run_id = :run_id AND e.status IN ('COMPLETED', 'FAILED')
      AND e.run_attempt > (SELECT r.counted_attempt FROM workflow_runs r WHERE r.run_id = :run_id)) AS done
  GROUP BY done.node_id) AS found
CROSS JOIN (SELECT 1 AS days, :day AS period UNION ALL SELECT 7, :week) AS periods
WHERE true
ON CONFLICT (workflow_id, days, period, node_id) DO UPDATE SET executions = node_rollups.executions + excluded.executions,
  failed = node_rollups.failed + excluded.failed, duration_ms = node_rollups.duration_ms + excluded.duration_ms,
  longest_ms = CASE WHEN excluded.longest_ms > node_rollups.longest_ms THEN excluded.longest_ms
    ELSE node_rollups.longest_ms END

-- name: count_no_further_back
-- The run has ended and is about to go on: what it has executed is counted.
UPDATE workflow_runs SET counted_attempt = run_attempt WHERE run_id = :run_id

-- name: unfinished_runs
-- The runs of a project that have not ended, or of one of its workflows, by workflow and status: counted inside an index,
-- less the dry runs, which another index has.
SELECT found.workflow_id, found.status, sum(found.runs) FROM (
  SELECT r.workflow_id, r.status, count(*) AS runs FROM workflows w CROSS JOIN workflow_runs r
  WHERE w.project_id = :project_id AND (:workflow_id IS NULL OR w.workflow_id = :workflow_id)
    AND r.workflow_id = w.workflow_id AND r.status IN ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED')
  GROUP BY r.workflow_id, r.status
  UNION ALL
  SELECT r.workflow_id, r.status, -count(*) FROM workflows w CROSS JOIN workflow_runs r
  WHERE w.project_id = :project_id AND (:workflow_id IS NULL OR w.workflow_id = :workflow_id)
    AND r.workflow_id = w.workflow_id AND r.status IN ('PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'PAUSED')
    AND r.dry_run IS NOT NULL
  GROUP BY r.workflow_id, r.status) AS found
GROUP BY found.workflow_id, found.status

-- name: ended_by_period
-- The runs of a project, or of a workflow, that ended since a period of :hours, by periods, status and bucket.
SELECT period, status, bucket, runs, duration_ms FROM run_rollups
WHERE scope_id = :scope_id AND hours = :hours AND period >= :period

-- name: ended_by_workflow
-- Those of each workflow of a page that ended since :hour: whole days from :whole_day on, and the hours before that.
SELECT s.scope_id, s.status, s.bucket, sum(s.runs), sum(s.duration_ms) FROM workflows w CROSS JOIN run_rollups s
WHERE w.project_id = :project_id AND w.workflow_id BETWEEN :first AND :last AND w.archived_at IS NULL
  AND s.scope_id = w.workflow_id AND s.hours = 24 AND s.period >= :whole_day
GROUP BY s.scope_id, s.status, s.bucket
UNION ALL
SELECT s.scope_id, s.status, s.bucket, sum(s.runs), sum(s.duration_ms) FROM workflows w CROSS JOIN run_rollups s
WHERE w.project_id = :project_id AND w.workflow_id BETWEEN :first AND :last AND w.archived_at IS NULL
  AND s.scope_id = w.workflow_id AND s.hours = 1 AND s.period >= :hour AND s.period < :whole_day * 24
GROUP BY s.scope_id, s.status, s.bucket

-- name: last_runs
-- The newest runs of each workflow of a page, newest first; of :limit those that are no dry runs.
SELECT r.workflow_id, r.run_id, r.status, r.started_at, r.finished_at FROM workflows w CROSS JOIN workflow_runs r
WHERE w.project_id = :project_id AND w.workflow_id BETWEEN :first AND :last AND w.archived_at IS NULL
  AND r.run_id IN (SELECT n.run_id FROM workflow_runs n WHERE n.workflow_id = w.workflow_id
    ORDER BY n.run_id DESC LIMIT :limit)
  AND r.dry_run IS NULL
ORDER BY r.workflow_id, r.run_id DESC

-- name: slowest_nodes
-- The nodes of a project, or of one of its workflows, that worked the longest on average since a period of :days.
SELECT found.workflow_id, w.name, found.node_id, found.executions, found.failed, found.work_ms, found.longest_ms
FROM (SELECT n.workflow_id, n.node_id, sum(n.executions) AS executions, sum(n.failed) AS failed, sum(n.duration_ms) AS work_ms,
    max(n.longest_ms) AS longest_ms
  FROM workflows p CROSS JOIN node_rollups n
  WHERE p.project_id = :project_id AND (:workflow_id IS NULL OR p.workflow_id = :workflow_id)
    AND n.workflow_id = p.workflow_id AND n.days = :days AND n.period >= :node_period
  GROUP BY n.workflow_id, n.node_id
  ORDER BY 1.0 * sum(n.duration_ms) / sum(n.executions) DESC, n.workflow_id, n.node_id LIMIT :limit) AS found
CROSS JOIN workflows w WHERE w.workflow_id = found.workflow_id
ORDER BY 1.0 * found.work_ms / found.executions DESC, found.workflow_id, found.node_id

-- name: failing_nodes
-- Those that failed most often.
SELECT found.workflow_id, w.name, found.node_id, found.executions, found.failed, found.work_ms, found.longest_ms
FROM (SELECT n.workflow_id, n.node_id, sum(n.executions) AS executions, sum(n.failed) AS failed, sum(n.duration_ms) AS work_ms,
    max(n.longest_ms) AS longest_ms
  FROM workflows p CROSS JOIN node_rollups n
  WHERE p.project_id = :project_id AND (:workflow_id IS NULL OR p.workflow_id = :workflow_id)
    AND n.workflow_id = p.workflow_id AND n.days = :days AND n.period >= :node_period
  GROUP BY n.workflow_id, n.node_id HAVING sum(n.failed) > 0
  ORDER BY sum(n.failed) DESC, n.workflow_id, n.node_id LIMIT :limit) AS found
CROSS JOIN workflows w WHERE w.workflow_id = found.workflow_id
ORDER BY found.failed DESC, found.workflow_id, found.node_id
