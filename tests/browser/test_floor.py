import time
from typing import Any

from playwright.async_api import expect

from tests.browser.fake_engine import FakeEngine
from tests.browser.played_call import CALL_ID, Player, record
from tests.browser.visitor import ADMIN, SUPERVISOR, Visitor

VIOLATION = {"rule": "CO-2300-WHY", "outcome": "violation", "seq": 7}


def tile(call_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": call_id, "agent_name": f"Agent {call_id}", "campaign": "care", "direction": "inbound", "language": "pt",
        "started_at": time.time() - 60, "state": "live", "mood": "neutral", "mood_score": 0.1, "alerts": [],
        "last_at_ms": 1000, "unclaimed": False,
    } | changes  # fmt: skip


async def test_the_wall_puts_alerts_first_and_follows_a_call(engine: FakeEngine, visitor: Visitor) -> None:
    engine.tiles[:] = [tile("1"), tile("2"), tile(CALL_ID, agent_name="Andrea Rojas")]
    player = Player()
    engine.calls[CALL_ID] = record()
    engine.facts[CALL_ID] = [*player.opening(), *player.turn(0), *player.turn(4)]
    page = await visitor.visit("/wall", person=SUPERVISOR)
    await expect(page.get_by_test_id("tile")).to_have_count(3)
    await engine.tile(tile(CALL_ID, agent_name="Andrea Rojas", alerts=[VIOLATION], mood="negative", mood_score=0.8))
    first = page.get_by_test_id("tile").first
    await expect(first).to_contain_text("Andrea Rojas")
    await expect(first).to_contain_text("CO-2300-WHY")
    await expect(first).to_contain_text("Negative")
    await first.get_by_role("button").click()
    await expect(page.get_by_test_id("followed").get_by_role("log")).to_contain_text("Esta llamada está siendo grabada")
    assert engine.said("follow") == [{"type": "follow", "id": CALL_ID}]
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("followed")).to_have_count(0)
    assert engine.said("unfollow") == [{"type": "unfollow", "id": CALL_ID}]
    assert engine.said("shown") == []
    await page.get_by_label("Show", exact=True).select_option("alerts")
    await expect(page.get_by_test_id("tile")).to_have_count(1)
    assert visitor.complaints == []


async def test_an_agent_has_no_wall(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/wall", person=engine.person)
    await expect(page.get_by_role("heading", name="Your role does not have this page.")).to_be_visible()


async def test_an_administrator_adds_a_user_and_changes_a_campaign(engine: FakeEngine, visitor: Visitor) -> None:
    engine.campaigns.append(
        {
            "id": "k1", "name": "Cobranza", "kind": "collections", "direction": "outbound", "language": "es",
            "country": "CO", "region": "", "rule_packs": ["co"], "knowledge": "cobranza", "numbers": ["6015550100"],
            "members": [], "active": True, "vocabulary": [], "notice": False, "beep_s": 0, "words_days": 0,
        }
    )  # fmt: skip
    page = await visitor.visit("/admin", person=ADMIN)
    await page.get_by_role("button", name="+ Add").click()
    await page.get_by_label("Name", exact=True).fill("Julián Peña")
    await page.get_by_label("User name").fill("julian")
    await page.get_by_label("Password").fill("a long enough secret")
    await page.get_by_label("Addresses").fill("1001@pbx.example\n\n 1001@sbc.example ")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("cell", name="Julián Peña", exact=True)).to_be_visible()
    assert engine.users[0]["aors"] == ["1001@pbx.example", "1001@sbc.example"]
    await page.get_by_role("tab", name="Campaigns").click()
    await page.get_by_role("button", name="Edit Cobranza").click()
    await page.get_by_role("checkbox", name="Julián Peña").check()
    await page.get_by_label("Days calls are kept").fill("30")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("cell", name="Julián Peña", exact=True)).to_be_visible()
    assert engine.campaigns[0]["members"] == [engine.users[0]["id"]]
    assert engine.campaigns[0]["words_days"] == 30
    assert visitor.complaints == []
