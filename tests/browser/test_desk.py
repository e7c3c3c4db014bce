import re
import time

import msgspec
import pytest
from playwright.async_api import expect

from engine.facts import Evidence, Insight, Suggestion
from tests.browser.fake_engine import PASSWORD, FakeEngine
from tests.browser.played_call import CALL_ID, Player, record
from tests.browser.test_quality import event
from tests.browser.visitor import AGENT, Visitor, misfits, serious_findings, unseen


async def test_an_agent_logs_in_and_waits_for_a_call(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk")
    await expect(page).to_have_url(engine.url + "/login")
    await page.get_by_label("User name").fill("andrea")
    await page.get_by_label("Password").fill("guess")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("That user name and password do not match.")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(engine.url + "/desk")
    await expect(page.get_by_role("heading", name="Ready for the next call")).to_be_visible()
    await page.get_by_role("button", name="Log out").click()
    await expect(page).to_have_url(engine.url + "/login")


async def test_whoever_could_not_be_logged_out_is_told(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    engine.refusals["/api/logout"] = "overloaded"
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("alert")).to_contain_text("the engine has too much to do")
    await expect(page.get_by_role("heading", name="Ready for the next call")).to_be_visible()
    engine.refusals.clear()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_live_call_is_shown_and_what_was_painted_is_acknowledged(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    await expect(page.get_by_test_id("link")).to_contain_text("Live")
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening())
    await expect(page.get_by_test_id("duty").first).to_contain_text("open")
    for draft in player.drafts(0):
        await engine.draft(draft)
    await expect(page.get_by_test_id("drafts")).to_contain_text("Buenas tardes")
    for index in range(11):
        await engine.publish(*player.turn(index))
    log = page.get_by_role("log")
    await expect(log).to_contain_text("Permítame revisar qué opciones tenemos")
    await expect(page.get_by_test_id("drafts")).to_be_empty()
    await expect(log).to_contain_text("card ··6467")
    await expect(page.get_by_test_id("duty").first).to_contain_text("done")
    await expect(page.get_by_test_id("mood")).to_contain_text("Neutral")
    alert = page.get_by_test_id("alert").last
    await expect(alert).to_contain_text("CO-2300-WHY")
    await alert.get_by_role("button").first.click()
    await expect(page.locator("mark")).to_have_text("¿Por qué no ha pagado?")
    await expect(page.locator("mark")).to_be_in_viewport()
    await expect(page.get_by_test_id("card")).to_contain_text("Pago con otra tarjeta")
    await expect(page.get_by_test_id("card").get_by_role("list")).to_contain_text("shown +")
    shown = {message["seq"] for message in engine.said("shown") if "seq" in message}
    facts = {fact.seq for fact in engine.facts[CALL_ID] if type(fact).__name__ != "CallEvent"}
    assert shown == facts
    assert any("revision" in message for message in engine.said("shown"))
    assert visitor.complaints == []


async def test_a_call_that_goes_on_opens_at_its_newest_words(engine: FakeEngine, visitor: Visitor) -> None:
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening())
    for index in range(11):
        await engine.publish(*player.turn(index))
    page = await visitor.visit("/desk", person=AGENT)
    await expect(page.get_by_test_id("alert")).to_have_count(2)
    await expect(page.get_by_role("log").get_by_text("PCI-PAN")).to_be_in_viewport()
    await page.set_viewport_size({"width": 1280, "height": 640})
    await expect(page.get_by_role("log").get_by_text("PCI-PAN")).to_be_in_viewport()
    await page.get_by_role("region", name="Transcript").evaluate("frame => { frame.scrollTop = 0; }")
    await engine.publish(*player.turn(11))
    await expect(page.get_by_role("log").locator("[data-turn]").last).not_to_be_in_viewport()
    await page.get_by_role("button", name="Newest").click()
    await expect(page.get_by_role("log").locator("[data-turn]").last).to_be_in_viewport()
    await expect(page.get_by_role("button", name="Newest")).to_have_count(0)
    await expect(page.get_by_role("region", name="Transcript")).to_be_focused()


async def test_a_card_is_answered_while_alerts_stand(engine: FakeEngine, visitor: Visitor) -> None:
    """What can be done with the card is never behind the alerts, and the older alert is one line until it is opened."""
    page = await visitor.visit("/desk", person=AGENT, size=(1280, 640))
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(4), *player.turn(5), *player.turn(10))
    older = page.get_by_test_id("alert").last
    await expect(page.get_by_test_id("alert").first).to_contain_text("PCI-PAN")
    await expect(page.get_by_test_id("card").get_by_role("button", name="Use it")).to_be_in_viewport(ratio=1)
    await expect(older.get_by_role("button", name="Wrong")).to_be_hidden()
    await older.get_by_role("button").first.click()
    await expect(older.get_by_role("button", name="Wrong")).to_be_visible()
    await expect(page.locator("mark")).to_have_text("¿Por qué no ha pagado?")
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await page.get_by_test_id("card").get_by_role("button", name="Dismiss").press("Enter")
    await expect(page.get_by_test_id("card")).to_have_count(0)
    await expect(page.get_by_role("region", name="Suggestions")).to_be_focused()


async def test_a_duty_that_a_notice_did_shows_the_notice(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player, title = Player(), "Avisar que la llamada se graba"
    await engine.open_call(record())
    await engine.publish(*player.opening())
    played = event(player, "notice.played", {})
    evidence = Evidence(turn=played.seq, leg="customer", quote=played.name, start=0, end=0)
    player.seq += 1
    done = Insight(
        call_id=CALL_ID, seq=player.seq, kind="compliance", turn=played.seq, rule="CO-REC-NOTICE", value=title,
        outcome="satisfied", evidence=(evidence,),
    )  # fmt: skip
    await engine.publish(played, done, *(fact for index in range(1, 11) for fact in player.turn(index)))
    notice = page.get_by_role("log").get_by_text("The recording notice was played")
    await expect(notice).not_to_be_in_viewport()
    await page.get_by_test_id("duty").filter(has_text=title).get_by_role("button").click()
    await expect(notice).to_be_in_viewport()
    await expect(notice).to_be_focused()


async def test_a_rule_that_is_broken_once_more_is_read_out_once_more(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(4))
    said = page.locator("[aria-live=assertive] span")
    first = await said.element_handle()
    broken = next(fact for fact in engine.facts[CALL_ID] if getattr(fact, "outcome", None) == "violation")
    await engine.publish(msgspec.structs.replace(broken, seq=player.seq + 1))
    await expect(page.get_by_test_id("alert")).to_have_count(2)
    await expect(said).to_have_count(1)
    assert first is not None
    assert not await first.evaluate("span => span.isConnected")
    player.seq += 1
    await engine.publish(event(player, "withdrawn", {"of": [player.seq], "reason": "went_on"}))
    await expect(page.get_by_test_id("alert")).to_have_count(1)
    await expect(said).to_have_count(0)


async def test_what_is_withdrawn_goes_with_its_note_and_says_no_reason(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player, alerts = Player(), page.get_by_test_id("alert")
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(4))
    seq = next(fact.seq for fact in engine.facts[CALL_ID] if getattr(fact, "outcome", None) == "violation")
    await engine.publish(event(player, "dnc.requested", {"of": seq}))
    await expect(page.get_by_role("log")).to_contain_text("Do-not-call request noted")
    await engine.publish(event(player, "withdrawn", {"of": [seq], "reason": "went_on"}))
    await expect(alerts).to_have_count(0)
    await expect(page.get_by_role("log")).not_to_contain_text("Do-not-call request noted")
    await expect(page.get_by_text("Taken back: 1", exact=True)).to_be_visible()


async def test_a_worded_answer_stands_over_its_passage_with_what_it_cites(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT, size=(1280, 640))
    player = Player()
    await engine.open_call(record())
    facts = player.turn(5)
    await engine.publish(*player.opening(), *facts)
    card = page.get_by_test_id("card")
    await expect(card).to_contain_text("hasta seis cuotas sin intereses de mora")
    await expect(page.get_by_test_id("worded")).to_have_count(0)
    await engine.publish(*player.worded(next(fact for fact in facts if isinstance(fact, Suggestion))))
    answer = card.get_by_test_id("worded")
    await expect(answer).to_contain_text("También puede pagar hoy por PSE[2].")
    await expect(answer).to_contain_text("Worded by a language model")
    await expect(card).to_contain_text("Confirme el valor que el cliente puede pagar hoy")
    await expect(card.get_by_text("Se paga hoy en el banco.")).to_be_hidden()
    await card.get_by_text("Pago por PSE").click()
    await expect(card.get_by_text("Se paga hoy en el banco.")).to_be_visible()
    await expect(card.get_by_role("button", name="Use it")).to_be_in_viewport(ratio=1)
    assert await serious_findings(page) == []
    assert await misfits(page) == []


@pytest.mark.parametrize("size", [(1280, 800), (1366, 768)], ids=str)
async def test_a_long_card_ends_where_it_can_be_seen(
    engine: FakeEngine, visitor: Visitor, size: tuple[int, int]
) -> None:
    """Two alerts stand and the playbook goes on: the card's text scrolls between its title and its buttons."""
    page = await visitor.visit("/desk", person=AGENT, size=size)
    player = Player()
    await engine.open_call(record())
    facts = player.turn(5)
    card = next(fact for fact in facts if isinstance(fact, Suggestion))
    await engine.publish(*player.opening(), *player.turn(0), *player.turn(4), *facts, *player.turn(10))
    await engine.publish(*player.playbook(done=1), *player.worded(card))
    await expect(page.get_by_test_id("worded")).to_be_visible()
    await expect(page.get_by_test_id("alert")).to_have_count(2)
    assert await unseen(page) == []
    assert await misfits(page) == []
    await engine.publish(*player.turn(8))
    await expect(page.get_by_test_id("card")).to_contain_text("Pago con otra tarjeta")
    assert await unseen(page) == []
    await expect(page.get_by_role("heading", name="Earlier")).to_be_in_viewport(ratio=1)
    assert await serious_findings(page) == []


async def test_the_playbooks_next_step_is_shown_beside_cards_and_alerts(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT, size=(1280, 640))
    player = Player()
    await engine.open_call(record())
    await expect(page.get_by_role("heading", name="Collections")).to_be_visible()
    await expect(page.get_by_test_id("playbook")).to_have_count(0)
    await engine.publish(*player.opening(), *player.turn(4), *player.turn(5), *player.turn(10))
    await engine.publish(*player.playbook(done=1))
    panel = page.get_by_test_id("playbook")
    await expect(panel).to_contain_text("La deuda")
    await expect(panel).to_contain_text("2/2")
    await expect(panel).to_contain_text("Next: Ofrezca un acuerdo")
    await expect(page.get_by_test_id("slot")).to_have_text(
        ["Monto prometido $450.000", "Fecha prometida open", "Teléfono confirmado given ··7890"]
    )
    await panel.get_by_role("button", name="$450.000").click()
    await panel.get_by_text("1 of 2 steps done").click()
    await expect(page.get_by_test_id("step")).to_have_count(2)
    await expect(page.get_by_test_id("step").first).to_contain_text("done")
    await expect(page.get_by_test_id("card").get_by_role("button", name="Use it")).to_be_in_viewport(ratio=1)
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await engine.publish(*player.playbook(done=2, step=""))
    await expect(panel).to_contain_text("All done in this stage")
    await engine.publish(*player.end())
    await expect(panel).to_have_count(0)


async def test_cards_are_answered_from_the_keyboard(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(5))
    first = page.get_by_test_id("card")
    await expect(first).to_contain_text("Ofrecer un acuerdo de pago")
    await page.keyboard.press("a")
    await expect(first).to_contain_text("Used")
    await engine.publish(*player.turn(8))
    await expect(first).to_contain_text("Pago con otra tarjeta")
    await page.keyboard.press("d")
    await expect(first).to_have_count(0)
    await expect(page.get_by_text("Nothing to suggest now")).to_be_visible()
    await page.keyboard.press("d")
    assert [message["action"] for message in engine.said("card")] == ["accepted", "dismissed"]


async def test_single_keys_are_listed_and_turned_off(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    await engine.open_call(record(agent_id="", agent_name=""))
    await expect(page.get_by_role("button", name="Claim")).to_be_visible()
    listed = page.get_by_role("dialog")
    await page.keyboard.press("?")
    await expect(listed).to_contain_text("Use the suggestion")
    assert await serious_findings(page) == []
    await page.keyboard.press("?")
    await expect(listed).to_have_count(0)
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await listed.get_by_label("Use single keys").uncheck()
    await page.keyboard.press("Escape")
    await expect(listed).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("button", name="Claim")).to_be_visible()
    await page.keyboard.press("c")
    await page.get_by_role("button", name="Claim").click()
    await expect(page.get_by_role("heading", name="Collections")).to_be_visible()
    assert len(engine.said("claim")) == 1
    assert visitor.complaints == []


async def test_a_lost_connection_is_said_and_loses_nothing(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(0))
    await expect(page.get_by_role("log")).to_contain_text("le habla Andrea Rojas")
    last = player.seq
    engine.refusing = True
    await engine.drop_sockets()
    await expect(page.get_by_test_id("link")).to_contain_text("Reconnecting")
    await engine.publish(*player.turn(1), *player.turn(2))
    engine.refusing = False
    await expect(page.get_by_test_id("link")).to_contain_text("Live")
    await expect(page.get_by_role("log")).to_contain_text("su fecha de nacimiento")
    await expect(page.get_by_role("log")).to_contain_text("Connection was lost for")
    assert [message["calls"] for message in engine.said("resume")] == [{}, {CALL_ID: last}]


async def test_a_call_of_nobody_is_claimed(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    await engine.open_call(record(agent_id="", agent_name=""))
    await page.get_by_role("button", name="Claim").click()
    await expect(page.get_by_role("heading", name="Collections")).to_be_visible()
    await expect(page.get_by_role("navigation", name="Live calls")).not_to_contain_text("Unclaimed")
    assert engine.said("claim") == [{"type": "claim", "id": CALL_ID}]


async def test_a_call_that_goes_to_another_desk_is_left_and_the_next_one_opens(
    engine: FakeEngine, visitor: Visitor
) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(0))
    await expect(page.get_by_role("log")).to_contain_text("le habla Andrea Rojas")
    await engine.open_call(record(agent_id="u-ben", agent_name="Ben Roa"))
    await expect(page.get_by_role("heading", name="Ready for the next call")).to_be_visible()
    await expect(page.get_by_role("navigation", name="Live calls")).not_to_contain_text("Collections")
    await engine.open_call(record("next", campaign="care"))
    await expect(page.get_by_role("heading", name="Customer care")).to_be_visible()
    assert visitor.complaints == []


async def test_a_command_that_is_refused_or_cannot_be_sent_is_told(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT, locale="es-CO", size=(1280, 640))
    link, alert = page.get_by_test_id("link"), page.get_by_role("alert")
    claim = page.get_by_role("button", name="Tomar")
    await engine.open_call(record(agent_id="", agent_name=""))
    engine.refusals["claim"] = "conflict"
    await claim.click()
    await expect(alert).to_have_text("No se pudo: otra persona ya tiene la llamada")
    await expect(page.get_by_role("heading", name="Listo para la próxima llamada")).to_be_visible()
    assert await serious_findings(page) == []
    await page.get_by_role("button", name="Cerrar", exact=True).click()
    await expect(alert).to_have_count(0)
    engine.refusals.clear()
    engine.refusing = True
    await engine.drop_sockets()
    await expect(link).to_contain_text("Reconectando")
    await claim.click()
    await expect(alert).to_contain_text("no hay conexión")
    engine.refusing = False
    await expect(link).to_contain_text("En vivo")
    await claim.click()
    await expect(page.get_by_role("heading", name="Cobranza")).to_be_visible()
    await expect(alert).to_have_count(0)


async def test_clocks_are_the_engines(engine: FakeEngine, visitor: Visitor) -> None:
    """The browser's own is an hour behind."""
    engine.ahead_s = 3600
    page = await visitor.visit("/desk", person=AGENT)
    await engine.open_call(record(started_at=time.time() + 3600 - 65))
    await expect(page.get_by_role("navigation", name="Live calls")).to_contain_text(re.compile(r"\b1:\d\d"))


async def test_the_end_of_a_call_is_summed_up(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(0), *player.end())
    summary = page.get_by_test_id("summary")
    await expect(summary).to_contain_text("1:41")
    await expect(summary).to_contain_text("hung up")


async def test_the_language_is_the_browsers_until_another_is_chosen(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT, locale="pt-BR")
    await expect(page.get_by_role("heading", name="Pronto para a próxima ligação")).to_be_visible()
    await page.get_by_label("Idioma").select_option("es")
    await expect(page.get_by_role("heading", name="Listo para la próxima llamada")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Listo para la próxima llamada")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "es"
