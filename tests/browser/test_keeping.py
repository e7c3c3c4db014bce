"""Whether a call stays: an administrator sees, puts and lifts a legal hold where the call is reviewed."""

import time

import pytest
from playwright.async_api import Locator, expect

from tests.browser.fake_engine import FakeEngine
from tests.browser.played_call import CALL_ID
from tests.browser.test_quality import FORMS, SCORED
from tests.browser.visitor import ADMIN, SUPERVISOR, Visitor, misfits, serious_findings
from tests.engine.ended_call import SCORE

HOLD = f"/api/calls/{CALL_ID}/legal-hold"
FREE = "Not under a legal hold."


@pytest.fixture(autouse=True)
def reviewed(engine: FakeEngine) -> None:
    engine.answers |= {"/api/quality": [SCORED], "/api/forms": FORMS, f"/api/calls/{CALL_ID}/quality": SCORE}
    engine.users = [{"id": ADMIN.user_id, "name": ADMIN.name}]


def button(sheet: Locator, name: str) -> Locator:
    return sheet.get_by_role("button", name=name, exact=True)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_a_legal_hold_is_put_on_a_call_and_lifted_once_it_was_asked_for(
    engine: FakeEngine, visitor: Visitor, dark: bool
) -> None:
    page = await visitor.visit("/quality", person=ADMIN, dark=dark)
    await page.get_by_role("button", name="Open Andrea Rojas").click()
    sheet = page.get_by_test_id("review")
    state, erase = sheet.get_by_role("status"), button(sheet, "Erase the call…")
    put, lift = button(sheet, "Put under a legal hold"), button(sheet, "Lift the legal hold…")
    await expect(state).to_have_text(FREE)
    await put.press("Enter")
    await expect(lift).to_be_focused()
    await expect(state).to_contain_text("(Grace Howard): the call and its recording stay")
    await expect(sheet.get_by_text("Legal hold", exact=True)).to_be_visible()
    await expect(erase).to_be_disabled()
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await lift.press("Enter")
    await expect(button(sheet, "Cancel")).to_be_focused()
    await expect(sheet.get_by_text("goes for good within the hour")).to_be_visible()
    assert await serious_findings(page) == []
    assert engine.sent == [(HOLD, "PUT")]
    await button(sheet, "Lift the hold").press("Enter")
    await expect(put).to_be_focused()
    await expect(state).to_have_text(FREE)
    await expect(sheet.get_by_text("Legal hold", exact=True)).to_have_count(0)
    await expect(erase).to_be_enabled()
    assert engine.sent == [(HOLD, "PUT"), (HOLD, "DELETE")]
    assert visitor.complaints == []


async def test_what_fails_is_told_and_a_call_that_was_held_meanwhile_is_shown_as_such(
    engine: FakeEngine, visitor: Visitor
) -> None:
    engine.refusals["/api/legal-holds"] = "overloaded"
    page = await visitor.visit("/quality", person=ADMIN)
    await page.get_by_role("button", name="Open Andrea Rojas").click()
    sheet = page.get_by_test_id("review")
    put, lift, erase = (
        button(sheet, name) for name in ("Put under a legal hold", "Lift the legal hold…", "Erase the call…")
    )
    failed = sheet.get_by_role("alert").filter(has_text="the engine has too much to do")
    await expect(failed).to_contain_text("could not be found out")
    await expect(erase).to_have_count(0)
    engine.refusals.clear()
    await button(sheet, "Try again").press("Enter")
    await expect(put).to_be_focused()
    engine.refusals[HOLD] = "overloaded"
    await put.press("Enter")
    await expect(failed).to_contain_text("Not put under a legal hold")
    await expect(put).to_be_focused()
    engine.answers["/api/legal-holds"] = [{"call_id": CALL_ID, "held_at": time.time(), "held_by": "command"}]
    await erase.click()
    await button(sheet, "Erase for good").press("Enter")
    await expect(sheet.get_by_role("status")).to_contain_text("(command line)")
    await expect(lift).to_be_focused()
    await lift.click()
    await button(sheet, "Lift the hold").click()
    await expect(failed).to_contain_text("Not lifted")
    await expect(erase).to_be_disabled()


async def test_a_supervisor_is_offered_none(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/quality", person=SUPERVISOR)
    async with page.expect_response(f"**/api/calls/{CALL_ID}/quality"):
        await page.get_by_role("button", name="Open Andrea Rojas").click()
    sheet = page.get_by_test_id("review")
    await expect(sheet).to_contain_text("Andrea Rojas")
    await expect(sheet.get_by_role("group")).to_have_count(0)
