"""The recording as people see it: who has the call pauses it, who supervises hears it."""

import re

from playwright.async_api import expect

from engine.facts import CallEvent, EventName
from tests.browser.fake_engine import FakeEngine
from tests.browser.played_call import CALL_ID, Player, record, tile
from tests.browser.visitor import AGENT, SUPERVISOR, Visitor


def event(player: Player, name: EventName, **data: object) -> CallEvent:
    player.seq += 1
    return CallEvent(call_id=player.call_id, seq=player.seq, name=name, start_ms=1_000, end_ms=1_000, data=data)


async def test_the_agent_pauses_and_resumes_but_never_while_a_card_is_read(
    engine: FakeEngine, visitor: Visitor
) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening())
    state = page.get_by_test_id("recording")
    await expect(page.get_by_role("button", name="Pause recording")).to_have_count(0)
    await engine.publish(event(player, "recording.started", channels=2))
    await expect(state).to_have_text(re.compile("Recording"))
    await page.get_by_role("button", name="Pause recording").click()
    await engine.publish(event(player, "recording.paused", reason="person", by="u-andrea"))
    await expect(state).to_contain_text("Recording paused by hand")
    await page.get_by_role("button", name="Resume recording").click()
    await engine.publish(event(player, "recording.resumed", reason="person", by="u-andrea"))
    await expect(state).not_to_contain_text("paused")
    assert engine.presses == ["pause", "resume"]
    await engine.publish(event(player, "recording.paused", reason="card"))
    await expect(state).to_contain_text("a card is read")
    await expect(page.get_by_role("button", name="Resume recording")).to_be_disabled()
    await engine.publish(event(player, "recording.failed", reason="OSError"))
    await expect(state).to_have_count(0)
    await expect(page.get_by_role("log")).to_contain_text("The recording failed")
    await expect(page.locator("audio")).to_have_count(0)
    assert visitor.complaints == []


async def test_a_pause_that_is_refused_is_told_where_it_is_seen(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), event(player, "recording.started", channels=2))
    engine.refusals[f"/api/calls/{CALL_ID}/recording/pause"] = "overloaded"
    await page.get_by_role("button", name="Pause recording").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("the engine has too much to do")
    await expect(alert).to_be_in_viewport(ratio=1)
    await page.get_by_role("button", name="Close").click()
    await expect(alert).to_have_count(0)


async def test_what_cannot_be_played_is_tried_again_and_says_nothing_of_another_call(
    engine: FakeEngine, visitor: Visitor
) -> None:
    for call_id in ("one", "other"):
        player = Player(call_id)
        engine.tiles.append(tile(call_id, agent_name=call_id))
        engine.calls[call_id] = record(call_id)
        engine.facts[call_id] = [*player.opening(), event(player, "recording.started", channels=2)]
    page = await visitor.visit("/wall", person=SUPERVISOR)
    audio, gone = page.locator("audio"), page.get_by_text("The recording could not be played")
    tiles = page.get_by_test_id("tile").get_by_role("button")
    await tiles.first.click()
    await audio.evaluate("audio => audio.play().catch(() => undefined)")  # there is none: 404
    await expect(gone).to_be_visible()
    await expect(audio).to_have_count(0)
    await tiles.last.click()
    await expect(gone).to_have_count(0)
    await audio.evaluate("audio => audio.play().catch(() => undefined)")
    await expect(gone).to_be_visible()
    await page.get_by_role("button", name="Try again").click()
    await expect(audio).to_have_count(1)


async def test_a_supervisor_hears_a_recorded_call_from_the_wall(engine: FakeEngine, visitor: Visitor) -> None:
    engine.tiles[:] = [tile(CALL_ID)]
    player = Player()
    engine.calls[CALL_ID] = record()
    engine.facts[CALL_ID] = [*player.opening(), event(player, "recording.started", channels=2)]
    page = await visitor.visit("/wall", person=SUPERVISOR)
    await page.get_by_test_id("tile").get_by_role("button").click()
    player_of = page.get_by_test_id("followed").locator("audio")
    await expect(player_of).to_have_attribute("src", f"/api/calls/{CALL_ID}/recording")
    await expect(player_of).to_have_attribute("aria-label", "Play the recording")
    followed = page.get_by_test_id("followed")
    head, said = followed.locator("> *").first, followed.locator("> *").nth(1)
    await expect(head.locator("audio")).to_have_count(1)
    await expect(said.get_by_role("log")).to_have_count(1)
    assert await said.evaluate("said => said.clientHeight > said.previousElementSibling.clientHeight")
    assert visitor.complaints == []
