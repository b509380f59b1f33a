"""Gives an attempt the secrets that its program reads. Where they are stored is not known here."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from milepost.graphs.context import RunContext
from milepost.graphs.executable import Executable
from milepost.graphs.secrecy import keeping
from milepost.graphs.veil import Veil


@dataclass(frozen=True, slots=True)
class Revealing:
    """How an engine gets at secrets: ``values`` gives those of a project's that there are, by name."""

    values: Callable[[str, Collection[str]], Awaitable[Mapping[str, str]]]
    on_veil: Callable[[Veil], None]
    """Is told what covers the secrets of an attempt that begins."""

    async def keeping(self, project_id: str, program: Executable, context: RunContext) -> RunContext:
        """The context with the secrets as they are now: a later attempt reads them anew."""
        if not program.secrets:
            return context
        kept = keeping(context, await self.values(project_id, program.secrets))
        if kept.veil is not None:
            self.on_veil(kept.veil)
        return kept
