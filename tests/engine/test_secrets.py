"""Secrets of a project: who gets them, when they are read, and under which key they lie."""

import asyncio
import gc
import io
import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
import structlog

from milepost.graphs.context import RunContext
from milepost.server import logs
from milepost.server.access.cipher import KEY_FILE
from milepost.server.config import load_settings
from milepost.server.errors import InvalidDefinition, InvalidRequest, NotFound, NotRunnable, StartRefused
from milepost.server.runs.control import Resume
from milepost.server.states import RunStatus
from milepost.server.store.rows import Project
from milepost.server.store.statements import statement
from milepost.server.store.unit import Unit
from tests.engine.conftest import ACTOR, Bench, opened

VALUE = "token-8f2LqZ71"
OTHER = "token-Xk93mmVb"
TELLER = {"token": "{{ secrets.TOKEN }}"}


def steps(*configs: tuple[str, str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"steps": [{"id": name, "type": type_, "config": config, **more} for name, type_, config in configs]}


async def put(bench: Bench, value: str = VALUE, name: str = "TOKEN", project: Project | None = None) -> None:
    await bench.app.secrets.set(ACTOR, (project or bench.project).project_id, name, value)


async def another_project(bench: Bench) -> Project:
    return await bench.app.projects.create(ACTOR, "other", "Other")


# Where a secret can be read.


@pytest.mark.parametrize(
    "config",
    [
        {"model": "echo", "prompt": "{{ secrets.TOKEN | upper }}"},
        {"model": "echo", "prompt": "{{ 'a' ~ secrets.TOKEN }}"},
        {"model": "echo", "prompt": "{{ secrets }}"},
        {"model": "echo", "prompt": "{{ secrets | tojson }}"},
        {"model": "echo", "prompt": "{{ secrets[input.name] }}"},
        {"model": "echo", "prompt": "{{ secrets.TOKEN.more }}"},
        {"model": "echo", "prompt": "{{ secrets.TOKEN[0] }}"},
        {"model": "echo", "prompt": "{{ secrets.TOKEN == 'a' }}"},
        {"model": "echo", "prompt": "{{ [secrets.TOKEN] }}"},
        {"model": "echo", "prompt": "{{ secrets['no name'] }}"},
        {"model": "echo", "prompt": "{{ secrets." + "a" * 65 + " }}"},
    ],
)
async def test_a_secret_stands_alone_by_its_name(bench: Bench, config: dict[str, Any]) -> None:
    report = await bench.app.workflows.validate(bench.project, steps(("a", "ai", config)))
    assert [each["code"] for each in report["errors"]] == ["secret_refused"], report


@pytest.mark.parametrize(
    "definition",
    [
        steps(("a", "process", {"value": "{{ secrets.TOKEN }}"})),
        steps(("a", "output", {"value": "{{ secrets.TOKEN }}"})),
        steps(("a", "ai", {"model": "echo", "prompt": "p"}), set={"v": "{{ secrets.TOKEN }}"}),
        steps(("a", "map", {"over": "{{ secrets.TOKEN }}", "node": {"type": "process"}})),
        steps(("a", "map", {"over": [1], "node": {"type": "process", "config": {"value": "{{ secrets.TOKEN }}"}}})),
        {
            "nodes": [
                {"id": "a", "type": "condition", "config": {"expression": "secrets.TOKEN"}},
                {"id": "b", "type": "process"},
            ],
            "edges": [{"source": "a", "target": "b", "when": True}],
        },
        {
            "nodes": [{"id": "a", "type": "teller", "config": TELLER}, {"id": "b", "type": "process"}],
            "edges": [{"source": "a", "target": "b", "when": "{{ secrets.TOKEN }}"}],
        },
    ],
)
async def test_other_places_have_no_secrets(bench: Bench, definition: dict[str, Any]) -> None:
    await put(bench)
    with pytest.raises(InvalidDefinition) as refused:
        await bench.app.workflows.create(bench.project, "w", "", definition)
    assert [each["code"] for each in refused.value.errors] == ["secret_refused"]


async def test_an_item_of_a_map_cannot_be_called_secrets(bench: Bench) -> None:
    config = {"over": [1], "as": "secrets", "node": {"type": "process"}}
    report = await bench.app.workflows.validate(bench.project, steps(("a", "map", config)))
    assert not report["valid"]


async def test_a_secret_that_is_not_set_is_a_warning_and_then_refused_by_name(bench: Bench) -> None:
    child = await bench.app.workflows.create(bench.project, "child", "", steps(("c", "teller", TELLER)))
    nested = {"workflow_id": child["workflow_id"]}
    item = {"type": "teller", "config": {"token": "{{ secrets.ITEM }}"}}
    parent = steps(("s", "subworkflow", nested), ("m", "map", {"over": [1], "node": item}))
    created = await bench.app.workflows.create(bench.project, "parent", "", parent)
    warned = [(each["path"], each["code"]) for each in created["warnings"]]
    assert warned == [("steps[1].config.node.config.token", "secret_not_set"), ("steps[0].config", "secret_not_set")]
    with pytest.raises(NotRunnable, match=r"ITEM.*TOKEN") as refused:
        await bench.start_again(created["workflow_id"])
    assert {each["code"] for each in refused.value.errors} == {"secret_not_set"}
    await put(bench)
    with pytest.raises(NotRunnable, match="ITEM"):
        await bench.start_again(created["workflow_id"])
    await put(bench, name="ITEM")
    run = await bench.ended(await bench.start_again(created["workflow_id"]))
    assert run.status is RunStatus.COMPLETED
    assert (await bench.app.workflows.validate(bench.project, parent))["warnings"] == []


# What a run gets.


async def test_a_node_gets_the_value_and_everybody_else_the_mask(bench: Bench, tmp_path: Path) -> None:
    await put(bench)
    file = tmp_path / "trace"
    item = {"type": "traitor", "config": {"file": str(file), "text": "item {{ secrets.TOKEN }} {{ item }}"}}
    definition = steps(
        ("a", "traitor", {"file": str(file), "text": "{{ secrets.TOKEN }}"}),
        ("b", "traitor", {"file": str(file), "text": "behind {{ outputs.a.text }}"}),
        ("m", "map", {"over": [1, 2], "node": item}),
    )
    run_id = await bench.start(definition)
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    lines = file.read_text().splitlines()
    assert lines[:2] == [VALUE, "behind •••"]
    assert sorted(lines[2:]) == [f"item {VALUE} 1", f"item {VALUE} 2"]
    inputs = {row.node_id: orjson.loads(row.input or "{}") for row in await bench.executions(run_id)}
    assert inputs["a"]["text"] == "•••"


async def test_a_changed_secret_is_used_from_the_next_attempt_on(bench: Bench, tmp_path: Path) -> None:
    await put(bench)
    file = str(tmp_path / "trace")
    leave = {"file": file, "text": "{{ secrets.TOKEN }}"}
    run_id = await bench.start(
        steps(("a", "traitor", leave), ("ask", "approval", {"question": "?"}), ("b", "traitor", leave))
    )
    await bench.until(run_id, "run.waiting")
    await put(bench, OTHER)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(None, {"yes": True}, True))
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert Path(file).read_text().split() == [VALUE, OTHER]


async def test_a_deleted_secret_fails_the_node_that_reads_it(bench: Bench) -> None:
    await put(bench)
    run_id = await bench.start(steps(("ask", "approval", {"question": "?"}), ("b", "teller", TELLER)))
    await bench.until(run_id, "run.waiting")
    await bench.app.secrets.delete(ACTOR, bench.project.project_id, "TOKEN")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(None, {"yes": True}, True))
    run = await bench.ended(run_id)
    error = json.loads(run.error or "{}")
    assert (error["code"], error["node_id"]) == ("expression_error", "b")
    assert "the project has no secret 'TOKEN'" in error["message"]


async def test_a_question_with_a_secret_keeps_its_first_deadline(bench: Bench) -> None:
    await put(bench)
    both = {
        "nodes": [
            {"id": "long", "type": "traitor", "config": {"ask": "{{ secrets.TOKEN }}", "timeout": 600}},
            {"id": "short", "type": "approval", "config": {"question": "?"}},
        ],
        "edges": [],
    }
    run_id = await bench.start(both)
    await bench.until(run_id, "run.waiting")
    (long, short) = await _deadlines(bench, run_id)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(None, None, False, {short[0]: {"yes": True}}))
    await bench.until(run_id, "run.waiting", after=(await bench.app.store.run(run_id)).last_seq)
    assert (await _deadlines(bench, run_id))[0] == long


async def _deadlines(bench: Bench, run_id: str) -> list[tuple[str, int | None]]:
    rows = sorted(await bench.app.store.interrupts(run_id), key=lambda row: row.node_id)
    return [(row.interrupt_id, row.wake_at) for row in rows]


async def test_another_projects_secret_cannot_be_read(bench: Bench) -> None:
    other = await another_project(bench)
    await put(bench, project=other)
    with pytest.raises(NotRunnable, match="TOKEN"):
        await bench.start(steps(("a", "teller", TELLER)))
    assert await bench.app.secrets.page(bench.project.project_id) == []
    with pytest.raises(NotFound):
        await bench.app.secrets.delete(ACTOR, bench.project.project_id, "TOKEN")


async def test_a_row_that_was_moved_to_another_name_or_project_does_not_open(bench: Bench) -> None:
    other = await another_project(bench)
    await put(bench, project=other)
    sealed = (await bench.app.store.fetch("some_secrets", project_id=other.project_id, names='["TOKEN"]'))[0][1]
    moved = {"project_id": bench.project.project_id, "name": "TOKEN", "ciphertext": sealed, "now": 1}
    await bench.app.store.commit(Unit([statement("put_secret", **moved)]))
    run = await bench.ended(await bench.start(steps(("a", "teller", TELLER))))
    error = json.loads(run.error or "{}")
    assert (run.status, error["code"]) == (RunStatus.FAILED, "secret_unreadable")
    assert KEY_FILE in error["message"]


# Storing.


@pytest.mark.parametrize("name", ["", "1A", "a-b", "a b", "é", "a" * 65, "a\n"])
async def test_a_name_is_a_word(bench: Bench, name: str) -> None:
    with pytest.raises(InvalidRequest, match="name"):
        await put(bench, name=name)


@pytest.mark.parametrize("value", ["", "abcd5", "  a b  ", "x" * (64 * 1024 + 1), "é" * (32 * 1024 + 1)])
async def test_a_value_can_be_covered_and_stored(bench: Bench, value: str) -> None:
    with pytest.raises(InvalidRequest, match="a secret has at") as refused:
        await put(bench, value=value)
    assert not value or value not in str(refused.value.errors)
    await put(bench, value="x" * 64 * 1024)


async def test_values_lie_encrypted_under_a_key_that_only_the_user_can_read(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        assert not (tmp_path / KEY_FILE).exists()
        await put(bench)
        await put(bench)
        project_id = bench.project.project_id
        assert await bench.app.secrets.reveal(project_id, ["TOKEN", "ABSENT"]) == {"TOKEN": VALUE}
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    key = (tmp_path / KEY_FILE).read_text().strip()
    assert len(key) >= 43
    for path in tmp_path.iterdir():
        if path.name != KEY_FILE:
            assert VALUE.encode() not in path.read_bytes(), path
            assert key.encode() not in path.read_bytes(), path
    # The file's content does as a setting, too.
    (tmp_path / KEY_FILE).unlink()
    async with opened(tmp_path, secret_key=key) as bench:
        assert await bench.app.secrets.reveal(project_id, ["TOKEN"]) == {"TOKEN": VALUE}


async def test_the_same_value_is_never_encrypted_the_same(bench: Bench) -> None:
    for name in ("A", "B", "A"):
        await put(bench, name=name)
    rows = await bench.app.store.fetch("some_secrets", project_id=bench.project.project_id, names='["A", "B"]')
    assert len({bytes(sealed)[12:] for _, sealed in rows}) == 2


async def test_a_wrong_or_lost_key_stops_the_start_and_says_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        await put(bench)
        project_id = bench.project.project_id
    with pytest.raises(StartRefused, match=r"TOKEN.*MILEPOST_SECRET_KEY.*stored with"):
        async with opened(tmp_path, secret_key="w" * 32):
            pass
    kept = (tmp_path / KEY_FILE).read_text()
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(StartRefused, match=r"secret\.key, is missing.*backup.*MILEPOST_SECRET_KEY"):
        async with opened(tmp_path):
            pass
    assert not (tmp_path / KEY_FILE).exists()
    (tmp_path / KEY_FILE).write_text(kept)
    async with opened(tmp_path) as bench:
        assert await bench.app.secrets.reveal(project_id, ["TOKEN"]) == {"TOKEN": VALUE}


async def test_a_changed_row_does_not_open(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        await put(bench)
    with closing(sqlite3.connect(tmp_path / "milepost.db")) as database, database:
        database.execute("UPDATE secrets SET ciphertext = CAST(substr(ciphertext, 1, 20) || x'0001' AS BLOB)")
    with pytest.raises(StartRefused):
        async with opened(tmp_path):
            pass


def test_the_key_is_shown_by_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "k3y-" + "q" * 40
    settings = load_settings(data=tmp_path, secret_key=key)
    assert key not in repr(settings) + str(settings) + str(settings.model_dump()) + settings.model_dump_json()
    monkeypatch.setenv("MILEPOST_SECRET_KEY", "too-short-key")
    with pytest.raises(StartRefused, match=r"MILEPOST_SECRET_KEY.*32") as refused:
        load_settings(data=tmp_path)
    assert "too-short-key" not in str(refused.value)


# Logs.


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes, once it is configured; afterwards all is as before."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield io.StringIO()
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()


async def test_what_is_set_and_deleted_is_logged_without_the_value(bench: Bench, stream: io.StringIO) -> None:
    logs.configure("info", stream, bench.app.veils)
    await put(bench)
    await bench.app.secrets.delete(ACTOR, bench.project.project_id, "TOKEN")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = [(line["event"], line["name"], line["by"], line["project_id"]) for line in lines]
    assert told == [(what, "TOKEN", "tester", bench.project.project_id) for what in ("secret set", "secret deleted")]
    assert VALUE not in stream.getvalue()


async def test_the_log_is_covered_as_long_as_a_run_knows_its_secrets(bench: Bench, stream: io.StringIO) -> None:
    await put(bench)
    logs.configure("info", stream, bench.app.veils)
    log = structlog.get_logger("milepost.engine")
    run_id = await bench.start(steps(("a", "teller", {**TELLER, "way": "hangs"})))
    await bench.until(run_id, "node.progress")
    try:
        raise ValueError(f"Basic {VALUE}")
    except ValueError:
        log.exception(f"failed with {VALUE}", tokens=[VALUE], error=KeyError(VALUE))
    logging.getLogger("library").warning("with %s", VALUE)
    assert VALUE not in stream.getvalue()
    assert stream.getvalue().count(json.dumps("•••")[1:-1]) >= 5
    await bench.app.control.cancel(ACTOR, bench.project, run_id)
    await bench.ended(run_id)
    async with asyncio.timeout(10):
        while VALUE not in stream.getvalue():
            # The engine's thread lets go of the attempt some turns of its loop later.
            gc.collect()
            await asyncio.to_thread(log.info, f"with {VALUE}")


def test_a_run_context_does_not_show_its_secrets() -> None:
    shown = repr(RunContext({}, cast("Any", None), secrets={"TOKEN": VALUE}))
    assert VALUE not in shown
