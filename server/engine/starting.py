"""Runs whose claim is on its way: who reads the row may act on an attempt before the engine has heard of it."""

import threading
from collections import Counter
from collections.abc import Callable

from milepost.server.engine.segment import Segment

Order = Callable[[Segment], None]


class Starting:
    """Keeps what such an attempt is told until it begins. Counted under a lock, because the API claims as well."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: Counter[str] = Counter()
        self._orders: dict[str, list[Order]] = {}

    def claim(self, run_id: str) -> None:
        """The claim of a run will be submitted."""
        with self._lock:
            self._claims[run_id] += 1

    def tell(self, run_id: str, order: Order) -> None:
        """Carry ``order`` out once an attempt of the run begins, if a claim of it is on its way."""
        with self._lock:
            if run_id in self._claims:
                self._orders.setdefault(run_id, []).append(order)

    def over(self, run_id: str) -> list[Order]:
        """The claim has failed, or its attempt begins: then it is to carry out what it was told."""
        with self._lock:
            self._claims[run_id] -= 1
            if self._claims[run_id] <= 0:
                del self._claims[run_id]
            return self._orders.pop(run_id, [])
