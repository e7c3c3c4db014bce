"""Chromium against the console as it was built."""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from engine.web.console import STATIC
from tests.browser.fake_engine import FakeEngine
from tests.browser.visitor import AGENT, Visitor


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One loop for all of them, so that they share one browser."""
    return "asyncio"


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the console is not built: pip install -e . builds it")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    engine = FakeEngine(AGENT)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def visitor(browser: Browser, engine: FakeEngine) -> AsyncIterator[Visitor]:
    visitor = Visitor(browser, engine)
    yield visitor
    for context in visitor.contexts:
        await context.close()
