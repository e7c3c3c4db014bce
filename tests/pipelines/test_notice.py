"""A notice that was played is a recording notice given; a tone is none."""

import datetime

import pytest

from engine.facts import CallEvent, Fact, Insight
from engine.ports.intake import RoleDecision
from models.compliance import CallContext, Judge, load_rules
from models.privacy import DigitGuard
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from pipelines.utterance import Utterance
from tests.fakes import FakeReader

CONTEXT = CallContext(
    country="CO",
    region="",
    campaign="care",
    direction="inbound",
    language="es",
    day=datetime.date(2026, 11, 24),
    segment="opening",
)


class Talk:
    """A call in Colombia, whose agent never says that it is recorded."""

    def __init__(self) -> None:
        self.ledger, roster = Ledger("call", lambda: 0.0), Roster()
        self.conversation = Conversation(
            ledger=self.ledger,
            roster=roster,
            guard=DigitGuard("CO", b"x" * 32),
            judge=Judge(load_rules(), CONTEXT),
            reader=FakeReader(),
            reads=read_here,
            knowledge=None,
            governor=Governor(),
            language="es",
            clock_ms=lambda: 0.0,
        )
        roles = (RoleDecision("a", "agent", "member", 1.0), RoleDecision("c", "customer", "member", 1.0))
        self.facts: list[Fact] = self.conversation.decide_roles(roles, 0)

    def play(self, what: str) -> CallEvent:
        event = self.ledger.event("notice.played", 3_000, {"what": what, "length_ms": 3_000}, stream="c")
        self.facts += self.conversation.noticed(event)
        return event

    async def go_on(self) -> None:
        for number, (stream, text) in enumerate((("a", "buenas tardes"), ("c", "hola"), ("a", "con mucho gusto"))):
            start = 4_000 + number * 2_000
            leg = self.conversation.roster.leg(stream)
            said = Utterance(stream=stream, leg=leg, start_ms=start, end_ms=start + 1_000, text=text, language="es")
            async for facts in self.conversation.hear(said):
                self.facts += facts
        self.facts += self.conversation.tick(60_000) + self.conversation.end(61_000)

    def outcomes(self) -> list[str | None]:
        return [fact.outcome for fact in self.facts if isinstance(fact, Insight) and fact.rule == "CO-REC-NOTICE"]


async def test_played_words_do_the_duty_and_are_its_evidence() -> None:
    talk = Talk()
    event = talk.play("words")
    await talk.go_on()
    assert talk.outcomes() == ["satisfied"]
    (duty,) = [fact for fact in talk.facts if isinstance(fact, Insight) and fact.rule == "CO-REC-NOTICE"]
    assert (duty.turn, duty.evidence[0].turn, duty.evidence[0].quote) == (event.seq, event.seq, "notice.played")
    assert duty.action == ""


@pytest.mark.parametrize("what", ["tone", ""])
async def test_without_words_it_is_still_owed(what: str) -> None:
    talk = Talk()
    if what:
        talk.play(what)
    await talk.go_on()
    assert talk.outcomes() == ["violation"]
