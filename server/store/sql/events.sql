-- name: number_events
-- Reserve the next :n event numbers of a run.
UPDATE workflow_runs SET last_seq = last_seq + :n WHERE run_id = :run_id RETURNING last_seq, project_id

-- name: insert_event
-- Positional: the writer stores many at once.
INSERT INTO run_events (run_id, seq, ts, type, node_id, run_attempt, data) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: events_after
-- A run's events behind a sequence number, oldest first.
SELECT e.run_id, e.seq, e.ts, e.type, e.node_id, e.run_attempt, e.data, r.project_id
FROM run_events e JOIN workflow_runs r ON r.run_id = e.run_id
WHERE e.run_id = :run_id AND e.seq > :after ORDER BY e.seq LIMIT :limit
