"""The notifications of a project: what its runs tell people."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from milepost.checkpoints.unit import Statement
from milepost.server.runs.cursors import LAST, make_cursor, read_cursor
from milepost.server.runs.summaries import Json, notification_json
from milepost.server.store.rows import Notification, Project
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Returned, Returning, Unit

BATCH = 1_000
"""Notifications that one unit marks as read."""


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Which notifications: those that nobody has read, and those of one recipient (None: of anybody)."""

    unread: bool = False
    recipient: str | None = None


_STATEMENTS = {
    (False, False): "list_notifications",
    (False, True): "list_notifications_to",
    (True, False): "unread_notifications",
    (True, True): "unread_notifications_to",
}
"""By whether only unread ones are wanted, and only one person's: each reads an index of its own."""


class Notifications:
    """Lists notifications and notes that they were read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, project: Project, chosen: NotificationFilter, limit: int, cursor: str | None) -> Json:
        """A page of them, newest first.

        Raises:
            BadRequest: the cursor is not one of this list's.
        """
        created_at, notification_id = read_cursor(cursor, int, str) if cursor else LAST
        rows = await self._store.fetch(
            _STATEMENTS[chosen.unread, chosen.recipient is not None],
            project_id=project.project_id,
            recipient=chosen.recipient,
            created_at=created_at,
            notification_id=notification_id,
            limit=limit + 1,
        )
        found = [Notification(*row) for row in rows]
        last = found[limit - 1] if len(found) > limit else None
        mark = make_cursor(last.created_at, last.notification_id) if last else None
        return {"items": [notification_json(row) for row in found[:limit]], "next_cursor": mark}

    async def read(self, project: Project, ids: Sequence[str]) -> int:
        """These were read; how many of them were not before."""
        ids_json = orjson.dumps(list(ids)).decode()
        return await self._changed(
            statement("read_notifications", project_id=project.project_id, ids=ids_json, now=self._store.clock())
        )

    async def read_all(self, project: Project, recipient: str | None) -> int:
        """All of one recipient (None: of everybody) were read; how many were not before."""
        asked = {"project_id": project.project_id, "recipient": recipient, "now": self._store.clock()}
        name = "read_all_notifications" if recipient is None else "read_all_notifications_to"
        total, last = 0, BATCH
        while last == BATCH:
            last = await self._changed(statement(name, limit=BATCH, **asked))
            total += last
        return total

    async def _changed(self, change: Statement) -> int:
        returned = Returned()
        await self._store.commit(Unit([Returning(change, returned)]))
        return len(returned.rows)
