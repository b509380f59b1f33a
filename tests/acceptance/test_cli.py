"""The command line as a person uses it: real processes, real files, real signals."""

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from milepost import Milepost
from milepost.server.cli import main

COMMAND = [sys.executable, "-m", "milepost"]
TIMEOUT = 60
ROOT = Path(__file__).parents[2]
TYPES = ROOT / "web/node_modules/.bin/openapi-typescript"

CHAIN = {
    "steps": [{"id": "shout", "type": "process", "config": {"operation": "uppercase", "value": "{{ input.word }}"}}]
}
SLOW = {"steps": [{"id": "sleep", "type": "wait", "config": {"seconds": 5}}, {"id": "after", "type": "process"}]}


def environment() -> dict[str, str]:
    """Ours without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
    return kept | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


def milepost(
    *arguments: str, cwd: Path | None = None, given: str = "", **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, with ``given`` on its standard input."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environment() | more,
        cwd=cwd,
        input=given,
        check=False,
    )


class Served:
    """`milepost serve` in a process, started; ``banner`` is what it printed on stdout until it was ready."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.log = data.with_name("stderr.log")
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--data", str(data), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
                stdin=subprocess.DEVNULL,
            )
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Ctrl-C stops" in line:
                break
        self.banner = "".join(lines)
        assert self.process.poll() is None, self.log.read_text()
        found = re.search(r"http://[\d.]+:(\d+)", self.banner)
        assert found is not None
        self.url, self.port = found[0], found[1]

    def line(self, start: str) -> str:
        """The line of the banner that starts so."""
        return next(line.strip() for line in self.banner.splitlines() if line.strip().startswith(start))

    def start_run(self) -> str:
        """Paste the banner's call into a shell, and give the run's id."""
        done = subprocess.run(["/bin/sh", "-c", self.line("curl ")], capture_output=True, text=True, check=True)
        body: dict[str, Any] = json.loads(done.stdout)
        assert body["status"] == "RUNNING", body
        return str(body["run_id"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)

    def stop(self, number: int) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(TIMEOUT)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests that only ask it."""
    with Served(tmp_path_factory.mktemp("served") / "data", "--port", "0") as server:
        yield server


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a mistake is answered with, after the name of the program."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    shown = capsys.readouterr()
    assert left.value.code == 2, shown
    assert shown.out == ""
    assert shown.err.startswith("milepost: ")
    assert shown.err.count("\n") == 1, shown.err
    return shown.err.removeprefix("milepost: ").strip()


def accepted(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command that succeeds shows: ``out`` and ``err``."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    shown = capsys.readouterr()
    assert left.value.code == 0, shown
    return shown


def write(path: Path, value: Any) -> str:
    """A file of JSON; its name."""
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
    return str(path)


def test_the_printed_call_starts_a_run_and_the_printed_command_watches_it(served: Served) -> None:
    assert (served.data / "owner.key").read_text().strip() not in served.banner
    run_id = served.start_run()
    shown = next(line.strip() for line in served.banner.splitlines() if "milepost watch RUN_ID" in line)
    done = subprocess.run(
        ["/bin/sh", "-c", shown.replace("RUN_ID", run_id)],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    assert "run completed" in done.stderr
    assert done.stdout == ""


@pytest.fixture(scope="module")
def pages(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    """The shell blocks of pages, all started at once in a directory with the data directory of ``served``."""
    place = tmp_path_factory.mktemp("pages")
    (place / "data").symlink_to(served.data)
    (reply,) = fenced("README.md", "json")
    (place / "reply.json").write_text(reply, encoding="utf-8")
    (place / "graphs").symlink_to(ROOT / "graphs")
    started = {page: paste(page, served, place) for page in ("README.md", "docs/quickstart.md")}
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def fenced(page: str, language: str) -> list[str]:
    """The code blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def paste(page: str, served: Served, place: Path) -> "subprocess.Popen[str]":
    """A shell with what a reader of the page pastes, but for the lines that start or kill the server."""
    lines = "".join(fenced(page, "sh")).replace("http://127.0.0.1:8000", served.url).splitlines()
    script = "\n".join(line for line in lines if not line.startswith(("make ", "kill ")))
    script = script.replace(".venv/bin/milepost", shlex.join(COMMAND))
    variables = environment() | {"MILEPOST_URL": served.url, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        ["/bin/sh", "-eu", "-c", script],
        cwd=place,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_the_calls_of_the_readme_work_as_pasted(pages: dict[str, "subprocess.Popen[str]"]) -> None:
    out, err = pages["README.md"].communicate(timeout=TIMEOUT)
    assert pages["README.md"].returncode == 0, err
    assert '"status":"PAUSED"' in out
    assert "event: run.resumed" in out
    assert "event: run.completed" in out
    assert out.splitlines()[-1] == "{'reply': 'Sorry that you are upset about billing.', 'refunded': True}"


def test_the_calls_of_the_quick_start_work_as_pasted(pages: dict[str, "subprocess.Popen[str]"]) -> None:
    out, err = pages["docs/quickstart.md"].communicate(timeout=TIMEOUT)
    assert pages["docs/quickstart.md"].returncode == 0, err
    assert "run completed" in err
    assert len(re.findall(r'"run_id":"[^"]+","status":"COMPLETED"', out)) == 3
    assert '"code":' not in out
    assert '"path":"each/0","question":"Publish tides?"' in out
    assert '"message":"Event accepted"' in out
    assert '"status":"CANCELLED"' in out


def test_watch_tells_what_is_wrong(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "01a1fbe8-f8c1-7272-b423-856c9fe94f8c"
    data = ("--data", str(served.data))
    assert "no such run" in refused(capsys, "watch", nowhere, "--url", served.url, *data)
    assert "does not accept this key" in refused(capsys, "watch", nowhere, "--url", served.url, "--key", "wrong")
    assert "cannot reach" in refused(capsys, "watch", nowhere, "--url", "http://127.0.0.1:9", *data)
    assert "--url must look like" in refused(capsys, "watch", nowhere, "--url", "here", *data)
    assert "no key" in refused(capsys, "watch", nowhere, "--data", str(served.data / "none"))


def test_keys_are_made_and_revoked_while_the_server_runs(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    there = ("--data", str(served.data), "--url", served.url)
    made = accepted(capsys, "key", "create", "build machine", *there)
    secret, key_id = made.out.strip(), made.err.split()[1].rstrip(";")
    projects = f"{served.url}/api/projects"
    assert httpx.get(projects, headers={"X-API-Key": secret}).status_code == 200
    assert f"{key_id}  valid" in accepted(capsys, "key", "list", *there).out
    accepted(capsys, "key", "revoke", key_id, *there)
    assert f"{key_id}  revoked" in accepted(capsys, "key", "list", *there).out
    assert httpx.get(projects, headers={"X-API-Key": secret}).status_code == 401
    assert "404" in refused(capsys, "key", "revoke", "01a1fbe8-f8c1-7272-b423-856c9fe94f8c", *there)
    elsewhere = refused(capsys, "key", "list", "--data", str(served.data), "--url", "http://127.0.0.1:9")
    assert "say with --url where it listens" in elsewhere


def test_a_second_server_is_refused_and_so_is_a_taken_port(served: Served, tmp_path: Path) -> None:
    asked = [
        ["--port", "0", "--data", str(served.data)],
        ["--port", served.port, "--data", str(tmp_path / "data")],
    ]
    both = [
        subprocess.Popen([*COMMAND, "serve", *options], stderr=subprocess.PIPE, text=True, env=environment())
        for options in asked
    ]
    same_data, same_port = (process.communicate(timeout=TIMEOUT)[1] for process in both)
    assert "in use by another Milepost server" in same_data
    assert f"cannot listen on 127.0.0.1:{served.port}: it is taken" in same_port
    assert [process.returncode for process in both] == [2, 2]


def test_watch_comes_back_where_it_was_after_a_crash_of_the_server(tmp_path: Path) -> None:
    data, lines = tmp_path / "data", []
    with Served(data, "--port", "0") as server:
        run_id = server.start_run()
        watching = [*COMMAND, "watch", run_id, "--url", server.url, "--data", str(data)]
        watch = subprocess.Popen(watching, stderr=subprocess.PIPE, text=True, env=environment())
        assert watch.stderr is not None
        for line in watch.stderr:
            lines.append(line)
            if "facts started" in line:
                break
        server.stop(signal.SIGKILL)
    with watch, Served(data, "--port", server.port) as again:
        lines += watch.stderr
        assert watch.wait(TIMEOUT) == 0
        assert again.stop(signal.SIGTERM) == 0
    told = [line.split("  ", 1)[-1].strip() for line in lines]
    assert any(line.startswith("connection lost after event") for line in told)
    for once in ("run created", "run recovered", "run completed"):
        assert told.count(once) == 1, told
    log = [json.loads(line) for line in again.log.read_text().splitlines()]
    assert log[-1]["event"] == "stopped"
    assert (data / "owner.key").read_text().strip() not in again.log.read_text()


async def test_keys_of_a_stopped_server_are_managed_in_its_directory(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    async with Milepost(data=tmp_path / "data"):
        pass
    assert milepost("key", "create", "ci", *data).stdout.startswith("mp_")
    assert milepost("key", "list", *data).stdout.endswith("  ci\n")
    elsewhere = milepost("key", "list", "--data", str(tmp_path / "other"))
    assert elsewhere.returncode == 2
    assert "no data directory" in elsewhere.stderr


def test_secrets_are_set_listed_and_deleted_while_the_server_runs(served: Served) -> None:
    there = ("--data", str(served.data), "--url", served.url)
    done = milepost("secret", "set", "FROM_PIPE", *there, given="a-piped-value\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "secret FROM_PIPE is set\n")
    listed = milepost("secret", "list", *there)
    assert re.fullmatch(r"\S+Z  FROM_PIPE\n", listed.stdout), listed
    assert milepost("secret", "delete", "FROM_PIPE", *there).stderr == "secret FROM_PIPE is deleted\n"
    assert milepost("secret", "list", *there).stdout == ""
    for arguments, given in ((("delete", "FROM_PIPE"), ""), (("set", "A"), "tiny"), (("set", "1"), "a-piped-value")):
        wrong = milepost("secret", *arguments, *there, given=given)
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert not given or given not in wrong.stderr
    assert "secret set" in served.log.read_text()
    assert "a-piped-value" not in served.log.read_text()


async def test_secrets_of_a_stopped_server_are_managed_in_its_directory(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    asks = {"steps": [{"id": "a", "type": "ai", "config": {"model": "echo", "prompt": "{{ secrets.TOKEN }}!"}}]}
    async with Milepost(data=tmp_path / "data") as m:
        await m.set_secret("OTHER", "set-from-python")
        assert await m.secret_names() == ["OTHER"]
    done = milepost("secret", "set", "TOKEN", *data, given="line one\nline two\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "secret TOKEN is set\n")
    assert [line.split()[1] for line in milepost("secret", "list", *data).stdout.splitlines()] == ["OTHER", "TOKEN"]
    ran = milepost("run", write(tmp_path / "asks.json", asks), *data)
    assert json.loads(ran.stdout)["text"] == "•••!"
    assert "line two" not in ran.stdout + ran.stderr
    wrong = milepost("secret", "set", "MORE", *data, given="another-value", MILEPOST_SECRET_KEY="w" * 40)
    assert (wrong.returncode, "stored with" in wrong.stderr) == (2, True)
    # What nobody can read any more can be deleted.
    (tmp_path / "data/secret.key").unlink()
    lost = milepost("serve", "--port", "0", *data)
    assert (lost.returncode, "secret.key, is missing" in lost.stderr) == (2, True)
    for name in ("TOKEN", "OTHER"):
        assert milepost("secret", "delete", name, *data).returncode == 0
    async with Milepost(data=tmp_path / "data") as m:
        assert await m.secret_names() == []


def test_run_prints_the_output_as_json_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"word": "quiet"}')
    done = milepost("run", write(tmp_path / "chain.json", CHAIN), "--input", f"@{tmp_path}/input.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"value": "QUIET"}
    assert "shout completed" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain.json", "input.json"]


def test_run_exits_1_when_the_run_fails(tmp_path: Path) -> None:
    failing = {"steps": [{"id": "boom", "type": "process", "config": {"value": "{{ input.absent }}"}}]}
    done = milepost("run", write(tmp_path / "failing.json", failing))
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "run failed" in done.stderr
    assert "absent" in done.stderr
    assert "Traceback" not in done.stderr


ASK = {"steps": [{"id": "ask", "type": "approval", "config": {"question": "Publish?"}}]}


def test_run_says_what_is_asked_and_leaves_it_to_a_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = milepost("run", write(tmp_path / "ask.json", ASK), "--data", str(data))
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "run waiting for an answer: ask: Publish?" in done.stderr
    assert f"`milepost serve --data {data}` can give it" in done.stderr
    with Served(data, "--port", "0") as server:
        headers = {"X-API-Key": (data / "owner.key").read_text().strip()}
        with httpx.Client(base_url=f"{server.url}/api/projects/default", headers=headers) as client:
            (asked,) = client.get("/inbox").json()["items"]
            run = f"/workflows/runs/{asked['run_id']}"
            assert client.post(f"{run}/resume", json={"answer": True}).status_code == 202
            assert client.get(f"{run}/status", params={"wait": 30}).json()["status"] == "COMPLETED"


def test_run_takes_a_priority_a_time_and_a_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, chain = str(tmp_path / "data"), write(tmp_path / "chain.json", CHAIN)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    options = ("--data", data, "--input", '{"word": "a"}', "--priority", "7", "--start-at", soon.isoformat())
    done = milepost("run", chain, *options)
    assert done.returncode == 0, done.stderr
    assert datetime.now(UTC) >= soon

    with closing(sqlite3.connect(tmp_path / "data" / "milepost.db")) as database:
        ((workflow_id, *kept),) = database.execute("SELECT workflow_id, priority, start_at FROM workflow_runs")
    assert kept == [7, int(soon.timestamp() * 1000)]
    assert "version 2 of workflow" in refused(capsys, "run", workflow_id, "--data", data, "--version", "2")
    assert "--start-at: 'soon' is not" in refused(capsys, "run", chain, "--start-at", "soon")


def test_ctrl_c_cancels_the_run_and_exits_130(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "run", write(tmp_path / "slow.json", SLOW)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as running:
        assert running.stderr is not None
        assert running.stdout is not None
        next(line for line in running.stderr if "sleep started" in line)
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
        assert running.wait(TIMEOUT) == 130
        assert "run cancelled" in rest
        assert "after started" not in rest
        assert "Traceback" not in rest
        assert running.stdout.read() == ""


def test_validate_prints_every_problem_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(
        '{\n  "steps": [\n    {"id": "a", "type": "nonsense"},\n    {"id": "a b", "type": "process"}\n  ]\n}\n'
    )
    with pytest.raises(SystemExit) as left:
        main(["validate", write(tmp_path / "chain.json", CHAIN), str(broken)])
    shown = capsys.readouterr()
    assert left.value.code == 1
    assert shown.out == f"{tmp_path}/chain.json: valid\n"
    lines = shown.err.splitlines()
    assert any(line.startswith(f"{broken}:3: steps[0].type: ") for line in lines), lines
    assert any(line.startswith(f"{broken}:4: steps[1].id: ") for line in lines), lines


def test_validate_says_where_the_syntax_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("steps:\n  - id: [a\n")
    with pytest.raises(SystemExit) as left:
        main(["validate", str(broken)])
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith(f"{broken}:")


def test_mistakes_are_answered_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain = write(tmp_path / "chain.json", CHAIN)
    assert "No such command" in refused(capsys, "start")
    assert "--colour" in refused(capsys, "version", "--colour")
    assert "not a list" in refused(capsys, "run", write(tmp_path / "list.json", [1]))
    assert "there is no file absent.json" in refused(capsys, "run", "absent.json")
    assert "--input is not JSON" in refused(capsys, "run", chain, "--input", "{")
    assert "must be a JSON object" in refused(capsys, "run", chain, "--input", "[1]")
    assert "absent.json" in refused(capsys, "run", chain, "--input", "@absent.json")
    assert "needs --data" in refused(capsys, "run", "01a1fbe8-f8c1-7272-b423-856c9fe94f8c")
    assert "MILEPOST_PORT" in refused(capsys, "serve", "--port", "seventy")
    assert "MILEPOST_LOG_LEVEL" in refused(capsys, "serve", "--log-level", "loud")


def test_a_setting_may_come_from_the_environment(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("MILEPOST_SYNC_THREADS", "none")
    assert "MILEPOST_SYNC_THREADS" in refused(capsys, "serve")


def test_openapi_writes_the_document_that_the_server_shows(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    assert milepost("openapi", str(file), cwd=tmp_path).returncode == 0
    shown = httpx.get(f"{served.url}/openapi.json").json()
    assert json.loads(file.read_text(encoding="utf-8")) == shown
    assert [each.name for each in tmp_path.iterdir()] == ["openapi.json"]
    refused = milepost("openapi", str(tmp_path))
    assert (refused.returncode, refused.stderr) == (2, f"milepost: cannot write {tmp_path}: Is a directory\n")


@pytest.mark.skipif(not TYPES.exists(), reason="the viewer's packages are not installed")
def test_the_types_of_the_viewer_are_those_of_the_document() -> None:
    schemas = milepost("openapi", "--schemas").stdout
    arguments = ["npm", "--prefix", "web", "run", "--silent", "types", "--", "--check"]
    checked = subprocess.run(arguments, cwd=ROOT, input=schemas, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"{checked.stderr}: run `make web-types`"
