"""Who watches what, and the way from the writer's thread to them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from milepost.server.errors import NotFound, Unavailable
from milepost.server.hub.channel import Channel
from milepost.server.hub.subscription import ProjectSubscription, Subscription
from milepost.server.store.rows import Event
from milepost.server.store.store import Store
from milepost.server.store.writer import Commit

PAGE = 500


def _ignore(_: float) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Waiter:
    """Waits for one event of some types: cheaper than a subscription, which takes them all."""

    types: frozenset[str]
    after: int
    found: "asyncio.Future[Event]"

    async def within(self, seconds: float) -> Event | None:
        """The event, or None if it does not come within ``seconds``.

        Raises:
            Unavailable: the server stops.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self.found
        except TimeoutError:
            return None

    def look(self, events: Sequence[Event]) -> None:
        """Take the first event that is waited for."""
        if not self.found.done():
            wanted = (event for event in events if event.seq > self.after and event.type in self.types)
            if (event := next(wanted, None)) is not None:
                self.found.set_result(event)


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
        self._waiters: dict[str, list[Waiter]] = {}
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
        with self.expecting(run_id, types, after) as waiter:
            # Interest came first: what is committed while the store is read resolves the waiter as well.
            return await self._stored(run_id, types, after) or await waiter.within(timeout)

    @contextmanager
    def expecting(self, run_id: str, types: frozenset[str], after: int = 0) -> Iterator[Waiter]:
        """A waiter for an event that is not committed yet: it sees what is committed from here on.

        Raises:
            Unavailable: the server stops.
        """
        if self._closed:
            raise Unavailable
        waiter = Waiter(types, after, asyncio.get_running_loop().create_future())
        waiters = self._waiters.setdefault(run_id, [])
        waiters.append(waiter)
        try:
            yield waiter
        finally:
            waiter.found.cancel()
            waiters.remove(waiter)
            if not waiters:
                del self._waiters[run_id]

    async def _stored(self, run_id: str, types: frozenset[str], after: int) -> Event | None:
        while events := await self._store.events(run_id, after, PAGE):
            for event in events:
                if event.type in types:
                    return event
            after = events[-1].seq
            if len(events) < PAGE:
                break
        return None

    def settle(self, run_id: str) -> None:
        """Nothing of the run executes any more: viewers that saw it end may leave. Callable from any thread."""
        if run_id in self._channels:
            self._call_soon(self._settle, run_id)

    def deleted(self, run_id: str) -> None:
        """There is no such run any more: its viewers are told. On the hub's loop."""
        if (channel := self._channels.get(run_id)) is not None:
            for viewer in tuple(channel.viewers):
                viewer.fail(NotFound(f"run {run_id} was deleted"))

    def close(self) -> None:
        """Fail every subscription with ``Unavailable``, and those that come later at once."""
        self._closed = True
        channels, projects = list(self._channels.values()), list(self._projects.values())
        for subscription in [viewer for channel in channels for viewer in channel.viewers]:
            subscription.fail(Unavailable())
        for project_subscription in [each for group in projects for each in group]:
            project_subscription.fail(Unavailable())
        for waiter in [each for waiters in self._waiters.values() for each in waiters]:
            if not waiter.found.done():
                waiter.found.set_exception(Unavailable())

    def _committed(self, commit: Commit) -> None:
        """In the writer's thread: a few look-ups an event where nobody watches, one wake-up of the loop otherwise."""
        if not (commit.events and (self._channels or self._projects or self._waiters)):
            return
        watched = [event for event in commit.events if self._watched(event)]
        if watched:
            self._call_soon(self._deliver, watched)

    def _watched(self, event: Event) -> bool:
        if event.run_id in self._channels or event.project_id in self._projects:
            return True
        return any(event.type in waiter.types for waiter in tuple(self._waiters.get(event.run_id, ())))

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
            for waiter in self._waiters.get(run_id, ()):
                waiter.look(news)
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
