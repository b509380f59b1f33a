-- name: put_node_state
-- The newest state of a node.
INSERT INTO node_states (run_id, node_id, status, progress, attempt, iterations, started_at, completed_at)
VALUES (:run_id, :node_id, :status, :progress, :attempt, :iterations, :started_at, :completed_at)
ON CONFLICT (run_id, node_id) DO UPDATE SET status = excluded.status, progress = excluded.progress,
  attempt = excluded.attempt, iterations = excluded.iterations, started_at = excluded.started_at,
  completed_at = excluded.completed_at

-- name: put_execution
-- A node's execution as it stands: started, waiting or ended.
INSERT INTO node_executions (run_id, execution_id, task_id, node_id, node_type, run_attempt, attempt, status, input,
  output, error, started_at, completed_at, duration_ms)
VALUES (:run_id, :execution_id, :task_id, :node_id, :node_type, :run_attempt, :attempt, :status, :input,
  :output, :error, :started_at, :completed_at, :duration_ms)
ON CONFLICT (run_id, execution_id) DO UPDATE SET status = excluded.status, attempt = excluded.attempt,
  input = coalesce(excluded.input, node_executions.input), output = excluded.output, error = excluded.error,
  completed_at = excluded.completed_at, duration_ms = excluded.duration_ms

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
  completed_at, duration_ms
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
  completed_at, duration_ms
FROM node_executions WHERE run_id = :run_id AND status = 'WAITING'

-- name: put_interrupt
-- A node parked. Asked again after its answer was delivered (:again), now or in a try that failed (consumed), it is
-- another question of the same node; otherwise the node only ran to its question again, and an answer that came
-- meanwhile stays.
INSERT INTO interrupts (run_id, interrupt_id, task_id, node_id, kind, value, wake_at, consumed, created_at)
VALUES (:run_id, :interrupt_id, :task_id, :node_id, :kind, :value, :wake_at, 0, :created_at)
ON CONFLICT (run_id, interrupt_id) DO UPDATE SET value = excluded.value, wake_at = excluded.wake_at,
  answer = CASE WHEN :again OR interrupts.consumed = 1 THEN NULL ELSE interrupts.answer END,
  answered_by = CASE WHEN :again OR interrupts.consumed = 1 THEN NULL ELSE interrupts.answered_by END,
  answered_at = CASE WHEN :again OR interrupts.consumed = 1 THEN NULL ELSE interrupts.answered_at END,
  consumed = 0

-- name: answer_interrupt
-- The first answer wins: a second one touches no row.
UPDATE interrupts SET answer = :answer, answered_by = :answered_by, answered_at = :now
WHERE run_id = :run_id AND interrupt_id = :interrupt_id AND answer IS NULL

-- name: consume_answers
-- The node that asked has ended: its answers are in the state.
UPDATE interrupts SET consumed = 1 WHERE run_id = :run_id AND task_id = :task_id

-- name: consume_earlier
-- A node that asks again has its earlier answers in the checkpoint: given once more they would answer this question.
UPDATE interrupts SET consumed = 1 WHERE run_id = :run_id AND task_id = :task_id AND interrupt_id <> :interrupt_id

-- name: drop_open_interrupts
-- Time travel: what was asked after the checkpoint is asked for again.
DELETE FROM interrupts WHERE run_id = :run_id AND consumed = 0

-- name: interrupts
SELECT interrupt_id, task_id, node_id, kind, value, wake_at, answer, answered_by, answered_at, consumed, created_at
FROM interrupts WHERE run_id = :run_id ORDER BY created_at, interrupt_id

-- name: copy_interrupt
-- A fork keeps the questions that are open at its checkpoint; those of nodes that have ended are not.
INSERT INTO interrupts (run_id, interrupt_id, task_id, node_id, kind, value, wake_at, consumed, created_at)
SELECT :run_id, interrupt_id, task_id, node_id, kind, value, wake_at, 0, created_at
FROM interrupts WHERE run_id = :source AND interrupt_id = :interrupt_id AND consumed = 0

-- name: insert_signal
-- An event for a node that waits for one, or will.
INSERT INTO signals (run_id, signal_id, event, payload, sent_by, created_at)
VALUES (:run_id, :signal_id, :event, :payload, :sent_by, :created_at)
