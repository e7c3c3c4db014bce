"""A card comes on the turn that calls for it, also when a pause cuts the need in two; and not while the agent
speaks."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.facts import CallEvent, Fact, Leg, SpeechSegment, Suggestion
from engine.ports.intake import RoleDecision
from engine.ports.reading import Passage, Reading, Scored
from pipelines.cards import Cards
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import FRESH_MS, QUIET_MS, Governor
from pipelines.turn import JOIN_MS, Turn, Turns
from pipelines.understand import read_here, search_here
from pipelines.utterance import Utterance
from pipelines.voices import Voices


class FakeKnowledge:
    """Knows the scores of articles by the words that are searched with."""

    def __init__(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        self._scores = scores

    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        scores = self._scores.get(text, {"other": 0.1})
        found = [Passage(article=name, title=name, body="", language="es", score=one) for name, one in scores.items()]
        return sorted(found, key=lambda passage: -passage.score)


class FakeReader:
    """Knows the intents of some texts."""

    def __init__(self, intents: Mapping[str, str]) -> None:
        self._intents = intents
        self.asked: list[str] = []

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        self.asked.append(text)
        intents = (Scored(self._intents[text], 0.9),) if text in self._intents else ()
        return Reading(
            vector=np.zeros(512, np.float32),
            sentiment=Scored("neutral", 1.0),
            intents=intents,
            acts=(),
            latency_ms=1.0,
        )


class Desk:
    """A call whose turns are said one after another."""

    def __init__(self, scores: Mapping[str, Mapping[str, float]], intents: Mapping[str, str] | None = None) -> None:
        self.turns = Turns()
        self.reader = FakeReader(intents or {})
        roster = Roster()
        roster.decide([RoleDecision(stream="agent", role="agent", rule="member", confidence=1.0)])
        self.voices = Voices(roster)
        self.decided: list[str] = []
        self.cards = Cards(
            knowledge=FakeKnowledge(scores),
            governor=Governor(),
            ledger=Ledger("call-1", lambda: 0.0),
            turns=self.turns,
            reader=self.reader,
            reads=read_here,
            searches=search_here,
            language="es",
            voices=self.voices,
            decided=self.decided.append,
        )
        self._number = 0

    def agent(self, state: Literal["started", "paused"], end_ms: int) -> list[Fact]:
        """What the agent's voice does, and what comes of it."""
        self.voices.hear(SpeechSegment("agent", 0, state, 0, end_ms))
        return self.cards.attend(end_ms)

    async def say(self, text: str, start_ms: int, leg: Leg = "customer") -> Fact | None:
        """The last that was made of it."""
        return ([None, *await self.hear(text, start_ms, leg)])[-1]

    async def hear(self, text: str, start_ms: int, leg: Leg = "customer") -> list[Fact]:
        self._number += 1
        said = Utterance(stream=leg, leg=leg, start_ms=start_ms, end_ms=start_ms + 1_000, text=text, language="es")
        turn = Turn(said, self._number, text, (), 0.0)
        self.turns.remember(turn)
        return await self.cards.suggest(turn, self.reader.read(text), leg)


def article(fact: Fact | None) -> str:
    return fact.article if isinstance(fact, Suggestion) else ""


def decided(stream: str, role: Leg) -> RoleDecision:
    return RoleDecision(stream=stream, role=role, rule="position", confidence=0.7)


def reason(fact: Fact | None) -> str:
    return str(fact.data["reason"]) if isinstance(fact, CallEvent) and fact.name == "card.withheld" else ""


async def test_a_need_that_a_pause_cut_in_two_gets_its_card() -> None:
    whole = "quería saber si puedo la otra semana"
    desk = Desk({whole: {"reschedule": 0.8}})
    assert await desk.say("quería saber si", 0) is None
    assert article(await desk.say("puedo la otra semana", 1_000 + JOIN_MS - 1)) == "reschedule"


@pytest.mark.parametrize(
    ("leg", "together"), [("customer", True), ("mixed", True), ("agent", False), ("unknown", False)]
)
async def test_whose_needs_no_card_answers_is_not_read_twice(leg: Leg, together: bool) -> None:
    desk = Desk({})
    await desk.hear("quería saber si", 0, leg)
    await desk.hear("puedo la otra semana", 1_500, leg)
    assert ("quería saber si puedo la otra semana" in desk.reader.asked) is together


async def test_an_intent_of_both_halves_together_triggers() -> None:
    whole = "me la cortaron ayer por"
    desk = Desk({whole: {"reconnection": 0.8}}, {whole: "billing_dispute"})
    assert await desk.say("me la cortaron", 0) is None
    assert await desk.say("mhm", 1_100, "agent") is None
    card = await desk.say("ayer por", 1_500)
    assert isinstance(card, Suggestion)
    assert (card.article, card.trigger) == ("reconnection", "billing_dispute")


async def test_after_a_longer_pause_a_turn_stands_alone() -> None:
    desk = Desk({"quería saber si puedo la otra semana": {"reschedule": 0.8}})
    await desk.say("quería saber si", 0)
    assert await desk.say("puedo la otra semana", 1_000 + JOIN_MS) is None


async def test_a_need_already_served_does_not_stand_before_a_new_one() -> None:
    first, second = "no tengo internet desde ayer", "además quiero cancelar todo"
    desk = Desk(
        {
            first: {"restart-modem": 0.9},
            second: {"retention": 0.6},
            f"{first} {second}": {"restart-modem": 0.95, "retention": 0.2},
        }
    )
    assert article(await desk.say(first, 0)) == "restart-modem"
    assert await desk.hear(second, 2_000) == []
    assert [article(one) for one in desk.cards.attend(1_000 + QUIET_MS)] == ["retention"]


async def test_a_turn_that_calls_for_nothing_leaves_no_trace() -> None:
    desk = Desk({})
    assert await desk.say("el clima está muy bonito hoy", 0) is None
    assert await desk.say("¿a qué hora abren los domingos?", 9_000) is not None


async def test_when_it_works_again_there_is_no_card() -> None:
    first, second = "el módem tiene la luz roja", "ah, ya funciona"
    desk = Desk({second: {"restart-modem": 0.9}, f"{first} {second}": {"restart-modem": 0.9}})
    assert await desk.say(first, 0) is None
    assert await desk.say(second, 1_500) is None


async def test_who_wants_no_calls_still_gets_the_article_about_that() -> None:
    text = "no me llamen más"
    desk = Desk({text: {"contact-preferences": 0.8}}, {text: "opt_out"})
    assert article(await desk.say(text, 0)) == "contact-preferences"


NEED, OTHER = "no tengo internet desde ayer", "además quiero cancelar todo"
SCORES = {
    NEED: {"restart-modem": 0.9},
    OTHER: {"retention": 0.8},
    f"{NEED} {OTHER}": {"restart-modem": 0.2},
    "ya funciona, gracias": {"restart-modem": 0.9},
}


async def test_while_the_agent_speaks_a_card_waits_for_the_pause() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    assert await desk.hear(NEED, 0) == []
    assert desk.cards.wait
    assert desk.agent("started", 2_000) == []
    [card] = desk.agent("paused", 2_500)
    assert article(card) == "restart-modem"
    assert card.measured is not None
    assert (card.measured.latency_ms or {})["agent_pause"] == 1_300.0
    assert not desk.cards.wait
    assert desk.decided == ["waits", "shown"]


async def test_a_card_whose_words_are_long_past_is_dropped() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    assert desk.agent("started", 1_000 + FRESH_MS) == []
    [dropped] = desk.agent("started", 1_001 + FRESH_MS)
    assert isinstance(dropped, CallEvent)
    assert dropped.data == {
        "turn": 1,
        "trigger": "need",
        "reason": "stale",
        "article": "restart-modem",
        "score": 0.9,
        "bar": 0.5,
    }
    assert dropped.end_ms == 1_001 + FRESH_MS
    assert desk.agent("paused", 1_002 + FRESH_MS) == []
    assert desk.decided == ["waits", "stale"]


async def test_the_newer_need_takes_the_place_of_a_card_that_waits() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    [dropped] = await desk.hear(OTHER, 1_500)
    assert reason(dropped) == "overtaken"
    assert [article(one) for one in desk.agent("paused", 2_800)] == ["retention"]


async def test_a_need_that_is_said_again_keeps_its_card_waiting_and_makes_it_fresh() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    assert await desk.hear(NEED, 5_000) == []
    [card] = desk.agent("paused", 6_000 + FRESH_MS)
    assert (article(card), card.end_ms) == ("restart-modem", 6_000)


async def test_a_card_that_waits_is_not_shown_once_things_work_again() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    assert reason(await desk.say("ya funciona, gracias", 4_000)) == "resolved"
    assert desk.agent("paused", 5_200) == []


async def test_who_was_told_that_it_works_again_keeps_the_card_that_waits() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    assert reason(await desk.say("Me dijeron que ya quedó y sigo sin internet.", 4_000)) == ""
    assert [article(one) for one in desk.agent("paused", 5_200)] == ["restart-modem"]


async def test_who_wants_to_be_left_alone_after_all_gets_no_card_that_waited() -> None:
    wish = "no, mejor ya no me llamen"
    desk = Desk(SCORES | {wish: {"retention": 0.6}}, {wish: "opt_out"})
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    assert [reason(one) for one in await desk.hear(wish, 4_000)] == ["overtaken", "low_confidence"]
    assert desk.agent("paused", 5_200) == []


async def test_a_card_about_being_left_alone_waits_on_when_that_is_said_again() -> None:
    wish, again = "no me llamen más", "quítenme de la lista"
    desk = Desk({wish: {"contact-preferences": 0.8}, again: {"retention": 0.6}}, {wish: "opt_out", again: "opt_out"})
    desk.agent("started", 1_200)
    await desk.hear(wish, 0)
    assert [reason(one) for one in await desk.hear(again, 4_000)] == ["low_confidence"]
    assert [article(one) for one in desk.agent("paused", 5_200)] == ["contact-preferences"]


async def test_a_wish_to_be_left_alone_decides_beside_a_complaint() -> None:
    first, second = "ya dejen de llamarme", "voy a poner una queja"
    scores = {text: {"send-details": 0.6} for text in (second, f"{first} {second}")}
    desk = Desk(scores, {second: "complaint", f"{first} {second}": "opt_out"})
    await desk.say(first, 0)
    withheld = await desk.say(second, 1_500)
    assert isinstance(withheld, CallEvent)
    assert (withheld.data["trigger"], withheld.data["reason"]) == ("opt_out", "low_confidence")


async def test_what_turns_out_to_be_the_agents_own_words_called_for_no_card() -> None:
    desk = Desk(SCORES)
    card = await desk.say(NEED, 0)
    assert isinstance(card, Suggestion)
    desk.cards.answered("accepted", "restart-modem", 1_500)
    [taken] = desk.cards.role_changed(decided("customer", "agent"), 2_000)
    assert isinstance(taken, CallEvent)
    assert (taken.name, taken.data) == ("withdrawn", {"of": [card.seq], "reason": "role_changed"})
    assert desk.cards.role_changed(decided("customer", "agent"), 2_500) == []
    assert article(await desk.say(NEED, 3_000)) == "restart-modem"


async def test_a_card_that_waits_for_who_turns_out_to_be_the_agent_is_not_shown() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    assert desk.cards.role_changed(decided("other", "agent"), 1_500) == []
    assert desk.cards.role_changed(decided("customer", "customer"), 1_500) == []
    assert [reason(one) for one in desk.cards.role_changed(decided("customer", "agent"), 2_000)] == ["role_changed"]
    assert desk.agent("paused", 2_500) == []


async def test_where_nobody_hears_voices_a_second_card_comes_with_the_clock() -> None:
    desk = Desk(SCORES)
    assert article(await desk.say(NEED, 0)) == "restart-modem"
    assert await desk.hear(OTHER, 3_000) == []
    assert desk.cards.attend(1_000 + QUIET_MS - 1) == []
    [card] = desk.cards.attend(1_000 + QUIET_MS)
    assert card.measured is not None
    assert (article(card), (card.measured.latency_ms or {})["agent_pause"]) == ("retention", 3_000.0)


async def test_what_is_masked_while_a_card_waits_is_masked_in_what_it_answers() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    waiting = desk.turns.get(1)
    assert waiting is not None
    waiting.text = "no tengo internet desde [dob]"
    [card] = desk.agent("paused", 2_500)
    question = desk.cards.question_of(card.seq)
    assert question is not None
    assert question.text == "no tengo internet desde [dob]"


async def test_when_the_call_ends_nothing_waits_any_more() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    assert [reason(one) for one in desk.cards.end(2_000)] == ["call_ended"]
    assert desk.cards.end(2_000) == []


async def test_a_card_that_waited_counts_from_when_it_was_shown() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    desk.agent("paused", 6_000)
    assert await desk.hear(OTHER, 6_000 + QUIET_MS - 1_001) == []
    assert desk.cards.attend(6_000 + QUIET_MS - 1) == []
    assert [article(one) for one in desk.cards.attend(6_000 + QUIET_MS)] == ["retention"]


async def test_what_a_refusal_is_about_is_told_with_it() -> None:
    desk = Desk({NEED: {"restart-modem": 0.4}}, {NEED: "technical_problem"})
    refused = await desk.say(NEED, 0)
    assert isinstance(refused, CallEvent)
    assert refused.data == {
        "turn": 1,
        "trigger": "technical_problem",
        "reason": "low_confidence",
        "article": "restart-modem",
        "score": 0.4,
        "bar": 0.5,
    }
    assert desk.decided == ["low_confidence"]


async def test_a_card_is_kept_with_what_it_answers_and_all_that_deserved_one() -> None:
    first, second = "quería saber si", "puedo la otra semana"
    desk = Desk({f"{first} {second}": {"reschedule": 0.9, "fees": 0.8, "hours": 0.2}})
    await desk.say(first, 0)
    card = await desk.say(second, 1_500)
    assert isinstance(card, Suggestion)
    question = desk.cards.question_of(card.seq)
    assert question is not None
    assert (question.text, question.language) == (f"{first} {second}", "es")
    assert [passage.article for passage in question.passages] == ["reschedule", "fees"]
    assert desk.cards.question_of(card.seq + 1) is None


async def test_a_card_that_waited_is_kept_with_what_it_answers_too() -> None:
    desk = Desk(SCORES)
    desk.agent("started", 1_200)
    await desk.hear(NEED, 0)
    [card] = desk.agent("paused", 2_500)
    question = desk.cards.question_of(card.seq)
    assert question is not None
    assert (question.text, question.passages[0].article) == (NEED, "restart-modem")


async def test_words_that_come_late_call_for_no_card_any_more() -> None:
    desk = Desk(SCORES)
    desk.voices.tick(1_001 + FRESH_MS)
    assert reason(await desk.say(NEED, 0)) == "stale"
    assert desk.decided == ["stale"]
    assert article(await desk.say(NEED, 1)) == "restart-modem"


async def test_words_that_come_late_together_make_no_burst_of_cards() -> None:
    desk = Desk(SCORES)
    desk.voices.tick(FRESH_MS)
    assert article(await desk.say(NEED, 0)) == "restart-modem"
    assert reason(await desk.say(OTHER, QUIET_MS - 1_001)) == "too_soon"
    assert await desk.hear(OTHER, QUIET_MS) == []
    assert [article(one) for one in desk.cards.attend(FRESH_MS + QUIET_MS)] == ["retention"]
