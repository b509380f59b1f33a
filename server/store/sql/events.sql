-- name: event_numbers
-- The number of the newest event of each of some runs, with its project, as one JSON object.
SELECT json_group_object(run_id, json_array(last_seq, project_id)) FROM workflow_runs
WHERE run_id IN (SELECT value FROM json_each(:run_ids))

-- name: set_event_numbers
-- Some runs have so many events more.
UPDATE workflow_runs SET last_seq = last_seq + more.value
FROM json_each(:counts) AS more WHERE run_id = more.key

-- name: insert_events
-- All events of a transaction, as a JSON list of their columns: one call, however many there are.
INSERT INTO run_events (run_id, seq, ts, type, node_id, run_attempt, data)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
  json_extract(value, '$[4]'), json_extract(value, '$[5]'), json_extract(value, '$[6]')
FROM json_each(:events)

-- name: events_after
-- A run's events behind a sequence number, oldest first.
SELECT e.run_id, e.seq, e.ts, e.type, e.node_id, e.run_attempt, e.data, r.project_id
FROM run_events e JOIN workflow_runs r ON r.run_id = e.run_id
WHERE e.run_id = :run_id AND e.seq > :after ORDER BY e.seq LIMIT :limit

-- name: told_after
-- The same for viewers: number, type, and the JSON that `Event.told` makes. Written here it costs the event loop nothing.
SELECT seq, type, CAST('{"seq":' || seq || ',"run_id":"' || run_id || '","ts":"'
  || strftime('%Y-%m-%dT%H:%M:%S.', ts / 1000, 'unixepoch') || substr(1000 + ts % 1000, 2)
  || 'Z","type":"' || type || '","node_id":' || json_quote(node_id)
  || ',"run_attempt":' || run_attempt || ',"data":' || data || '}' AS BLOB)
FROM run_events WHERE run_id = :run_id AND seq > :after ORDER BY seq LIMIT :limit

-- name: logged
-- What the nodes of a run logged, with the executions that began before, oldest first.
SELECT type, node_id, data FROM run_events WHERE run_id = :run_id AND type IN ('node.started', 'node.log')
ORDER BY seq LIMIT :limit

-- name: standing_events
-- The events of a run that say where its nodes stand, oldest first.
SELECT type, node_id, ts, data FROM run_events WHERE run_id = :run_id AND type IN ('node.started', 'node.retrying',
  'node.waiting', 'node.completed', 'node.failed', 'node.skipped', 'node.cancelled', 'checkpoint.saved', 'run.resumed',
  'run.failed')
ORDER BY seq
