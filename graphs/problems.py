"""What can be wrong with a definition, as data. The checks themselves stand beside what they check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (or, as a warning, doubtful) and where it stands, like `nodes[2].config.url`."""

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message} [{self.code}]" if self.path else f"{self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that validation found. Only errors keep a definition from being compiled."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    """The secrets that it reads, each with a path that does."""

    @property
    def valid(self) -> bool:
        """True when the definition compiles."""
        return not self.errors


class InvalidDefinition(ValueError):
    """A definition, or an edit of a run's state, that does not hold. `problems` has every reason, not the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems[:5]))


def step_into(path: str, key: str | int) -> str:
    """The path of `key` inside `path`: `nodes` + 2 is `nodes[2]`, `nodes[2]` + `id` is `nodes[2].id`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key
