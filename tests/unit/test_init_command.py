"""`milepost init`: a directory to begin in."""

from pathlib import Path

import pytest

from milepost.graphs.examples import example_files, examples
from milepost.server.cli import main


def left(*arguments: str) -> object:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    return exit_.value.code


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_every_example_is_written_and_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert left("init", str(tmp_path / "new" / "flows")) == 0
    made = tmp_path / "new" / "flows"
    assert names(made) == {"README.md", ".gitignore", *(f"{name}.json" for name in example_files())}
    assert "research_brief.json" in capsys.readouterr().out
    assert left("validate", *(str(path) for path in made.glob("*.json"))) == 0
    assert (made / ".gitignore").read_text().splitlines()[-1] == "data/"
    readme = (made / "README.md").read_text()
    assert readme.startswith("# flows\n")
    assert all(f"[{name}.json]({name}.json)" in readme for name in example_files())


def test_chosen_examples_are_written(tmp_path: Path) -> None:
    assert left("init", str(tmp_path), "--example", "remind_me", "--example", "approval_chain") == 0
    assert names(tmp_path) == {"README.md", ".gitignore", "remind_me.json", "approval_chain.json"}
    assert "milepost run remind_me.json" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize("there", ["README.md", ".gitignore", "remind_me.json"])
def test_nothing_is_overwritten(tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / there).write_text("mine")
    assert left("init", str(tmp_path)) == 2
    assert names(tmp_path) == {there}
    assert (tmp_path / there).read_text() == "mine"
    assert f"has {there} already" in capsys.readouterr().err


def test_mistakes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert left("init", str(tmp_path), "--example", "nonsense") == 2
    assert "there is no example nonsense; there are research_brief, " in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert left("init", str(tmp_path / "file")) == 2
    assert names(tmp_path) == {"file"}


def test_the_examples_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert left("init", str(tmp_path), "--list") == 0
    assert names(tmp_path) == set()
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == list(example_files())


def test_the_examples_stand_in_their_order() -> None:
    assert [each["name"] for each in examples()][:2] == ["Research brief", "Polish until good"]
    assert list(example_files())[-1] == "retry_heavy_integration"
    assert all(each["description"].endswith(".") for each in examples())
