"""A masked word is asked for with a button beside it, where the site keeps what it was."""

from playwright.async_api import expect

from engine.facts import Fact, Insight, Transcript
from tests.browser.fake_engine import FakeEngine
from tests.browser.played_call import CALL_ID, Player, record
from tests.browser.visitor import AGENT, SUPERVISOR, Visitor, misfits, serious_findings

PHONE = "3104567890"


def said(player: Player) -> list[Fact]:
    """A telephone number, and a card."""
    first = player.seq + 1
    player.seq += 3
    text = "Mi celular es [phone] y la tarjeta es [card]."
    where = {"call_id": player.call_id, "stream": "1", "start_ms": 90_000, "end_ms": 95_000}
    return [
        Transcript(seq=first, turn=first, text=text, leg="customer", **where),  # type: ignore[arg-type]
        Insight(seq=first + 1, turn=first, kind="entity", entity_type="PHONE", start=14, end=40, **where),  # type: ignore[arg-type]
        Insight(seq=first + 2, turn=first, kind="entity", entity_type="CARD", start=60, end=99, **where),  # type: ignore[arg-type]
    ]


async def test_it_is_shown_and_hidden_again(engine: FakeEngine, visitor: Visitor) -> None:
    engine.keeps_tokens = True
    player = Player()
    await engine.open_call(record())
    opening, facts = player.opening(), said(player)
    path = f"/api/calls/{CALL_ID}/entities/{facts[1].seq}/value"
    engine.answers[path] = {"value": PHONE}
    page = await visitor.visit("/desk", person=AGENT)
    await engine.publish(*opening, *facts)
    log = page.get_by_role("log")
    await expect(log.get_by_role("button")).to_have_count(1)
    await log.get_by_role("button", name="Show: phone").click()
    await expect(log.get_by_text(PHONE)).to_be_visible()
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await log.get_by_role("button", name="Hide: phone").click()
    await expect(log.get_by_text(PHONE)).to_have_count(0)
    engine.refusals[path] = "forbidden"
    await log.get_by_role("button", name="Show: phone").click()
    await expect(log.get_by_role("alert")).to_have_text("your role may not do this")


async def test_nothing_is_offered_where_nothing_is_kept(engine: FakeEngine, visitor: Visitor) -> None:
    player = Player()
    await engine.open_call(record())
    page = await visitor.visit("/desk", person=AGENT)
    await engine.publish(*player.opening(), *said(player))
    log = page.get_by_role("log")
    await expect(log).to_contain_text("Mi celular es")
    await expect(log.get_by_role("button")).to_have_count(0)


async def test_what_was_shown_of_one_call_is_not_shown_of_another(engine: FakeEngine, visitor: Visitor) -> None:
    """Whose facts have the same numbers."""
    engine.keeps_tokens = True
    first, second = Player(), Player("another call")
    for player, agent in ((first, "Andrea"), (second, "Ben")):
        await engine.open_call(record(player.call_id, agent_name=agent))
        await engine.publish(*player.opening(), *said(player))
    engine.answers[f"/api/calls/{CALL_ID}/entities/{first.seq - 1}/value"] = {"value": PHONE}
    page = await visitor.visit("/wall", person=SUPERVISOR)
    log, tiles = page.get_by_role("log"), page.get_by_test_id("tile")
    for agent in ("Andrea", "Ben", "Andrea"):  # both are known by then
        await tiles.filter(has_text=agent).get_by_role("button").click()
        await expect(log.get_by_role("button", name="Show: phone")).to_be_visible()
    await log.get_by_role("button", name="Show: phone").click()
    await expect(log.get_by_text(PHONE)).to_be_visible()
    await tiles.filter(has_text="Ben").get_by_role("button").click()
    await expect(page.get_by_test_id("followed")).to_contain_text("Ben")
    await expect(log.get_by_role("button", name="Show: phone")).to_be_visible()
    await expect(log.get_by_text(PHONE)).to_have_count(0)
