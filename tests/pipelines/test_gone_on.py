"""What a speaker says over two finals is understood as one, and each act once."""

import datetime

import numpy as np

from engine.facts import Fact, Insight
from engine.ports.reading import Reading, Scored, SpokenAct
from models.compliance import CallContext, Judge, load_rules
from models.privacy import DigitGuard
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from pipelines.utterance import Utterance
from tests.pipelines.test_call import clock_ms

BEGUN, GONE_ON = "Mire, quisiera que me", "olvidaran por siempre, gracias"


class Hears:
    """Hears an opt-out in whole sentences that it is given; keeps what it was asked."""

    def __init__(self, *sentences: str) -> None:
        self._sentences = sentences
        self.asked: list[tuple[str, str]] = []

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        self.asked.append((text, before))
        whole = f"{before} {text}" if before else text
        acts = tuple(
            SpokenAct("opt_out", 0.97, 0 if sentence in text else -1)
            for sentence in self._sentences
            if sentence in whole
        )
        return Reading(np.zeros(512, np.float32), Scored("neutral", 1.0), (), acts[:1], 1.0)


async def opt_outs(reader: Hears, *said: tuple[str, int]) -> list[Insight]:
    """Alerts about an opt-out on utterances of a second each that start at these milliseconds."""
    context = CallContext("CO", "", "sales", "outbound", "es", datetime.date(2026, 11, 28))
    conversation = Conversation(
        ledger=Ledger("call-1", clock_ms), roster=Roster(), guard=DigitGuard("CO", b"key"),
        judge=Judge(load_rules(), context), reader=reader, reads=read_here, knowledge=None, governor=Governor(),
        language="es", clock_ms=clock_ms,
    )  # fmt: skip
    facts: list[Fact] = []
    for text, start_ms in said:
        utterance = Utterance(
            stream="1", leg="customer", start_ms=start_ms, end_ms=start_ms + 1_000, text=text, language="es"
        )
        async for some in conversation.hear(utterance):
            facts += some
    return [fact for fact in facts if isinstance(fact, Insight) and fact.action == "dnc.requested"]


async def test_a_sentence_over_two_finals_is_one() -> None:
    reader = Hears(f"{BEGUN} {GONE_ON}")
    (alert,) = await opt_outs(reader, (BEGUN, 10_000), (GONE_ON, 11_600))
    assert alert.evidence[0].quote == GONE_ON
    assert reader.asked == [(BEGUN, ""), (GONE_ON, BEGUN)]


async def test_after_a_long_pause_it_is_not() -> None:
    assert await opt_outs(Hears(f"{BEGUN} {GONE_ON}"), (BEGUN, 10_000), (GONE_ON, 15_000)) == []


async def test_what_was_heard_before_is_not_heard_again() -> None:
    said = ("Olvídense de mí para siempre.", 10_000), ("Que esté muy bien.", 11_600)
    assert len(await opt_outs(Hears("Olvídense de mí"), *said)) == 1
