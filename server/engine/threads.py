"""Where synchronous nodes run: daemon threads, so that a stuck one holds neither the process nor the loop."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Call = tuple[Future[Any], Callable[[], Any]]


class NodeThreads(Executor):
    """At most ``limit`` threads, started when they are needed. They end with the process.

    ``concurrent.futures.ThreadPoolExecutor`` joins its threads at exit: a node that never returns would hold it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0
        self._queued = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` in a thread as soon as one is free."""
        future: Future[T] = Future()
        with self._lock:
            self._queued += 1
            start = self._queued > self._idle and self._threads < self._limit
            if start:
                self._threads += 1
                self._idle += 1
        self._calls.put((future, lambda: fn(*args, **kwargs)))
        if start:
            threading.Thread(target=self._work, name="milepost-node", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let idle threads end. Busy ones are left to the process's end, whatever ``wait`` says."""
        with self._lock:
            for _ in range(self._threads):
                self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            with self._lock:
                self._idle -= 1
                self._queued -= 1
            future, function = call
            if future.set_running_or_notify_cancel():
                try:
                    result = function()
                except BaseException as error:  # noqa: BLE001 - a thread's end: the caller gets it
                    future.set_exception(error)
                else:
                    future.set_result(result)
            del call, future, function
            with self._lock:
                self._idle += 1
