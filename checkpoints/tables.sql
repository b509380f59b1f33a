-- Where runs can stop. `run_id` is LangGraph's thread_id, `ns` its checkpoint namespace ('' is the root graph).
-- BYTEA is PostgreSQL's name for bytes; SQLite stores a blob in such a column unchanged.

-- One row a checkpoint. `ordinal` is counted over the whole run and is the only order there is: ids and clocks step back.
-- `body` holds what changed against the parent (channel versions, where their values are, versions seen by nodes);
-- `depth` is the number of rows to follow through parent_id until a full copy (0: this row is one).
-- `high_version` is the highest channel version that the run had used, so that a branch never uses one twice.
CREATE TABLE checkpoints (
    run_id TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    ns TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    parent_id TEXT,
    step BIGINT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1)),
    depth INTEGER NOT NULL CHECK (depth >= 0),
    high_version BIGINT NOT NULL,
    next TEXT NOT NULL,
    metadata TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (run_id, checkpoint_id, ns)
);

CREATE UNIQUE INDEX checkpoints_by_ordinal ON checkpoints (run_id, ns, ordinal);

-- The values of all channels that got a new version at one checkpoint, in one row, written once and never changed.
-- A value is found by the ordinal of the checkpoint that stored it, so branches of a run share what they have in common.
CREATE TABLE checkpoint_values (
    run_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    channels BYTEA NOT NULL,
    PRIMARY KEY (run_id, ordinal)
);

-- What tasks wrote before the next checkpoint existed. `idx` 0 holds all ordinary writes of a task in one row;
-- LangGraph's own channels (error, scheduled, interrupt, resume) have fixed negative ones.
CREATE TABLE checkpoint_writes (
    run_id TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    ns TEXT NOT NULL,
    task_id TEXT NOT NULL,
    idx INTEGER NOT NULL,
    task_path TEXT NOT NULL,
    writes BYTEA NOT NULL,
    PRIMARY KEY (run_id, checkpoint_id, ns, task_id, idx)
);
