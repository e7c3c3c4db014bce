"""What verdicts become beside alerts."""

import datetime

import pytest

from engine.facts import CallEvent, Fact, Insight, Leg
from models.compliance import CallContext, Judge, load_rules
from models.privacy import DigitGuard
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from pipelines.utterance import Utterance
from tests.pipelines.test_call import clock_ms
from tests.pipelines.test_gone_on import Hears


@pytest.mark.parametrize(("leg", "outcome", "told"), [("customer", "event", 1), ("mixed", "undecided", 0)])
async def test_the_dialer_is_told_of_what_the_customer_surely_said(leg: Leg, outcome: str, told: int) -> None:
    context = CallContext("US", "TX", "sales", "outbound", "en", datetime.date(2026, 11, 28))
    conversation = Conversation(
        ledger=Ledger("call-1", clock_ms), roster=Roster(), guard=DigitGuard("US", b"key"),
        judge=Judge(load_rules(), context), reader=Hears(), reads=read_here, knowledge=None, governor=Governor(),
        language="en", clock_ms=clock_ms,
    )  # fmt: skip
    said = Utterance(stream="1", leg=leg, start_ms=10_000, end_ms=12_000, text="Please stop calling me.", language="en")
    facts: list[Fact] = [fact async for some in conversation.hear(said) for fact in some]
    alerts = [fact for fact in facts if isinstance(fact, Insight) and fact.action == "dnc.requested"]
    events = [fact for fact in facts if isinstance(fact, CallEvent) and fact.name == "dnc.requested"]
    assert ([alert.outcome for alert in alerts], len(events)) == ([outcome], told)
