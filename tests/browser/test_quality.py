"""After the call: the agent confirms the wrap-up; a supervisor reviews the score; what people judged is shown."""

import asyncio
import re
import time
from typing import Any

import pytest
from playwright.async_api import Page, expect

from engine.facts import CallEvent, EventName, Transcript
from tests.browser.fake_engine import FakeEngine
from tests.browser.played_call import CALL_ID, Player, record
from tests.browser.visitor import ADMIN, AGENT, SUPERVISOR, Visitor, misfits, serious_findings
from tests.engine.ended_call import PROPOSAL, REASON, SCORE, WHY

SCORED: dict[str, Any] = {
    "call_id": CALL_ID, "agent_id": "u-andrea", "agent_name": "Andrea Rojas", "campaign": "collections",
    "language": "es", "started_at": time.time() - 600, "form": "collections", "version": 0, "score": 100.0,
    "passed": True, "failed": False, "open": 1, "reviewed": False,
}  # fmt: skip
FORM = "id: own\ntitle: {en: Own form}\ncampaigns: [collections]\n"
FORMS = [
    {"id": "own", "title": {"en": "Own form"}, "campaigns": ["collections"], "active": True, "items": 1,
     "dispositions": 2, "version": 3, "source": FORM,
     "item_titles": {"no_threats": {"es": "Trato digno", "en": "No threats"}},
     "disposition_titles": {"promise_to_pay": {"es": "Promesa de pago", "en": "Promise to pay"}}},
]  # fmt: skip
TALLIES = [
    {"kind": "alert", "subject": "CO-2300-WHY", "shown": 12, "right": 3, "wrong": 1, "precision": 0.75},
    {"kind": "card", "subject": "payment-plan", "shown": 8, "accepted": 5, "dismissed": 3, "precision": 0.625},
    {"kind": "disposition", "subject": "promise_to_pay", "accepted": 4, "edited": 1, "precision": 0.8},
    {"kind": "follow_ups", "subject": "collections", "accepted": 1, "precision": 1.0},
    {"kind": "quality", "subject": "own/no_threats", "accepted": 2, "edited": 2, "precision": 0.5},
]
TALK = {
    "legs": {"agent": {"share": 0.64, "words_per_minute": 121, "response_ms": 500, "interruptions": 2},
             "customer": {"share": 0.36}},
    "talk_over_ms": 0, "dead_air_ms": 0, "longest_silence_ms": 6_700, "hold_ms": 0, "whole": True,
}  # fmt: skip


def event(player: Player, name: EventName, data: dict[str, Any]) -> CallEvent:
    player.seq += 1
    return CallEvent(call_id=CALL_ID, seq=player.seq, name=name, start_ms=100_000, end_ms=100_000, data=data)


async def ended_call(engine: FakeEngine, page: Page) -> Player:
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(0), *player.turn(4))
    await expect(page.get_by_test_id("alert")).to_have_count(1)
    names: tuple[EventName, ...] = ("talk.measured", "qa.scored", "wrap_up.proposed")
    for name, data in zip(names, (TALK, SCORE, PROPOSAL), strict=True):
        await engine.publish(event(player, name, data))
    await engine.publish(*player.end())
    await engine.open_call(record(ended_at=time.time()))
    return player


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_agent_changes_and_confirms_the_wrap_up(engine: FakeEngine, visitor: Visitor, dark: bool) -> None:
    page = await visitor.visit("/desk", person=AGENT, dark=dark)
    player = await ended_call(engine, page)
    wrap_up = page.get_by_test_id("wrap-up")
    await expect(wrap_up.get_by_label("Outcome")).to_have_value("promise_to_pay")
    await expect(wrap_up).to_contain_text("60% sure")
    await expect(wrap_up.get_by_role("button", name="Confirm")).to_be_in_viewport(ratio=1)
    await expect(page.get_by_test_id("alert").get_by_role("button", name="Wrong")).to_be_hidden()
    await expect(wrap_up.get_by_label("Summary")).to_have_value(f"Motivo: «{REASON}»")
    await expect(wrap_up.get_by_label("By when")).to_have_value("2026-12-01")
    await expect(page.get_by_test_id("summary")).to_contain_text("64%")
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await wrap_up.get_by_label("Outcome").select_option("callback")
    await wrap_up.get_by_label("Summary").fill("Pidió que lo llamen.")
    await wrap_up.get_by_role("button", name="Remove").click()
    await wrap_up.get_by_role("button", name="+ Add").click()
    await wrap_up.get_by_label("What is to do").fill("Llamar")
    await wrap_up.get_by_role("button", name="Confirm").click()
    await expect(wrap_up.get_by_role("button", name="Confirm")).to_be_enabled()
    body = {"summary": "Pidió que lo llamen.", "disposition": "callback", "follow_ups": [{"text": "Llamar", "due": ""}]}
    assert engine.sent == [(f"/api/calls/{CALL_ID}/wrap-up", body)]
    await engine.publish(event(player, "wrap_up.confirmed", body | {"by": "u-andrea", "edited": ["summary"]}))
    await expect(wrap_up.get_by_role("status")).to_contain_text("Confirmed")
    assert visitor.complaints == []


async def test_what_is_written_while_a_wrap_up_is_confirmed_stays_to_be_confirmed(
    engine: FakeEngine, visitor: Visitor
) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = await ended_call(engine, page)
    wrap_up = page.get_by_test_id("wrap-up")
    summary, confirm = wrap_up.get_by_label("Summary"), wrap_up.get_by_role("button", name="Confirm")
    taken = engine.held[f"/api/calls/{CALL_ID}/wrap-up"] = asyncio.Event()
    await summary.fill("Paga 50.000.")
    await confirm.click()
    await expect(confirm).to_be_disabled()
    await summary.fill("Paga 500.000.")
    body = {"summary": "Paga 50.000.", "disposition": "promise_to_pay", "follow_ups": []}
    await engine.publish(event(player, "wrap_up.confirmed", body | {"by": "u-andrea", "edited": ["summary"]}))
    taken.set()
    await expect(confirm).to_be_enabled()
    await expect(summary).to_have_value("Paga 500.000.")
    await expect(wrap_up.get_by_role("status")).to_be_empty()
    await confirm.click()
    await expect(wrap_up.get_by_role("status")).to_contain_text("Confirmed")
    assert [sent["summary"] for _, sent in engine.sent] == ["Paga 50.000.", "Paga 500.000."]


async def test_a_wrap_up_is_confirmed_as_soon_as_the_engine_takes_it(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player, confirm = Player(), page.get_by_test_id("wrap-up").get_by_role("button", name="Confirm")
    await engine.open_call(record())
    await engine.publish(*player.opening(), event(player, "wrap_up.proposed", PROPOSAL), *player.end())
    await expect(confirm).to_be_disabled()
    await engine.open_call(record(ended_at=time.time()))
    await expect(confirm).to_be_enabled()


async def test_an_alert_is_judged_and_a_silence_is_seen_while_it_lasts(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(4))
    alert = page.get_by_test_id("alert")
    await alert.get_by_role("button", name="Wrong").click()
    seq = next(fact.seq for fact in engine.facts[CALL_ID] if getattr(fact, "outcome", None) == "violation")
    await engine.publish(event(player, "alert.judged", {"of": seq, "verdict": "wrong"}))
    await expect(alert.get_by_role("button", name="Wrong")).to_have_attribute("aria-pressed", "true")
    assert engine.sent == [(f"/api/calls/{CALL_ID}/alerts/{seq}/judgement", {"verdict": "wrong"})]
    await expect(page.get_by_text("Silence")).to_have_count(0)
    await engine.publish(event(player, "dead_air", {"since_ms": 5_000}))
    silence = page.get_by_text("Silence")
    await expect(silence).to_be_visible()
    await expect(silence.locator("span[aria-hidden=true]")).to_have_text(re.compile(r"\d:\d\d"))
    await expect(silence).to_have_attribute("role", "status")
    await engine.publish(*player.turn(5))
    await expect(page.get_by_text("Silence")).to_have_count(0)
    await page.get_by_test_id("card").get_by_role("button", name="Wrong").click()
    assert [message["action"] for message in engine.said("card")] == ["wrong"]
    assert visitor.complaints == []


async def test_a_call_that_comes_takes_nothing_from_a_wrap_up_that_is_written(
    engine: FakeEngine, visitor: Visitor
) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    await ended_call(engine, page)
    calls = page.get_by_role("navigation", name="Live calls")
    summary = page.get_by_test_id("wrap-up").get_by_label("Summary")
    await summary.fill("Pidió ")
    await engine.open_call(record("next", campaign="care"))
    await expect(calls).to_contain_text("Customer care")
    await page.keyboard.type("que lo llamen mañana")
    await expect(summary).to_have_value("Pidió que lo llamen mañana")
    await page.get_by_role("heading", name="Wrap-up").click()
    await expect(page.get_by_role("heading", name="Customer care")).to_be_visible()
    await calls.get_by_role("button", name="Collections").click()
    await expect(summary).to_have_value("Pidió que lo llamen mañana")
    player = Player("next")
    await engine.publish(*player.opening(), *player.turn(4))
    await expect(calls.get_by_role("button", name="Customer care")).to_contain_text("Alerts")
    await expect(summary).to_have_value("Pidió que lo llamen mañana")
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_test_id("wrap-up").get_by_role("status")).to_contain_text("Confirmed")
    assert [body["summary"] for _, body in engine.sent] == ["Pidió que lo llamen mañana"]
    assert engine.said("card") == []
    assert visitor.complaints == []


async def test_a_judgement_that_is_refused_is_told(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(4))
    seq = next(fact.seq for fact in engine.facts[CALL_ID] if getattr(fact, "outcome", None) == "violation")
    engine.refusals[f"/api/calls/{CALL_ID}/alerts/{seq}/judgement"] = "forbidden"
    await page.get_by_test_id("alert").get_by_role("button", name="Wrong").click()
    await expect(page.get_by_role("alert")).to_have_text("That did not work: your role may not do this")
    assert await serious_findings(page) == []


async def test_an_answer_that_is_edited_stays_with_its_call(engine: FakeEngine, visitor: Visitor) -> None:
    other = SCORED | {"call_id": "other", "agent_name": "Ben Roa"}
    engine.answers |= {"/api/quality": [SCORED, other], "/api/forms": FORMS}
    engine.answers |= {f"/api/calls/{call_id}/quality": SCORE for call_id in (CALL_ID, "other")}
    page = await visitor.visit("/quality", person=SUPERVISOR)
    sheet = page.get_by_test_id("review")
    await page.get_by_role("button", name="Open Andrea Rojas").click()
    await sheet.get_by_role("button", name="Change Empatía").click()
    await sheet.get_by_label("Why").fill("no escuchó")
    await page.get_by_role("button", name="Open Ben Roa").click()
    await expect(sheet).to_contain_text("Ben Roa")
    await expect(sheet.get_by_label("Why")).to_have_count(0)
    engine.refusals[f"/api/calls/{CALL_ID}/quality"] = "overloaded"
    await page.get_by_role("button", name="Open Andrea Rojas").click()
    await expect(page.get_by_role("alert").filter(has_text="too much to do")).to_be_visible()
    await expect(sheet).to_contain_text("Ben Roa")
    assert engine.sent == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_a_supervisor_reviews_a_score(engine: FakeEngine, visitor: Visitor, dark: bool) -> None:
    player = Player()
    engine.calls[CALL_ID] = record(ended_at=time.time())
    recorded = event(player, "recording.started", {"channels": 2})
    engine.facts[CALL_ID] = [*player.opening(), recorded, *player.turn(0), *player.turn(4), *player.end()]
    said = next(fact for fact in engine.facts[CALL_ID] if isinstance(fact, Transcript) and WHY in fact.text)
    proof = {"turn": said.turn, "leg": "agent", "quote": WHY, "start": 0, "end": 5, "start_ms": 31_000}
    measured, felt = {"note": "longest_silence_ms 6700"}, {"item": "mood", "title": "Ánimo", "note": "neutral"}
    items = [
        SCORE["items"][0] | {"evidence": [proof]},  # type: ignore[index]
        SCORE["items"][1] | measured,  # type: ignore[index]
        SCORE["items"][1] | felt,  # type: ignore[index]
    ]
    others = [SCORED | {"call_id": str(number), "agent_name": "Ben Roa"} for number in range(30)]
    engine.answers |= {"/api/quality": [SCORED | {"form": "own"}, *others], "/api/forms": FORMS}
    engine.answers[f"/api/calls/{CALL_ID}/quality"] = SCORE | {"items": items}
    reviewed = SCORE | {"score": 50.0, "items": [items[0], items[1] | {"answer": "no", "reason": "no escuchó"}]}
    engine.answers[f"/api/calls/{CALL_ID}/quality/empathy"] = reviewed
    page = await visitor.visit("/quality", person=SUPERVISOR, dark=dark)
    await page.get_by_role("button", name="Open Andrea Rojas").click()
    sheet = page.get_by_test_id("review")
    await expect(sheet).to_contain_text(WHY)
    await expect(sheet).to_contain_text("Longest silence: 6.7 s")
    await expect(sheet).to_contain_text("Customer mood: Neutral")
    await expect(page.locator("tr[aria-current=true]")).to_contain_text("Own form")
    await expect(page.locator("audio")).to_be_visible()
    await expect(page.get_by_role("log")).to_contain_text("Esta llamada está siendo grabada")
    await sheet.get_by_role("button", name=WHY).click()
    await expect(page.locator("mark")).to_have_text(WHY)
    await expect(page.locator("mark")).to_be_in_viewport()
    assert await page.evaluate("document.querySelector('#app').scrollTop") == 0
    await sheet.get_by_role("button", name="Change Empatía").click()
    await expect(sheet.get_by_label("Answer")).to_be_focused()
    await sheet.get_by_label("Answer").select_option("no")
    await sheet.get_by_label("Why").fill("no escuchó")
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await sheet.get_by_role("button", name="Save").click()
    await expect(sheet).to_contain_text("50")
    await expect(sheet.get_by_role("button", name="Change Empatía")).to_be_focused()
    await expect(sheet.get_by_role("button", name="Erase the call")).to_have_count(0)
    await sheet.get_by_role("button", name="Close").press("Enter")
    await expect(page.get_by_role("row", name="Own form").get_by_role("button")).to_be_focused()
    assert engine.sent == [(f"/api/calls/{CALL_ID}/quality/empathy", {"answer": "no", "reason": "no escuchó"})]
    assert visitor.complaints == []


async def test_calls_are_narrowed_to_an_agent_and_a_campaign_and_averaged_by_them(
    engine: FakeEngine, visitor: Visitor
) -> None:
    counts: dict[str, Any] = {"calls": 3, "scored": 2, "passed": 1, "open": 1, "reviewed": 0, "score": 74.8}
    averages = {
        "agents": [counts | {"subject": "u-andrea", "name": "Andrea Rojas"}],
        "campaigns": [counts | {"subject": "collections", "name": ""}],
    }
    engine.answers |= {"/api/quality": [SCORED], "/api/forms": FORMS, "/api/quality/averages": averages}
    page = await visitor.visit("/quality", person=SUPERVISOR)
    agent, campaign = page.get_by_label("Agent", exact=True), page.get_by_label("Campaign", exact=True)
    async with page.expect_request(re.compile(r"/api/quality\?.*agent=u-andrea")):
        await agent.select_option("u-andrea")
    async with page.expect_request(re.compile(r"/api/quality\?.*agent=u-andrea&campaign=collections")):
        await campaign.select_option("collections")
    assert await misfits(page) == []
    await page.get_by_role("tab", name="Averages").click()
    row = page.get_by_role("row", name="Andrea Rojas")
    await expect(row).to_contain_text("74.8")
    await expect(row).to_contain_text("50%")
    assert await serious_findings(page) == []
    await page.get_by_label("Grouped by").select_option("campaigns")
    await page.get_by_role("button", name="Open Collections").click()
    await expect(page.get_by_role("tab", name="Calls")).to_have_attribute("aria-selected", "true")
    await expect(campaign).to_have_value("collections")
    await expect(agent).to_have_value("")
    assert visitor.complaints == []


async def test_a_review_that_is_saved_late_leaves_people_where_they_are(engine: FakeEngine, visitor: Visitor) -> None:
    path = f"/api/calls/{CALL_ID}/quality"
    engine.answers |= {"/api/quality": [SCORED], "/api/forms": FORMS, "/api/feedback": TALLIES}
    engine.answers |= {path: SCORE, f"{path}/empathy": SCORE}
    saved = engine.held[f"{path}/empathy"] = asyncio.Event()
    page = await visitor.visit("/quality", person=SUPERVISOR)
    await page.get_by_role("button", name="Open Andrea Rojas").click()
    sheet = page.get_by_test_id("review")
    await sheet.get_by_role("button", name="Change Empatía").click()
    await sheet.get_by_label("Why").fill("no escuchó")
    async with page.expect_response(f"**{path}/empathy"):
        await sheet.get_by_role("button", name="Save").click()
        await page.get_by_role("tab", name="Feedback").click()
        await expect(page.get_by_role("row", name="CO-2300-WHY")).to_be_visible()
        saved.set()
    await page.evaluate("() => new Promise(requestAnimationFrame)")
    await expect(page.get_by_role("tab", name="Feedback")).to_have_attribute("aria-selected", "true")
    await expect(page.get_by_role("row", name="CO-2300-WHY")).to_be_visible()
    assert visitor.complaints == []


async def test_an_administrator_erases_a_call_and_is_asked_first(engine: FakeEngine, visitor: Visitor) -> None:
    engine.answers |= {"/api/quality": [SCORED], "/api/forms": FORMS}
    engine.answers[f"/api/calls/{CALL_ID}/quality"] = SCORE
    page = await visitor.visit("/quality", person=ADMIN)
    await page.get_by_role("button", name="Open Andrea Rojas").click()
    sheet = page.get_by_test_id("review")
    await sheet.get_by_role("button", name="Erase the call").click()
    await expect(sheet.get_by_text("go for good")).to_be_visible()
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await sheet.get_by_role("button", name="Cancel").click()
    assert engine.sent == []
    await sheet.get_by_role("button", name="Erase the call").click()
    engine.answers["/api/quality"] = []
    await sheet.get_by_role("button", name="Erase for good").click()
    await expect(sheet).to_have_count(0)
    await expect(page.get_by_role("table")).to_contain_text("No call has been scored yet")
    assert engine.sent == [(f"/api/calls/{CALL_ID}", None)]
    assert visitor.complaints == []


async def test_feedback_and_forms(engine: FakeEngine, visitor: Visitor) -> None:
    engine.answers |= {"/api/quality": [], "/api/feedback": TALLIES, "/api/forms": FORMS}
    engine.answers["/api/feedback/training"] = {"allowed": False}
    page = await visitor.visit("/quality", person=ADMIN)
    await expect(page.get_by_role("table")).to_contain_text("No call has been scored yet")
    await page.get_by_role("tab", name="Feedback").click()
    await expect(page.get_by_role("row", name="CO-2300-WHY")).to_contain_text("75%")
    await expect(page.get_by_role("link", name="Download")).to_have_count(0)
    await page.get_by_label("May be taken out").check()
    await expect(page.get_by_role("link", name="Download")).to_be_visible()
    await page.get_by_label("What was judged").select_option("card")
    await expect(page.get_by_role("row", name="payment-plan")).to_contain_text("63%")
    await expect(page.get_by_role("columnheader", name="Dismissed or wrong")).to_be_visible()
    await page.get_by_label("What was judged").select_option("summary")
    await expect(page.get_by_role("table")).to_contain_text("Nothing has been judged yet")
    assert await serious_findings(page) == []
    await page.get_by_role("tab", name="Forms").click()
    await page.get_by_role("button", name="Edit Own form").click()
    source = page.get_by_label("Form (YAML)")
    await source.fill(FORM + "pass_score: 70\n")
    assert await serious_findings(page) == []
    await page.get_by_role("button", name="Save").click()
    await expect(source).to_have_count(0)
    assert engine.sent == [
        ("/api/feedback/training", {"allowed": True}),
        ("/api/forms/own", {"source": FORM + "pass_score: 70\n"}),
    ]
    assert visitor.complaints == []


async def test_feedback_is_of_a_period_and_each_version_of_a_rule_is_told_apart(
    engine: FakeEngine, visitor: Visitor
) -> None:
    rule = {"kind": "alert", "subject": "CO-2300-WHY"}
    mended = [
        rule | {"version": "1", "wrong": 4, "precision": 0.0},
        rule | {"version": "2", "right": 3, "precision": 1.0},
    ]
    engine.answers |= {"/api/quality": [], "/api/feedback": mended, "/api/forms": FORMS}
    page = await visitor.visit("/quality", person=SUPERVISOR)
    await page.get_by_role("tab", name="Feedback").click()
    await expect(page.get_by_role("row", name="CO-2300-WHY v2")).to_contain_text("100%")
    await expect(page.get_by_role("row", name="CO-2300-WHY v1")).to_contain_text("0%")
    async with page.expect_request(re.compile(r"/api/feedback\?since=1\d{9}$")):
        await page.get_by_label("Period").select_option("30")
    assert await serious_findings(page) == []
    assert visitor.complaints == []


async def test_what_is_not_allowed_out_is_not_shown_as_allowed(engine: FakeEngine, visitor: Visitor) -> None:
    engine.answers |= {"/api/quality": [], "/api/feedback": TALLIES, "/api/forms": FORMS}
    engine.answers["/api/feedback/training"] = {"allowed": False}
    page = await visitor.visit("/quality", person=ADMIN)
    await page.get_by_role("tab", name="Feedback").click()
    box = page.get_by_label("May be taken out")
    await expect(box).not_to_be_checked()
    engine.refusals["/api/feedback/training"] = "overloaded"
    await box.click()
    await expect(page.get_by_role("alert").filter(has_text="Not saved: the engine has too much")).to_be_visible()
    await expect(box).not_to_be_checked()


async def test_a_supervisor_reads_forms_and_does_not_decide_of_training(engine: FakeEngine, visitor: Visitor) -> None:
    engine.answers |= {"/api/quality": [], "/api/feedback": TALLIES, "/api/forms": FORMS}
    page = await visitor.visit("/quality", person=SUPERVISOR, locale="es-CO")
    await page.get_by_role("tab", name="Valoraciones").click()
    await expect(page.get_by_role("row", name="CO-2300-WHY")).to_be_visible()
    await expect(page.get_by_role("checkbox")).to_have_count(0)
    for kind, called in (("disposition", "Promesa de pago"), ("follow_ups", "Cobranza"), ("quality", "Trato digno")):
        await page.get_by_label("Qué se evaluó").select_option(kind)
        await expect(page.get_by_role("row", name=called)).to_be_visible()
    await page.get_by_role("tab", name="Formularios").click()
    await page.get_by_role("button", name="Abrir Own form").click()
    await expect(page.get_by_label("Formulario (YAML)")).to_have_attribute("readonly", "")
    assert visitor.complaints == []


async def test_a_call_that_ended_before_the_page_was_loaded_is_wrapped_up_all_the_same(
    engine: FakeEngine, visitor: Visitor
) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    await ended_call(engine, page)
    ended = record(ended_at=time.time())
    engine.calls[CALL_ID] = ended
    told, engine.facts[CALL_ID] = engine.facts[CALL_ID], []
    await page.reload()
    await expect(page.get_by_test_id("wrap-up")).to_have_count(0)
    await page.get_by_role("navigation").get_by_role("button", name="Collections").click()
    await expect(page.get_by_test_id("wrap-up")).to_contain_text("Loading…")
    await expect(page.get_by_test_id("summary")).to_have_count(0)
    await expect(page.get_by_role("region", name="Transcript")).to_have_text("Loading…")
    await engine.publish(*told)
    await expect(page.get_by_test_id("summary")).to_be_visible()
    await expect(page.get_by_test_id("wrap-up").get_by_label("Outcome")).to_have_value("promise_to_pay")
    assert {"type": "follow", "id": CALL_ID} in engine.said("follow")
    assert visitor.complaints == []


async def test_a_call_that_was_cut_off_is_wrapped_up_from_an_empty_form(engine: FakeEngine, visitor: Visitor) -> None:
    path = f"/api/calls/{CALL_ID}/wrap-up"
    engine.answers[path] = {"choices": [{"code": "callback", "title": "Volver a llamar"}]}
    page = await visitor.visit("/desk", person=AGENT)
    player, wrap_up = Player(), page.get_by_test_id("wrap-up")
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(0), *player.end())
    await expect(wrap_up).to_contain_text("No wrap-up was made of this call")
    await engine.open_call(record(ended_at=time.time()))
    await expect(wrap_up.get_by_label("Outcome")).to_have_value("")
    await wrap_up.get_by_role("button", name="Confirm").click()
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    assert engine.sent == []
    await wrap_up.get_by_label("Outcome").select_option("callback")
    await wrap_up.get_by_label("Summary").fill("Se cortó.")
    await wrap_up.get_by_role("button", name="Confirm").click()
    await expect(wrap_up.get_by_role("status")).to_contain_text("Confirmed")
    body = {"summary": "Se cortó.", "disposition": "callback", "follow_ups": []}
    assert engine.sent == [(path, body)]
    await engine.publish(event(player, "wrap_up.confirmed", body | {"by": "u-andrea", "edited": []}))
    await expect(wrap_up).not_to_contain_text("No wrap-up")
    await expect(wrap_up.get_by_label("Outcome")).to_have_value("callback")
    assert visitor.complaints == []
