"""How often somebody may try a wrong key at the sign-in page."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from milepost.server.errors import TooManyAttempts

MOST = 10
"""Wrong keys of one address in a window."""

WINDOW_MS = 60_000

_KEPT = 10_000


class Attempts:
    """Failed sign-ins by address, in memory: a key has 256 random bits, so that this saves work and not the key."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._failed: dict[str, list[int]] = {}

    def check(self, address: str) -> None:
        """Refuse an address that has failed too often.

        Raises:
            TooManyAttempts: ``retry_after_seconds`` says when it may try again.
        """
        now = self._clock()
        recent = [moment for moment in self._failed.get(_network(address), ()) if 0 <= now - moment < WINDOW_MS]
        if len(recent) >= MOST:
            wait = -(-(recent[0] + WINDOW_MS - now) // 1000)
            raise TooManyAttempts(f"too many wrong keys: try again in {wait} s", retry_after_seconds=wait)

    def failed(self, address: str) -> None:
        """Count a wrong key."""
        if len(self._failed) >= _KEPT:
            self._failed.clear()
        self._failed[_network(address)] = [*self._failed.get(_network(address), ()), self._clock()][-MOST:]


def _network(address: str) -> str:
    """Whom an address belongs to: of IPv6 everybody has a whole /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else address
