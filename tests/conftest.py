"""Long forms of tests are marked ``slow`` and run only when asked for (-m slow). Servers are forked: see `spawning`.

Tests of what takes a bounded time are marked ``timed``, so that they can run with nothing beside them.
"""

import pytest
from hypothesis import settings

from tests.acceptance.process import ServerProcess
from tests.acceptance.spawning import forked


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, let servers start without importing everything again, and let examples take their time."""
    settings.register_profile("untimed", settings(), deadline=None)
    settings.load_profile("untimed")
    ServerProcess.spawn = staticmethod(forked)
    config.addinivalue_line("markers", "slow: the long form of a test; deselected unless -m names it")
    config.addinivalue_line("markers", "timed: holds the product to a number of seconds; wants a machine of its own")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long forms out of a run that does not ask for them."""
    if "slow" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
