"""A real store in a directory of its own, and a project with a workflow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost.server.store.database import Database
from milepost.server.store.rows import Project
from milepost.server.store.store import Store
from tests.api.seed import seed_project, seed_workflow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(Database(tmp_path / "milepost.db", "normal"))
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
async def project(store: Store) -> Project:
    return await seed_project(store)


@pytest.fixture
async def workflow_id(store: Store, project: Project) -> str:
    return await seed_workflow(store, project)
