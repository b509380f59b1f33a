"""Projects: found by id or slug, listed, made. Nothing of what they hold."""

from typing import Any

from uuid_utils import uuid7

from milepost.server.access.keys import Identity
from milepost.server.errors import Forbidden, GuardFailed, NotFound, SlugTaken
from milepost.server.runs.cursors import make_cursor, read_cursor
from milepost.server.runs.summaries import project_json
from milepost.server.store.rows import Project
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

TTL_MS = 3_000

_KEPT = 1_000


class Projects:
    """The server's projects."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[int, Project]] = {}

    async def open(self, actor: Identity, ref: str) -> Project:
        """A project by id or slug.

        Raises:
            NotFound: there is none, or the actor may not see it.
        """
        project = await self._find(ref)
        if not actor.sees(project.project_id):
            raise NotFound(f"there is no project {ref}")
        return project

    async def _find(self, ref: str) -> Project:
        now = self._store.clock()
        known = self._known.get(ref)
        if known is not None and 0 <= now - known[0] < TTL_MS:
            return known[1]
        project = await self._store.project(ref)
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[ref] = (now, project)
        return project

    async def list(self, actor: Identity, limit: int, cursor: str | None) -> dict[str, Any]:
        """A page of the projects that the actor sees, by slug."""
        after = read_cursor(cursor, str)[0] if cursor else None
        rows = await self._store.fetch("list_projects", project_id=actor.project_id, after=after, limit=limit + 1)
        projects = [Project(*row) for row in rows]
        more = len(projects) > limit
        return {
            "items": [project_json(project) for project in projects[:limit]],
            "next_cursor": make_cursor(projects[limit - 1].slug) if more else None,
        }

    async def create(self, actor: Identity, slug: str, name: str) -> Project:
        """A new project.

        Raises:
            Forbidden: the actor is not the owner.
            SlugTaken: another project has the slug.
        """
        if not actor.owner:
            raise Forbidden("only the owner's key may make projects")
        project = Project(str(uuid7()), slug, name, self._store.clock())
        made = statement(
            "insert_project", 1, project_id=project.project_id, slug=slug, name=name, now=project.created_at
        )
        try:
            await self._store.commit(Unit([made]))
        except GuardFailed as error:
            raise SlugTaken(f"there is a project {slug}") from error
        return project
