"""The engine ends a session that nobody uses: who is at a page without a socket says that they are there."""

import pytest
from playwright.async_api import Request, expect

from tests.browser.fake_engine import FakeEngine
from tests.browser.visitor import ADMIN, Visitor


@pytest.mark.parametrize("path", ["/admin", "/quality"])
async def test_hands_are_a_use_where_no_socket_is(engine: FakeEngine, visitor: Visitor, path: str) -> None:
    engine.answers |= {"/api/quality": [], "/api/forms": []}
    page = await visitor.visit(path, person=ADMIN)
    await expect(page.get_by_role("button", name="Log out")).to_be_visible()
    await page.clock.install()
    await page.clock.fast_forward(40_000)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/api/me") else None)
    for at in (200, 300, 400):
        await page.mouse.move(at, at)
    await page.keyboard.press("Shift")
    await expect(page.get_by_role("button", name="Log out")).to_be_visible()
    assert len(asked) == 1


async def test_whoever_comes_back_too_late_sees_the_log_in_and_no_more(engine: FakeEngine, visitor: Visitor) -> None:
    engine.users.append(
        {"id": "u1", "login": "ben", "name": "Ben Roa", "role": "agent", "aors": [], "extensions": [], "active": True}
    )
    page = await visitor.visit("/admin", person=ADMIN)
    await expect(page.get_by_role("cell", name="Ben Roa", exact=True)).to_be_visible()
    await page.clock.install()
    await page.clock.fast_forward(1_000_000)
    await page.context.clear_cookies()
    await page.mouse.move(200, 200)
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await expect(page).to_have_url(engine.url + "/login")
