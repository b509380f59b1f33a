"""What the server measures about itself, in Prometheus' terms, with no global registry. docs/api.md lists it all."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from milepost.server.store.writer import Commit

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
_UNITS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """Measurements of one server. The methods are cheap and callable from any thread."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._runs = Gauge("milepost_runs", "Runs by status.", ["status"], registry=registry)
        self._queue_depth = Gauge("milepost_queue_depth", "Runs that wait for a slot.", registry=registry)
        self._queue_wait = Histogram(
            "milepost_queue_wait_seconds", "From queued to started.", buckets=_SECONDS, registry=registry
        )
        self._commit_units = Histogram(
            "milepost_commit_units", "Units of work in one commit.", buckets=_UNITS, registry=registry
        )
        self._commit_seconds = Histogram(
            "milepost_commit_seconds", "Duration of one commit.", buckets=_SECONDS, registry=registry
        )
        self._events = Counter("milepost_events", "Events stored.", registry=registry)
        self._loop_lag = Gauge(
            "milepost_loop_lag_seconds", "How late an event loop was at its last check.", ["loop"], registry=registry
        )
        self._loop_lag_seen = Histogram(
            "milepost_loop_lag_seen_seconds",
            "How late an event loop was.",
            ["loop"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._sockets = Gauge("milepost_open_sockets", "WebSockets and event streams.", registry=registry)
        self._dropped = Counter("milepost_viewers_dropped", "Viewers that read too slowly.", registry=registry)
        self._event_lag = Histogram(
            "milepost_event_lag_seconds",
            "From an event's time to its hand-over to live viewers.",
            buckets=_SECONDS,
            registry=registry,
        )

    def commit(self, commit: Commit) -> None:
        """A transaction of the writer."""
        self._commit_units.observe(commit.units)
        self._commit_seconds.observe(commit.seconds)
        if commit.events:
            self._events.inc(len(commit.events))

    def queue_wait(self, seconds: float) -> None:
        """A run was claimed after ``seconds`` in the queue."""
        self._queue_wait.observe(seconds)

    def loop_lag(self, name: str, seconds: float) -> None:
        """The event loop ``name`` was ``seconds`` late."""
        self._loop_lag.labels(name).set(seconds)
        self._loop_lag_seen.labels(name).observe(seconds)

    def socket(self, change: int) -> None:
        """A viewer came (1) or left (-1)."""
        self._sockets.inc(change)

    def viewer_dropped(self) -> None:
        """A viewer read too slowly."""
        self._dropped.inc()

    def event_lag(self, seconds: float) -> None:
        """A batch of live events was handed over ``seconds`` after the time of its oldest."""
        self._event_lag.observe(seconds)

    def render(self, runs: Mapping[str, int]) -> bytes:
        """Everything in Prometheus' text format; ``runs`` are the counts by status as they are now."""
        for status, count in runs.items():
            self._runs.labels(status).set(count)
        self._queue_depth.set(runs.get("QUEUED", 0))
        return generate_latest(self._registry)
