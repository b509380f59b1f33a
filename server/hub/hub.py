"""Who watches what, and the way from the writer's thread to them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from milepost.server.errors import Unavailable
from milepost.server.hub.channel import Channel
from milepost.server.hub.subscription import ProjectSubscription, Subscription
from milepost.server.store.rows import Event
from milepost.server.store.store import Store
from milepost.server.store.writer import Commit


def _ignore(_: float) -> None:
    return None


class Hub:
    """Hands committed events to the subscriptions of their runs and projects.

    Everything but the commit listener and ``settle`` belongs to the loop that it is attached to.
    """

    def __init__(self, store: Store, queue_limit: int, observe_lag: Callable[[float], None] = _ignore) -> None:
        self._store = store
        self._limit = queue_limit
        self._observe_lag = observe_lag
        self._channels: dict[str, Channel] = {}
        self._projects: dict[str, set[ProjectSubscription]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve subscribers on ``loop`` and listen to the store's commits."""
        self._loop = loop
        self._store.on_commit(self._committed)

    @property
    def closed(self) -> bool:
        """The server stops."""
        return self._closed

    def subscribe(self, run_id: str, after: int) -> Subscription:
        """A run's events with ``seq > after``, to be entered with ``async with``. Whether there is such a run, and who
        may see it, was asked before."""
        return Subscription(self._store, run_id, after, self._enter_run, self._leave_run)

    def subscribe_project(self, project_id: str) -> ProjectSubscription:
        """The runs of a project that change from now on, to be entered with ``async with``."""
        return ProjectSubscription(
            self._limit, partial(self._enter_project, project_id), partial(self._leave_project, project_id)
        )

    async def wait_for(self, run_id: str, types: frozenset[str], timeout: float, *, after: int) -> Event | None:  # noqa: ASYNC109
        """The first event of one of these types with ``seq > after``, stored or still to come.

        Returns:
            None if ``timeout`` seconds pass without one.

        Raises:
            Unavailable: the server stops.
        """
        try:
            async with asyncio.timeout(timeout), self.subscribe(run_id, after) as subscription:
                while True:
                    for event in await subscription.next():
                        if event.type in types:
                            return event
        except TimeoutError:
            return None

    def settle(self, run_id: str) -> None:
        """Nothing of the run executes any more: viewers that saw it end may leave. Callable from any thread."""
        if run_id in self._channels:
            self._call_soon(self._settle, run_id)

    def close(self) -> None:
        """Fail every subscription with ``Unavailable``, and those that come later at once."""
        self._closed = True
        channels, projects = list(self._channels.values()), list(self._projects.values())
        for subscription in [viewer for channel in channels for viewer in channel.viewers]:
            subscription.fail(Unavailable())
        for project_subscription in [each for group in projects for each in group]:
            project_subscription.fail(Unavailable())

    def _committed(self, commit: Commit) -> None:
        """In the writer's thread: two look-ups an event where nobody watches, one wake-up of the loop otherwise."""
        channels, projects = self._channels, self._projects
        if not (commit.events and (channels or projects)):
            return
        watched = [event for event in commit.events if event.run_id in channels or event.project_id in projects]
        if watched:
            self._call_soon(self._deliver, watched)

    def _call_soon(self, callback: Callable[..., None], *arguments: Any) -> None:
        loop = self._loop
        if loop is None or self._closed:
            return
        # The loop may end between the check and the call: then nobody is left to be told.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback, *arguments)

    def _deliver(self, events: Sequence[Event]) -> None:
        runs: dict[str, list[Event]] = {}
        for event in events:
            runs.setdefault(event.run_id, []).append(event)
        for run_id, news in runs.items():
            if (channel := self._channels.get(run_id)) is not None:
                channel.append(news)
            for subscription in self._projects.get(news[0].project_id, ()):
                subscription.changed(run_id)

    def _settle(self, run_id: str) -> None:
        if (channel := self._channels.get(run_id)) is not None:
            channel.settle()

    def _enter_run(self, subscription: Subscription) -> Channel:
        channel = self._channels.get(subscription.run_id)
        if channel is None:
            channel = self._channels[subscription.run_id] = Channel(self._limit, self._observe_lag)
        channel.viewers.add(subscription)
        self._refuse_if_closed(subscription)
        return channel

    def _leave_run(self, subscription: Subscription) -> None:
        channel = self._channels[subscription.run_id]
        channel.viewers.discard(subscription)
        if not channel.viewers:
            channel.close()
            del self._channels[subscription.run_id]

    def _enter_project(self, project_id: str, subscription: ProjectSubscription) -> None:
        self._projects.setdefault(project_id, set()).add(subscription)
        self._refuse_if_closed(subscription)

    def _leave_project(self, project_id: str, subscription: ProjectSubscription) -> None:
        group = self._projects[project_id]
        group.discard(subscription)
        if not group:
            del self._projects[project_id]

    def _refuse_if_closed(self, subscription: Subscription | ProjectSubscription) -> None:
        if self._closed:
            subscription.fail(Unavailable())
