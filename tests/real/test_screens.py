"""A real call on the real pages in Chromium: the agent's desk and the supervisor's wall.

With `SCREENSHOTS=DIR` it leaves pictures there; the README's is one of them.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from engine.web.console import STATIC
from pipelines import demo
from pipelines.commands.demo import play_demo
from server import Engine

pytestmark = pytest.mark.real

PATIENCE_MS = 120_000
"""The call lasts 101 s, in real time."""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the console is not built: pip install -e . builds it")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def log_in(browser: Browser, engine: Engine, login: str, page_path: str) -> Page:
    page = await browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US", reduced_motion="reduce")
    password = next(one.password for one in engine.logins if one.login == login)
    await page.goto(engine.web.url + page_path)
    await page.get_by_label("User name").fill(login)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_test_id("link")).to_contain_text("Live")
    return page


async def shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def test_desk_and_wall_show_the_call_while_it_goes_on(engine: Engine, browser: Browser) -> None:
    call = await asyncio.to_thread(demo.load_call, "es")
    desk = await log_in(browser, engine, "andrea", "/desk")
    wall = await log_in(browser, engine, "sofia", "/wall")
    playing = asyncio.create_task(play_demo(engine, call, "members"))
    tile = wall.get_by_test_id("tile").first
    await expect(tile).to_contain_text("Andrea", timeout=PATIENCE_MS)
    await expect(desk.get_by_role("log")).to_contain_text("Andrea Rojas", timeout=PATIENCE_MS)
    await expect(desk.get_by_test_id("alert").first).to_contain_text("CO-2300-WHY", timeout=PATIENCE_MS)
    await expect(tile).to_contain_text("CO-2300-WHY", timeout=PATIENCE_MS)
    await expect(desk.get_by_test_id("card").first).to_contain_text("Acuerdo de pago", timeout=PATIENCE_MS)
    await expect(desk.get_by_test_id("card").first.get_by_role("list")).to_contain_text("shown +")
    await desk.screenshot()
    await shoot(wall, "wall")
    await expect(desk.get_by_role("log")).to_contain_text("card", timeout=PATIENCE_MS)
    await shoot(desk, "desk")
    await tile.click()
    await expect(wall.get_by_role("log")).to_contain_text("Andrea Rojas", timeout=PATIENCE_MS)
    await shoot(wall, "wall-follow")
    assert await playing == "bye"
