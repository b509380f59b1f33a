-- name: insert_checkpoint
-- Store a checkpoint; one that is stored again under its id replaces itself.
INSERT INTO checkpoints (run_id, checkpoint_id, ns, ordinal, parent_id, step, source, created_at, size, superseded,
    depth, high_version, next, metadata, body)
VALUES (:run_id, :checkpoint_id, :ns, :ordinal, :parent_id, :step, :source, :created_at, :size, 0,
    :depth, :high_version, :next, :metadata, :body)
ON CONFLICT (run_id, checkpoint_id, ns) DO UPDATE SET ordinal = excluded.ordinal, parent_id = excluded.parent_id,
    step = excluded.step, source = excluded.source, created_at = excluded.created_at, size = excluded.size,
    superseded = 0, depth = excluded.depth, high_version = excluded.high_version, next = excluded.next,
    metadata = excluded.metadata, body = excluded.body;

-- name: insert_values
-- Store the values of the channels that one checkpoint changed.
INSERT INTO checkpoint_values (run_id, ordinal, channels) VALUES (:run_id, :ordinal, :channels);

-- name: keep_writes
-- Store what a task wrote unless it is stored already: children of the checkpoint may have been built from that.
INSERT INTO checkpoint_writes (run_id, checkpoint_id, ns, task_id, idx, task_path, writes)
VALUES (:run_id, :checkpoint_id, :ns, :task_id, :idx, :task_path, :writes)
ON CONFLICT (run_id, checkpoint_id, ns, task_id, idx) DO NOTHING;

-- name: replace_writes
-- Store an error, an interrupt or an answer of a task in the place of its earlier one.
INSERT INTO checkpoint_writes (run_id, checkpoint_id, ns, task_id, idx, task_path, writes)
VALUES (:run_id, :checkpoint_id, :ns, :task_id, :idx, :task_path, :writes)
ON CONFLICT (run_id, checkpoint_id, ns, task_id, idx)
DO UPDATE SET task_path = excluded.task_path, writes = excluded.writes;

-- name: chain_of_latest
-- The latest checkpoint of a namespace, then its ancestors back to a full copy of the versions.
WITH RECURSIVE chain AS (
    SELECT c.*, 0 AS level FROM checkpoints c
    WHERE c.run_id = :run_id AND c.ns = :ns
        AND c.ordinal = (SELECT MAX(m.ordinal) FROM checkpoints m WHERE m.run_id = :run_id AND m.ns = :ns)
    UNION ALL
    SELECT p.*, chain.level + 1 AS level FROM chain
    JOIN checkpoints p ON p.run_id = :run_id AND p.checkpoint_id = chain.parent_id AND p.ns = :ns
    WHERE chain.depth > 0
)
SELECT run_id, checkpoint_id, ns, ordinal, parent_id, step, source, created_at, size, superseded, next, metadata,
    depth, high_version, body
FROM chain ORDER BY level;

-- name: chain_of
-- One checkpoint, then its ancestors back to a full copy of the versions.
WITH RECURSIVE chain AS (
    SELECT c.*, 0 AS level FROM checkpoints c
    WHERE c.run_id = :run_id AND c.checkpoint_id = :checkpoint_id AND c.ns = :ns
    UNION ALL
    SELECT p.*, chain.level + 1 AS level FROM chain
    JOIN checkpoints p ON p.run_id = :run_id AND p.checkpoint_id = chain.parent_id AND p.ns = :ns
    WHERE chain.depth > 0
)
SELECT run_id, checkpoint_id, ns, ordinal, parent_id, step, source, created_at, size, superseded, next, metadata,
    depth, high_version, body
FROM chain ORDER BY level;

-- name: values_at
-- The values that were stored at some checkpoints of a run.
SELECT ordinal, channels FROM checkpoint_values WHERE run_id = :run_id AND ordinal IN (:ordinals);

-- name: writes_of
-- What tasks wrote from some checkpoints of a namespace.
SELECT checkpoint_id, task_path, task_id, idx, writes FROM checkpoint_writes
WHERE run_id = :run_id AND ns = :ns AND checkpoint_id IN (:checkpoint_ids);

-- name: high_marks
-- The last ordinal of a run, with the highest channel version that it had used by then.
SELECT ordinal, high_version FROM checkpoints WHERE run_id = :run_id ORDER BY ordinal DESC LIMIT 1;

-- name: ordinal_of
-- Where a checkpoint stands in its run, whatever its namespace: what `before` compares with.
SELECT MAX(ordinal) FROM checkpoints WHERE run_id = :run_id AND checkpoint_id = :checkpoint_id;

-- name: list_namespace
-- The checkpoints of a namespace before an ordinal, newest first.
SELECT run_id, checkpoint_id, ns, ordinal, parent_id, step, source, created_at, size, superseded, next, metadata
FROM checkpoints WHERE run_id = :run_id AND ns = :ns AND ordinal < :before ORDER BY ordinal DESC LIMIT :limit;

-- name: list_run
-- The checkpoints of all namespaces of a run before an ordinal, newest first.
SELECT run_id, checkpoint_id, ns, ordinal, parent_id, step, source, created_at, size, superseded, next, metadata
FROM checkpoints WHERE run_id = :run_id AND ordinal < :before ORDER BY ordinal DESC LIMIT :limit;

-- name: list_all
-- The checkpoints of all runs, each run's newest first. For the LangGraph interface only; the product never asks this.
SELECT run_id, checkpoint_id, ns, ordinal, parent_id, step, source, created_at, size, superseded, next, metadata
FROM checkpoints ORDER BY run_id, ordinal DESC;

-- name: heads
-- The latest checkpoint of each namespace of a run.
SELECT c.run_id, c.checkpoint_id, c.ns, c.ordinal, c.parent_id, c.step, c.source, c.created_at, c.size, c.superseded,
    c.next, c.metadata
FROM checkpoints c JOIN (SELECT m.ns, MAX(m.ordinal) AS ordinal FROM checkpoints m WHERE m.run_id = :run_id GROUP BY m.ns) h
    ON c.ns = h.ns AND c.ordinal = h.ordinal
WHERE c.run_id = :run_id;

-- name: nested_heads
-- The latest checkpoint of each namespace that has gone on since a checkpoint of the root graph.
SELECT c.run_id, c.checkpoint_id, c.ns, c.ordinal, c.parent_id, c.step, c.source, c.created_at, c.size, c.superseded,
    c.next, c.metadata
FROM checkpoints c JOIN (
    SELECT m.ns, MAX(m.ordinal) AS ordinal FROM checkpoints m
    WHERE m.run_id = :run_id AND m.ns <> '' AND m.superseded = 0 AND m.ordinal > :after GROUP BY m.ns
) h ON c.ns = h.ns AND c.ordinal = h.ordinal
WHERE c.run_id = :run_id;

-- name: supersede_after
-- Mark all that came after a checkpoint, in every namespace, as abandoned by time travel.
UPDATE checkpoints SET superseded = 1
WHERE run_id = :run_id AND superseded = 0 AND ordinal > (
    SELECT c.ordinal FROM checkpoints c
    WHERE c.run_id = :run_id AND c.checkpoint_id = :checkpoint_id AND c.ns = :ns
);

-- name: copy_values
-- Give another run the values that were stored at one checkpoint.
INSERT INTO checkpoint_values (run_id, ordinal, channels)
SELECT :target_id, v.ordinal, v.channels FROM checkpoint_values v WHERE v.run_id = :run_id AND v.ordinal = :ordinal;

-- name: copy_writes
-- Give another run what tasks wrote from one checkpoint.
INSERT INTO checkpoint_writes (run_id, checkpoint_id, ns, task_id, idx, task_path, writes)
SELECT :target_id, w.checkpoint_id, w.ns, w.task_id, w.idx, w.task_path, w.writes FROM checkpoint_writes w
WHERE w.run_id = :run_id AND w.checkpoint_id = :checkpoint_id AND w.ns = :ns;

-- name: copy_all_checkpoints
-- Give another run every checkpoint of a run.
INSERT INTO checkpoints (run_id, checkpoint_id, ns, ordinal, parent_id, step, source, created_at, size, superseded,
    depth, high_version, next, metadata, body)
SELECT :target_id, c.checkpoint_id, c.ns, c.ordinal, c.parent_id, c.step, c.source, c.created_at, c.size, c.superseded,
    c.depth, c.high_version, c.next, c.metadata, c.body
FROM checkpoints c WHERE c.run_id = :run_id;

-- name: copy_all_values
-- Give another run every value of a run.
INSERT INTO checkpoint_values (run_id, ordinal, channels)
SELECT :target_id, v.ordinal, v.channels FROM checkpoint_values v WHERE v.run_id = :run_id;

-- name: copy_all_writes
-- Give another run all that tasks of a run wrote.
INSERT INTO checkpoint_writes (run_id, checkpoint_id, ns, task_id, idx, task_path, writes)
SELECT :target_id, w.checkpoint_id, w.ns, w.task_id, w.idx, w.task_path, w.writes
FROM checkpoint_writes w WHERE w.run_id = :run_id;

-- name: delete_checkpoints
-- Remove every checkpoint of a run.
DELETE FROM checkpoints WHERE run_id = :run_id;

-- name: delete_values
-- Remove every value of a run.
DELETE FROM checkpoint_values WHERE run_id = :run_id;

-- name: delete_writes
-- Remove all that tasks of a run wrote.
DELETE FROM checkpoint_writes WHERE run_id = :run_id;

-- name: delete_other_checkpoints
-- Remove the checkpoints of a run but some.
DELETE FROM checkpoints WHERE run_id = :run_id AND ordinal NOT IN (:ordinals);

-- name: delete_other_values
-- Remove the values of a run but those stored at some checkpoints.
DELETE FROM checkpoint_values WHERE run_id = :run_id AND ordinal NOT IN (:ordinals);

-- name: delete_other_writes
-- Remove what tasks of a run wrote but from some checkpoints.
DELETE FROM checkpoint_writes WHERE run_id = :run_id AND checkpoint_id NOT IN (:checkpoint_ids);

-- name: make_root
-- Make a checkpoint stand by itself: a full copy of its versions, and no parent.
UPDATE checkpoints SET depth = 0, parent_id = NULL, body = :body
WHERE run_id = :run_id AND checkpoint_id = :checkpoint_id AND ns = :ns;
