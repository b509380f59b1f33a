"""The LangGraph checkpointer. Makes statements and hands them to a sink; begins no transaction and opens no file."""

import copy
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Self

import orjson
import ormsgpack
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    PendingWrite,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.types import ERROR

from milepost.checkpoints import fork, prune, reading
from milepost.checkpoints.codec import Codec
from milepost.checkpoints.listing import address, matching
from milepost.checkpoints.reading import SQL, CheckpointRow, Found, Read
from milepost.checkpoints.tally import Tally
from milepost.checkpoints.types import AllowedTypes
from milepost.checkpoints.unit import CheckpointSaved, Committed, Reader, Sink, Statement, TaskSaved, Writer
from milepost.checkpoints.versions import Versions
from milepost.checkpoints.waiting import landed

# LangGraph writes input, commands and answers under this task, and writes its list again when it has grown: each
# write has a row of its own, where any other task's are one row.
_NULL_TASK = "00000000-0000-0000-0000-000000000000"


class Saver(BaseCheckpointSaver[int]):
    """Stores the checkpoints of runs: `thread_id` is the run's id. Cheap to make, one for each segment of a run.

    `next_nodes` names the nodes that run after a checkpoint of a namespace; `clock` gives milliseconds since 1970.
    `fresh` promises that the run has no checkpoint yet, and saves looking. `writer` serves the calls that delete, copy
    and prune, which no running graph makes.
    """

    def __init__(
        self,
        reader: Reader,
        sink: Sink,
        *,
        allowed_types: Collection[str] = (),
        next_nodes: Callable[[Checkpoint, str], list[str]] | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        fresh: bool = False,
        writer: Writer | None = None,
    ) -> None:
        super().__init__()
        self._reader = reader
        self._sink = sink
        self._codec = Codec(AllowedTypes(allowed_types))
        self._next_nodes = next_nodes
        self._clock = clock
        self._writer = writer
        self._tally = Tally(fresh=fresh)

    def with_allowlist(self, extra_allowlist: Collection[Any]) -> Self:
        """Return a saver that also constructs these classes, which LangGraph found in a graph's annotations.

        It shares what this one knows of its runs. Returns this one if it allows them already.
        """
        allowed = self._codec.allowed.extended(extra_allowlist)
        if allowed is self._codec.allowed:
            return self
        clone = copy.copy(self)
        clone._codec = Codec(allowed)
        return clone

    def get_next_version(self, current: int | None, channel: None) -> int:
        """Return a version that no channel of the run has had, on whatever branch."""
        return self._tally.next_version(current)

    # Reading

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint (the latest of its namespace without an id), or None."""
        return reading.now(self._reader, self._tuple(config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint (the latest of its namespace without an id), or None."""
        return await reading.soon(self._reader, self._tuple(config))

    def _tuple(self, config: RunnableConfig) -> Read[CheckpointTuple | None]:
        run_id, ns, checkpoint_id = address(config)
        if checkpoint_id is None and self._tally.knows_empty(run_id, ns):
            return None
        target = yield from reading.one(run_id, ns, checkpoint_id)
        if target is None:
            yield from self._count(run_id)
            return None
        return (yield from self._complete(target))

    def _complete(self, target: Found) -> Read[CheckpointTuple]:
        run_id, ns, checkpoint_id = target.row.run_id, target.row.ns, target.row.checkpoint_id
        *value_rows, write_rows = yield [
            *reading.values_queries(run_id, target.versions),
            reading.writes_query(run_id, ns, [checkpoint_id]),
        ]
        yield from self._count(run_id)
        stored = reading.values_of(target.versions, value_rows)
        decode = self._codec.decode
        checkpoint = Checkpoint(
            v=target.head.v,
            id=checkpoint_id,
            ts=target.head.ts,
            channel_values={channel: decode(value) for channel, value in stored.items()},
            channel_versions=dict(target.versions.channels),
            versions_seen={node: dict(seen) for node, seen in target.versions.seen.items()},
            updated_channels=target.head.updated_channels,
        )
        self._tally.remember((run_id, ns, checkpoint_id), target.versions)
        return CheckpointTuple(
            _config(run_id, ns, checkpoint_id),
            checkpoint,
            _metadata_of(target.row),
            _config(run_id, ns, target.row.parent_id) if target.row.parent_id else None,
            reading.decoded(self._codec, reading.pending(write_rows)),
        )

    def _count(self, run_id: str) -> Read[None]:
        """Learn where the ordinals and versions of a run stand, if that is not known."""
        if not self._tally.knows(run_id):
            [rows] = yield [(SQL["high_marks"], {"run_id": run_id})]
            self._tally.learn(run_id, *(rows[0] if rows else (-1, 0)))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, newest first; `before` takes a checkpoint of any namespace of the run."""
        for row in reading.now(self._reader, matching(config, filter, before, limit)):
            found = self.get_tuple(_config(row.run_id, row.ns, row.checkpoint_id))
            if found is not None:
                yield found

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, newest first; `before` takes a checkpoint of any namespace of the run."""
        for row in await reading.soon(self._reader, matching(config, filter, before, limit)):
            found = await self.aget_tuple(_config(row.run_id, row.ns, row.checkpoint_id))
            if found is not None:
                yield found

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return what the ancestors of a checkpoint wrote to each channel since its last stored value, and that."""
        return reading.now(self._reader, self._history(config, channels))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return what the ancestors of a checkpoint wrote to each channel since its last stored value, and that."""
        return await reading.soon(self._reader, self._history(config, channels))

    def _history(self, config: RunnableConfig, channels: Sequence[str]) -> Read[dict[str, DeltaChannelHistory]]:
        run_id, ns, checkpoint_id = address(config)
        result: dict[str, DeltaChannelHistory] = {channel: {"writes": []} for channel in channels}
        target = yield from reading.one(run_id, ns, checkpoint_id)
        if target is None or not channels:
            return result
        walk = yield from reading.lineage(target, list(result))
        by_checkpoint = yield from reading.writes_by_checkpoint(run_id, ns, walk.ids)
        for channel, history in result.items():
            road = walk.ids[: walk.roads[channel]]
            history["writes"] = self._writes_to(channel, [by_checkpoint.get(each, []) for each in reversed(road)])
        for channel, place in walk.seeds.items():
            [rows] = yield [reading.values_query(run_id, [place])]
            result[channel]["seed"] = self._codec.decode(ormsgpack.unpackb(rows[0][1])[channel])
        return result

    def _writes_to(self, channel: str, steps: Sequence[Sequence[tuple[str, str, bytes]]]) -> "_Writes":
        return reading.decoded(self._codec, (write for step in steps for write in step if write[1] == channel))

    # Writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and return its config once it is on disk. Raises UnstorableType."""
        run_id, ns, _ = address(config)
        reading.now(self._reader, self._count(run_id))
        future = self._save(config, checkpoint, metadata, new_versions)
        try:
            future.result()
        except BaseException:
            self._tally.forget((run_id, ns, checkpoint["id"]))
            raise
        return _config(run_id, ns, checkpoint["id"])

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and return its config once it is on disk. Raises UnstorableType."""
        run_id, ns, _ = address(config)
        if not self._tally.knows(run_id):
            await reading.soon(self._reader, self._count(run_id))
        future = self._save(config, checkpoint, metadata, new_versions)
        try:
            await landed(future)
        except BaseException:
            self._tally.forget((run_id, ns, checkpoint["id"]))
            raise
        return _config(run_id, ns, checkpoint["id"])

    def _save(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new: ChannelVersions
    ) -> Committed:
        run_id, ns, parent_id = address(config)
        checkpoint_id = checkpoint["id"]
        ordinal = self._tally.next_ordinal(run_id)
        versions = (parent_id and self._tally.take((run_id, ns, parent_id))) or Versions()
        body, stored = versions.advance(checkpoint, new, ordinal)
        encode, current = self._codec.encode, checkpoint["channel_values"]
        packed = ormsgpack.packb({channel: encode(current[channel]) for channel in stored}) if stored else b""
        self._tally.remember((run_id, ns, checkpoint_id), versions)
        names = self._next_nodes(checkpoint, ns) if self._next_nodes else []
        described = _metadata(config, metadata)
        saved = CheckpointSaved(
            run_id=run_id,
            ns=ns,
            checkpoint=checkpoint,
            checkpoint_id=checkpoint_id,
            parent_id=parent_id,
            step=metadata.get("step", -2),
            source=metadata.get("source", "loop"),
            ordinal=ordinal,
            size=len(body) + len(packed) + len(described),
            next=tuple(names),
        )
        statements = [
            Statement(
                SQL["insert_checkpoint"],
                {
                    "run_id": run_id,
                    "checkpoint_id": checkpoint_id,
                    "ns": ns,
                    "ordinal": ordinal,
                    "parent_id": parent_id,
                    "step": saved.step,
                    "source": saved.source,
                    "created_at": self._clock(),
                    "size": saved.size,
                    "depth": versions.depth,
                    "high_version": self._tally.high_version(new),
                    "next": orjson.dumps(names).decode(),
                    "metadata": described,
                    "body": body,
                },
                1,
            )
        ]
        if packed:
            values = {"run_id": run_id, "ordinal": ordinal, "channels": packed}
            statements.append(Statement(SQL["insert_values"], values, 1))
        return self._sink.checkpoint_saved(saved, statements)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote and return once it is on disk. Raises UnstorableType."""
        self._save_writes(config, writes, task_id, task_path).result()

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote and return once it is on disk. Raises UnstorableType.

        The unit is handed to the sink before this first awaits, so units stand in LangGraph's order.
        """
        await landed(self._save_writes(config, writes, task_id, task_path))

    def _save_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> Committed:
        run_id, ns, checkpoint_id = address(config)
        encoded = [(channel, self._encode_write(channel, value)) for channel, value in writes]
        special = [channel in WRITES_IDX_MAP for channel, _ in writes]
        rows: Sequence[tuple[int, Any]]
        if task_id == _NULL_TASK or any(special):
            rows = [(WRITES_IDX_MAP.get(write[0], index), [write]) for index, write in enumerate(encoded)]
        else:
            rows = [(0, encoded)]
        statement = SQL["replace_writes" if all(special) else "keep_writes"]
        where = {
            "run_id": run_id,
            "checkpoint_id": checkpoint_id,
            "ns": ns,
            "task_id": task_id,
            "task_path": task_path,
        }
        statements = [
            Statement(statement, {**where, "idx": index, "writes": ormsgpack.packb(batch)}) for index, batch in rows
        ]
        saved = TaskSaved(run_id, ns, checkpoint_id or "", task_id, task_path, writes)
        return self._sink.task_saved(saved, statements)

    def _encode_write(self, channel: str, value: Any) -> bytes:
        if channel == ERROR and isinstance(value, BaseException):
            return self._codec.encode_error(value)
        return self._codec.encode(value)

    # Deleting, copying, pruning

    def delete_thread(self, thread_id: str) -> None:
        """Remove all that is stored of a run."""
        self._submit(fork.delete(thread_id)).result()
        self._tally.forget_run(thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove all that is stored of a run."""
        await landed(self._submit(fork.delete(thread_id)))
        self._tally.forget_run(thread_id)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Give a run that has no checkpoints a copy of all those of another."""
        self._submit(fork.copy_all(source_thread_id, target_thread_id)).result()
        self._tally.forget_run(target_thread_id)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Give a run that has no checkpoints a copy of all those of another."""
        await landed(self._submit(fork.copy_all(source_thread_id, target_thread_id)))
        self._tally.forget_run(target_thread_id)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the latest checkpoint of each namespace and what its state needs, or (`delete`) nothing."""
        for run_id in thread_ids:
            self._submit(reading.now(self._reader, prune.prune(run_id, strategy))).result()
            self._tally.forget_run(run_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the latest checkpoint of each namespace and what its state needs, or (`delete`) nothing."""
        for run_id in thread_ids:
            statements = await reading.soon(self._reader, prune.prune(run_id, strategy))
            await landed(self._submit(statements))
            self._tally.forget_run(run_id)

    def _submit(self, statements: Sequence[Statement]) -> Future[Any]:
        if self._writer is None:
            raise RuntimeError("this saver was made without a writer: it can neither delete, copy nor prune")
        return self._writer.submit(statements)


_Writes = list[PendingWrite]


def _config(run_id: str, ns: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": run_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id}}


def _metadata(config: RunnableConfig, metadata: CheckpointMetadata) -> str:
    described = get_checkpoint_metadata(config, metadata)
    try:
        return orjson.dumps(described).decode()
    except TypeError:
        return json.dumps(described, default=str)


def _metadata_of(row: CheckpointRow) -> CheckpointMetadata:
    return row.metadata  # type: ignore[return-value]
