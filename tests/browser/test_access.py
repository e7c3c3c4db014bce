"""Every page at both sizes, in light and dark: nothing serious for axe, and the page itself never scrolls."""

import pytest
from playwright.async_api import expect

from tests.browser.fake_engine import FakeEngine
from tests.browser.played_call import Player, record, tile
from tests.browser.test_floor import VIOLATION
from tests.browser.visitor import ADMIN, AGENT, SUPERVISOR, Visitor, misfits, serious_findings

SIZES = [(1280, 800), (1920, 1080)]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=["1280x800", "1920x1080"])
async def test_pages_are_accessible_and_fit(
    engine: FakeEngine, visitor: Visitor, size: tuple[int, int], dark: bool
) -> None:
    page = await visitor.visit("/login", size=size, dark=dark)
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert await serious_findings(page) == []

    player = Player()
    engine.calls["waiting"] = record("waiting", agent_id="", agent_name="", campaign="care")
    engine.facts["waiting"] = []
    await engine.open_call(record())
    await engine.publish(*player.opening(), *(fact for index in range(11) for fact in player.turn(index)))
    page = await visitor.visit("/desk", person=AGENT, size=size, dark=dark)
    await expect(page.get_by_test_id("card")).to_be_visible()
    await engine.draft(player.drafts(11)[1])
    await page.get_by_test_id("alert").last.get_by_role("button").first.click()
    await expect(page.locator("mark")).to_be_visible()
    assert await serious_findings(page) == []
    assert await misfits(page) == []

    engine.tiles[:] = [tile(f"{number}", unclaimed=number == 5) for number in range(40)]
    engine.tiles[7]["alerts"] = [VIOLATION]
    engine.tiles[7]["id"] = player.call_id
    page = await visitor.visit("/wall", person=SUPERVISOR, size=size, dark=dark)
    await page.get_by_test_id("tile").first.get_by_role("button").click()
    await expect(page.get_by_test_id("followed").get_by_test_id("alert").first).to_be_visible()
    assert await serious_findings(page) == []
    assert await misfits(page) == []

    page = await visitor.visit("/admin", person=ADMIN, size=size, dark=dark)
    await page.get_by_role("button", name="+ Add").click()
    assert await serious_findings(page) == []
    assert await misfits(page) == []
