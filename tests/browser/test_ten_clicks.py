"""A person who has never seen the page mends a run in ten clicks at most: those that docs/viewer.md counts."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser

from tests.browser.ten_clicks import Person, fresh_server, mend_the_invoice
from tests.browser.viewer import Watched

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_from_the_printed_link_a_failed_run_is_mended_in_ten_clicks(browser: Browser, tmp_path: Path) -> None:
    async def no_picture(_: str) -> None:
        return

    async with fresh_server(tmp_path / "data") as link:
        page = await browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        watched = Watched(page, f"http://{urlsplit(link).netloc}")
        person = Person(page)
        await mend_the_invoice(person, link, no_picture)
        assert person.clicks <= 10
        watched.check()
