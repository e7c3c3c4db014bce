"""What the text models cannot read."""

import datetime
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.facts import CallEvent, Fact, Insight, Leg, Transcript
from engine.ports.intake import RoleDecision
from engine.ports.reading import Passage, Reading
from models.compliance import CallContext, Judge, load_detectors, load_rules
from models.privacy import DigitGuard
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.review import Review
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import NOTHING_READ, read_aside, search_aside
from pipelines.utterance import Utterance
from tests.pipelines.noted_call import Shelf


class Faulty:
    """A model that is out of memory."""

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        raise RuntimeError("bad allocation")


class Burnt:
    """An index that fails."""

    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        raise RuntimeError("bad allocation")


async def test_a_fault_of_the_search_finds_nothing() -> None:
    nothing = np.zeros(512, np.float32)
    assert list(await search_aside(Burnt(), "¿cuánto debo?", nothing, "es")) == []
    found = await search_aside(Shelf(), "¿cuánto debo?", nothing, "es")
    assert list(found) == list(Shelf().search("¿cuánto debo?", nothing, language="es"))


async def test_a_fault_of_the_models_costs_what_they_would_have_read_and_nothing_else() -> None:
    assert await read_aside(Faulty(), "Buenas tardes.", "", "es", feelings=True) is NOTHING_READ
    context = CallContext("CO", "", "collections", "outbound", "es", datetime.date(2026, 11, 28))
    ledger, roster, rules, detectors = Ledger("call-1", lambda: 0.0), Roster(), load_rules(), load_detectors()
    conversation = Conversation(
        ledger=ledger, roster=roster, guard=DigitGuard("CO", b"key"), judge=Judge(rules, context, detectors),
        reader=Faulty(), reads=read_aside, knowledge=Shelf(), governor=Governor(), language="es", clock_ms=lambda: 0.0,
        review=Review.of_call(context, None, rules, detectors, ledger=ledger, roster=roster),
    )  # fmt: skip
    conversation.decide_roles(
        [RoleDecision("agent", "agent", "override", 1.0), RoleDecision("customer", "customer", "override", 1.0)], 0
    )
    facts: list[Fact] = []
    lines: tuple[tuple[Leg, str], ...] = (
        ("agent", "Buenas tardes, le informo que la llamada está siendo grabada."),
        ("customer", "Mi correo es ana@example.com, ¿y qué es este bill?"),
    )
    for number, (leg, text) in enumerate(lines):
        start_ms = 1_000 + 4_000 * number
        said = Utterance(stream=leg, leg=leg, start_ms=start_ms, end_ms=start_ms + 3_000, text=text, language="es")
        async for some in conversation.hear(said):
            facts += some
    facts += conversation.end(10_000)
    assert len([fact for fact in facts if isinstance(fact, Transcript)]) == 2
    insights = [fact for fact in facts if isinstance(fact, Insight)]
    assert {fact.kind for fact in insights} == {"compliance", "entity"}
    assert ("CO-REC-NOTICE", "satisfied") in [(fact.rule, fact.outcome) for fact in insights]
    (whole,) = [fact.data for fact in facts if isinstance(fact, CallEvent) and fact.name == "talk.measured"]
    assert whole["legs"].keys() == {"agent", "customer"}
