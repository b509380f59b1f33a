-- name: steps
-- What a run executed, in order, without what went in and came out.
SELECT run_id, execution_id, node_id, node_type, status, attempt, started_at, completed_at, duration_ms
FROM node_executions WHERE run_id = :run_id ORDER BY execution_id LIMIT :limit

-- name: differing_steps
-- Of a JSON list of [number, run, execution, run, execution] those that differ in what went in, came out or went wrong.
SELECT json_extract(value, '$[0]'), coalesce(l.input, '') <> coalesce(r.input, ''),
  coalesce(l.output, '') <> coalesce(r.output, ''),
  coalesce(json_extract(l.error, '$.code'), '') <> coalesce(json_extract(r.error, '$.code'), '')
  OR coalesce(json_extract(l.error, '$.message'), '') <> coalesce(json_extract(r.error, '$.message'), '')
FROM json_each(:pairs)
CROSS JOIN node_executions l ON l.run_id = json_extract(value, '$[1]') AND l.execution_id = json_extract(value, '$[2]')
CROSS JOIN node_executions r ON r.run_id = json_extract(value, '$[3]') AND r.execution_id = json_extract(value, '$[4]')

-- name: seq_of_checkpoint
-- The event that told of a checkpoint; :told is what its data has of it.
SELECT min(seq) FROM run_events WHERE run_id = :run_id AND type = 'checkpoint.saved' AND instr(data, :told) > 0

-- name: ends_before
-- How often each node had ended before an event.
SELECT node_id, count(*) FROM run_events
WHERE run_id = :run_id AND seq < :seq AND type IN ('node.completed', 'node.failed') GROUP BY node_id
