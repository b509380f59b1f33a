-- name: put_node_states
-- The newest states of nodes, as a JSON list of their columns.
INSERT INTO node_states (run_id, node_id, status, progress, attempt, iterations, started_at, completed_at)
SELECT :run_id, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
  json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'), json_extract(value, '$[6]')
FROM json_each(:states) WHERE true
ON CONFLICT (run_id, node_id) DO UPDATE SET status = excluded.status, progress = excluded.progress,
  attempt = excluded.attempt, iterations = excluded.iterations, started_at = excluded.started_at,
  completed_at = excluded.completed_at

-- name: put_execution
-- A node's execution as it stands: started, waiting or ended.
INSERT INTO node_executions (run_id, execution_id, task_id, node_id, node_type, run_attempt, attempt, status, input,
  output, error, started_at, completed_at, duration_ms, stand_in)
VALUES (:run_id, :execution_id, :task_id, :node_id, :node_type, :run_attempt, :attempt, :status, :input,
  :output, :error, :started_at, :completed_at, :duration_ms, :stand_in)
ON CONFLICT (run_id, execution_id) DO UPDATE SET status = excluded.status, attempt = excluded.attempt,
  input = coalesce(excluded.input, node_executions.input), output = excluded.output, error = excluded.error,
  completed_at = excluded.completed_at, duration_ms = excluded.duration_ms, stand_in = excluded.stand_in

-- name: cancel_open_executions
-- What was executing when its run was stopped.
UPDATE node_executions SET status = 'CANCELLED', completed_at = :now, duration_ms = :now - started_at
WHERE run_id = :run_id AND status IN ('RUNNING', 'WAITING')

-- name: cancel_open_nodes
-- The same for the node's states; the returned ones get an event.
UPDATE node_states SET status = 'CANCELLED', completed_at = :now
WHERE run_id = :run_id AND status IN ('READY', 'RUNNING', 'WAITING') RETURNING node_id

-- name: reset_running_nodes
-- Nodes that a stop interrupted will run again.
UPDATE node_states SET status = 'PENDING', progress = 0 WHERE run_id = :run_id AND status IN ('READY', 'RUNNING')
RETURNING node_id

-- name: cancel_running_executions
-- Their executions; those that wait for an answer go on waiting.
UPDATE node_executions SET status = 'CANCELLED', completed_at = :now, duration_ms = :now - started_at
WHERE run_id = :run_id AND status = 'RUNNING'

-- name: reset_failed_nodes
-- A retry runs the failed nodes again, but for failures that were handled: those have an output.
UPDATE node_states SET status = 'PENDING', progress = 0 WHERE run_id = :run_id AND (status = 'CANCELLED'
  OR status = 'FAILED' AND EXISTS (SELECT 1 FROM node_executions e WHERE e.run_id = node_states.run_id
    AND e.node_id = node_states.node_id AND e.status = 'FAILED' AND e.output IS NULL))

-- name: reset_node
-- A node that runs again after time travel or in the next iteration.
DELETE FROM node_states WHERE run_id = :run_id AND node_id = :node_id

-- name: node_states
SELECT node_id, status, progress, attempt, iterations, started_at, completed_at FROM node_states WHERE run_id = :run_id

-- name: executions
-- One row a node execution, in order.
SELECT execution_id, task_id, node_id, node_type, run_attempt, attempt, status, input, output, error, started_at,
  completed_at, duration_ms, stand_in
FROM node_executions
WHERE run_id = :run_id AND execution_id > :after AND (:node_id IS NULL OR node_id = :node_id)
  AND (:node_type IS NULL OR node_type = :node_type)
  AND (:failed IS NULL OR (status = 'FAILED') = :failed)
ORDER BY execution_id LIMIT :limit

-- name: node_work
-- How often each node ended in a run, and its milliseconds of work: what waited for a person or an event is none.
SELECT e.node_id, count(*), sum(CASE WHEN EXISTS (SELECT 1 FROM interrupts i WHERE i.run_id = e.run_id
  AND i.task_id = e.task_id AND i.kind <> 'time') THEN 0 ELSE coalesce(e.duration_ms, 0) END)
FROM node_executions e WHERE e.run_id = :run_id AND e.status IN ('COMPLETED', 'FAILED') GROUP BY e.node_id

-- name: open_executions
-- What is executing or waits, for a segment that goes on with it.
SELECT execution_id, task_id, node_id, node_type, run_attempt, attempt, status, NULL, NULL, NULL, started_at,
  completed_at, duration_ms, stand_in
FROM node_executions WHERE run_id = :run_id AND status = 'WAITING'

-- name: recorded_steps
-- The executions of a run that ended by themselves, in order: what a dry run may replay.
SELECT execution_id, task_id, node_id, stand_in FROM node_executions
WHERE run_id = :run_id AND status IN ('COMPLETED', 'FAILED') ORDER BY execution_id

-- name: recorded_step
-- What one of them gave.
SELECT attempt, input, output, error FROM node_executions WHERE run_id = :run_id AND execution_id = :execution_id

-- name: stand_ins
-- How often something stood in for a node of a dry run.
SELECT stand_in, count(*) FROM node_executions WHERE run_id = :run_id AND stand_in IS NOT NULL GROUP BY stand_in

-- name: put_interrupt
-- A node parked. Asked again after its answer was delivered (:again), now or in a try that failed (consumed), it is
-- another question of the same node; otherwise the node only ran to its question again, and an answer that came
-- meanwhile stays.
INSERT INTO interrupts (run_id, interrupt_id, task_id, node_id, item, project_id, kind, value, event, assignees, wake_at,
  consumed, created_at)
VALUES (:run_id, :interrupt_id, :task_id, :node_id, :item, :project_id, :kind, :value, :event, :assignees, :wake_at, 0,
  :created_at)
ON CONFLICT (run_id, interrupt_id) DO UPDATE SET value = excluded.value, event = excluded.event,
  assignees = excluded.assignees, wake_at = excluded.wake_at,
  created_at = CASE WHEN :again OR interrupts.consumed = 1 THEN excluded.created_at ELSE interrupts.created_at END,
  expired_at = CASE WHEN :again OR interrupts.consumed = 1 THEN NULL ELSE interrupts.expired_at END,
  signal_seq = CASE WHEN :again OR interrupts.consumed = 1 THEN NULL ELSE interrupts.signal_seq END,
  answer = CASE WHEN :again OR interrupts.consumed = 1 THEN NULL ELSE interrupts.answer END,
  answered_by = CASE WHEN :again OR interrupts.consumed = 1 THEN NULL ELSE interrupts.answered_by END,
  answered_at = CASE WHEN :again OR interrupts.consumed = 1 THEN NULL ELSE interrupts.answered_at END,
  consumed = 0

-- name: answer_interrupt
-- The first answer wins: a second one touches no row, and none does that comes too late.
UPDATE interrupts SET answer = :answer, answered_by = :answered_by, answered_at = :now
WHERE run_id = :run_id AND interrupt_id = :interrupt_id AND answer IS NULL AND consumed = 0 AND expired_at IS NULL
  AND (wake_at IS NULL OR wake_at > :now)

-- name: expire_interrupts
-- It is too late for what was not answered, and for events that did not come.
UPDATE interrupts SET expired_at = :now
WHERE run_id = :run_id AND consumed = 0 AND answer IS NULL AND expired_at IS NULL AND kind IN ('answer', 'event')
  AND wake_at <= :now

-- name: close_interrupts
-- The run ended: nobody is asked any more. What was answered stays, for a retry.
UPDATE interrupts SET consumed = 1 WHERE run_id = :run_id AND consumed = 0 AND answer IS NULL

-- name: consume_answers
-- The node that asked has ended: its answers are in the state.
UPDATE interrupts SET consumed = 1 WHERE run_id = :run_id AND task_id = :task_id

-- name: consume_earlier
-- A node that asks again has its earlier answers in the checkpoint: given once more they would answer this question.
UPDATE interrupts SET consumed = 1 WHERE run_id = :run_id AND task_id = :task_id AND interrupt_id <> :interrupt_id

-- name: drop_open_interrupts
-- Time travel: what was asked after the checkpoint is asked for again.
DELETE FROM interrupts WHERE run_id = :run_id AND consumed = 0

-- name: return_signals
-- Time travel: the events that these waits were given can be taken again.
UPDATE signals SET consumed = 0 WHERE run_id = :run_id AND seq IN
  (SELECT i.signal_seq FROM interrupts i WHERE i.run_id = :run_id AND i.consumed = 0 AND i.signal_seq IS NOT NULL)

-- name: interrupts
SELECT interrupt_id, task_id, node_id, item, kind, value, wake_at, answer, answered_by, answered_at, consumed, created_at,
  event, expired_at
FROM interrupts WHERE run_id = :run_id ORDER BY created_at, interrupt_id

-- name: copy_interrupt
-- A fork keeps the questions that are open at its checkpoint, with what was answered and is not used yet; those of
-- nodes that have ended are not.
INSERT INTO interrupts (run_id, interrupt_id, task_id, node_id, item, project_id, kind, value, event, assignees, wake_at,
  answer, answered_by, answered_at, consumed, created_at)
SELECT :run_id, interrupt_id, task_id, node_id, item, project_id, kind, value, event, assignees, wake_at, answer,
  answered_by, answered_at, 0, created_at
FROM interrupts WHERE run_id = :source AND interrupt_id = :interrupt_id AND consumed = 0

-- name: insert_signal
-- An event for a node that waits for one, or will.
INSERT INTO signals (run_id, seq, event, payload, sent_by, created_at, consumed)
SELECT r.run_id, 1 + coalesce((SELECT max(s.seq) FROM signals s WHERE s.run_id = r.run_id), 0), :event, :payload, :sent_by,
  :now, 0
FROM workflow_runs r WHERE r.run_id = :run_id AND r.status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')

-- name: deliver_signal
-- Give the oldest event of a name that nobody took to the oldest wait for it, if there are both.
UPDATE interrupts SET answered_at = :now,
  (signal_seq, answer, answered_by) = (SELECT s.seq, s.payload, s.sent_by FROM signals s
    WHERE s.run_id = :run_id AND s.event = :event AND s.consumed = 0 ORDER BY s.seq LIMIT 1)
WHERE run_id = :run_id AND interrupt_id = (SELECT i.interrupt_id FROM interrupts i
    WHERE i.run_id = :run_id AND i.event = :event AND i.answer IS NULL AND i.consumed = 0 AND i.expired_at IS NULL
      AND (i.wake_at IS NULL OR i.wake_at > :now) ORDER BY i.created_at, i.interrupt_id LIMIT 1)
  AND EXISTS (SELECT 1 FROM signals s WHERE s.run_id = :run_id AND s.event = :event AND s.consumed = 0)

-- name: take_signal
-- What was given to a wait is not given to another.
UPDATE signals SET consumed = 1 WHERE run_id = :run_id AND event = :event AND consumed = 0 AND seq IN
  (SELECT i.signal_seq FROM interrupts i WHERE i.run_id = :run_id AND i.event = :event)

-- name: inbox
-- Open questions of a project, those asked first first; of one assignee those that name them, or nobody. A fork that
-- was not executed yet asks nobody.
SELECT i.run_id, i.interrupt_id, i.task_id, i.node_id, i.item, i.kind, i.value, i.wake_at, i.answer, i.answered_by, i.answered_at,
  i.consumed, i.created_at, i.event, i.expired_at, r.workflow_id, r.status, w.name
FROM interrupts i JOIN workflow_runs r ON r.run_id = i.run_id JOIN workflows w ON w.workflow_id = r.workflow_id
WHERE i.project_id = :project_id AND i.kind = 'answer' AND i.answer IS NULL AND i.consumed = 0 AND i.expired_at IS NULL
  AND (i.wake_at IS NULL OR i.wake_at > :now) AND r.status <> 'PENDING'
  AND (:assignee IS NULL OR i.assignees IS NULL OR instr(i.assignees, '|' || :assignee || '|') > 0)
  AND (i.created_at, i.run_id, i.interrupt_id) > (:created_at, :run_id, :interrupt_id)
ORDER BY i.created_at, i.run_id, i.interrupt_id LIMIT :limit

-- name: put_items
-- The items of `map` nodes that have ended, as a JSON list of their columns: one call, however many there are.
INSERT INTO node_items (run_id, node_id, iteration, item, status, attempt, output, error, started_at, completed_at)
SELECT :run_id, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
  json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'), json_extract(value, '$[6]'),
  json_extract(value, '$[7]'), json_extract(value, '$[8]')
FROM json_each(:items) WHERE true
ON CONFLICT (run_id, node_id, iteration, item) DO UPDATE SET status = excluded.status, attempt = excluded.attempt,
  output = excluded.output, error = excluded.error, started_at = excluded.started_at,
  completed_at = excluded.completed_at

-- name: forget_items
-- The node begins anew, or has not reached these iterations at an earlier checkpoint.
DELETE FROM node_items WHERE run_id = :run_id AND node_id = :node_id AND iteration >= :iteration

-- name: items
-- The items of one node that have ended in its newest iteration, in the list's order.
SELECT item, status, attempt, output, error, started_at, completed_at FROM node_items
WHERE run_id = :run_id AND node_id = :node_id AND item > :after AND (:failed IS NULL OR (status = 'FAILED') = :failed)
  AND iteration = coalesce((SELECT s.iterations FROM node_states s
    WHERE s.run_id = :run_id AND s.node_id = :node_id), 1)
ORDER BY item LIMIT :limit

-- name: copy_items
-- A fork keeps what the items of a node came to, up to the iteration that it starts in.
INSERT INTO node_items (run_id, node_id, iteration, item, status, attempt, output, error, started_at, completed_at)
SELECT :run_id, node_id, iteration, item, status, attempt, output, error, started_at, completed_at FROM node_items
WHERE run_id = :source AND node_id = :node_id AND iteration <= :iteration

-- name: ended_executions
-- How many executions of a run have ended: what its tasks have written changes with it.
SELECT count(*) FROM node_executions WHERE run_id = :run_id AND completed_at IS NOT NULL

-- name: still_stands
-- The guard of a fork: its parent still is at the checkpoint, and nothing has ended since it was read.
SELECT 1 FROM workflow_runs r WHERE r.run_id = :run_id AND r.checkpoint_id = :checkpoint_id
  AND (SELECT count(*) FROM node_executions e WHERE e.run_id = r.run_id AND e.completed_at IS NOT NULL) = :ended
