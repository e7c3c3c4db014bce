"""A card comes on the turn that calls for it, also when a pause cuts the need in two."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.facts import CallEvent, Fact, Leg, Suggestion
from engine.ports import Passage, Reading, Scored
from pipelines.cards import JOIN_MS, Cards
from pipelines.ledger import Ledger
from pipelines.suggest import QUIET_MS, Governor
from pipelines.turn import Turn, Turns
from pipelines.understand import read_here
from pipelines.utterance import Utterance


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

    def read(self, text: str, before: str = "", language: str = "") -> Reading:
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
        self._turns = Turns()
        self._reader = FakeReader(intents or {})
        self._cards = Cards(
            knowledge=FakeKnowledge(scores),
            governor=Governor(),
            ledger=Ledger("call-1", lambda: 0.0),
            turns=self._turns,
            reader=self._reader,
            reads=read_here,
            language="es",
        )
        self._number = 0

    async def say(self, text: str, start_ms: int, leg: Leg = "customer") -> Fact | None:
        self._number += 1
        said = Utterance(stream=leg, leg=leg, start_ms=start_ms, end_ms=start_ms + 1_000, text=text, language="es")
        turn = Turn(said, self._number, text, (), 0.0)
        self._turns.remember(turn)
        return await self._cards.suggest(turn, self._reader.read(text), leg)


def article(fact: Fact | None) -> str:
    return fact.article if isinstance(fact, Suggestion) else ""


async def test_a_need_that_a_pause_cut_in_two_gets_its_card() -> None:
    whole = "quería saber si puedo la otra semana"
    desk = Desk({whole: {"reschedule": 0.8}})
    assert await desk.say("quería saber si", 0) is None
    assert article(await desk.say("puedo la otra semana", 1_000 + JOIN_MS - 1)) == "reschedule"


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
    withheld = await desk.say(second, 2_000)
    assert isinstance(withheld, CallEvent)
    assert withheld.data["reason"] == "too_soon"
    assert article(await desk.say(second, 1_000 + QUIET_MS + 100)) == "retention"


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
