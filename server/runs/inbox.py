"""The inbox of a project: what its runs ask people."""

from milepost.server.runs.cursors import make_cursor, read_cursor
from milepost.server.runs.summaries import Json, asked_json
from milepost.server.store.rows import Asked, OpenInterrupt, Project
from milepost.server.store.store import Store


class Inbox:
    """Reads open questions. Answers go to the runs that ask."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, project: Project, assignee: str | None, limit: int, cursor: str | None) -> Json:
        """A page of the open questions, those asked first first.

        Args:
            project: whose runs ask.
            assignee: only what names them, or nobody.
            limit: how many at most.
            cursor: of the page before.

        Raises:
            BadRequest: the cursor is not one of this list's.
        """
        after = read_cursor(cursor, int, str, str) if cursor else [0, "", ""]
        rows = await self._store.fetch(
            "inbox",
            project_id=project.project_id,
            assignee=assignee,
            now=self._store.clock(),
            limit=limit + 1,
            **dict(zip(("created_at", "run_id", "interrupt_id"), after, strict=True)),
        )
        asked = [Asked(row[0], OpenInterrupt(*row[1:15]), *row[15:]) for row in rows]
        last = asked[limit - 1] if len(asked) > limit else None
        mark = make_cursor(last.question.created_at, last.run_id, last.question.interrupt_id) if last else None
        return {"items": [asked_json(one) for one in asked[:limit]], "next_cursor": mark}
