"""What verdicts become beside alerts."""

import datetime

import pytest

from engine.facts import CallEvent, Fact, Insight, Leg
from engine.ports.intake import RoleDecision
from models.compliance import CallContext, Judge, load_rules
from models.privacy import DigitGuard
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.pauses import Pauses
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from pipelines.utterance import Utterance
from tests.pipelines.test_call import clock_ms
from tests.pipelines.test_gone_on import Hears

DAY = datetime.date(2026, 11, 28)


def conversation_of(context: CallContext) -> Conversation:
    return Conversation(
        ledger=Ledger("call-1", clock_ms), roster=Roster(), guard=DigitGuard(context.country, b"key"),
        judge=Judge(load_rules(), context), reader=Hears(), reads=read_here, knowledge=None, governor=Governor(),
        language=context.language, clock_ms=clock_ms,
    )  # fmt: skip


async def heard(conversation: Conversation, *said: tuple[str, Leg, int, int, str]) -> list[Fact]:
    """What is made of (stream, leg, start and end in milliseconds, words)."""
    facts: list[Fact] = []
    for stream, leg, start_ms, end_ms, text in said:
        one = Utterance(stream=stream, leg=leg, start_ms=start_ms, end_ms=end_ms, text=text, language="")
        async for some in conversation.hear(one):
            facts += some
    return facts


def outcomes(facts: list[Fact], rule: str) -> list[str | None]:
    return [fact.outcome for fact in facts if isinstance(fact, Insight) and fact.rule == rule]


@pytest.mark.parametrize(("leg", "outcome", "told"), [("customer", "event", 1), ("mixed", "undecided", 0)])
async def test_the_dialer_is_told_of_what_the_customer_surely_said(leg: Leg, outcome: str, told: int) -> None:
    conversation = conversation_of(CallContext("US", "TX", "sales", "outbound", "en", DAY))
    facts = await heard(conversation, ("1", leg, 10_000, 12_000, "Please stop calling me."))
    alerts = [fact for fact in facts if isinstance(fact, Insight) and fact.action == "dnc.requested"]
    events = [fact for fact in facts if isinstance(fact, CallEvent) and fact.name == "dnc.requested"]
    assert ([alert.outcome for alert in alerts], len(events)) == ([outcome], told)


@pytest.mark.parametrize(("cut_off", "told"), [(False, ["violation"]), (True, [])])
async def test_what_was_owed_by_the_end_is_not_by_a_cut(cut_off: bool, told: list[str]) -> None:
    conversation = conversation_of(CallContext("BR", "", "care", "inbound", "pt", DAY))
    await heard(
        conversation,
        ("a", "agent", 1_000, 3_000, "Boa tarde, esta ligação será gravada."),
        ("c", "customer", 4_000, 6_000, "Minha internet caiu."),
        ("a", "agent", 7_000, 9_000, "Vou verificar a linha."),
    )
    assert outcomes(conversation.end(12_000, cut_off=cut_off), "BR-SAC-PROTOCOL") == told


def decided(**legs: Leg) -> list[RoleDecision]:
    return [RoleDecision(stream, leg, "position", 0.7) for stream, leg in legs.items()]


async def test_two_people_who_change_places_are_judged_once_both_are_who_they_are() -> None:
    conversation = conversation_of(CallContext("US", "TX", "collections", "outbound", "en", DAY))
    conversation.decide_roles(decided(a="customer", c="agent"), 0)
    said = await heard(
        conversation,
        ("a", "customer", 1_000, 3_000, "Am I speaking with Jane Roe?"),
        ("c", "agent", 4_000, 5_000, "Yes, this is she."),
        ("a", "customer", 6_000, 8_000, "Your account is past due."),
    )
    told = conversation.decide_roles(decided(a="agent", c="customer"), 9_000)
    assert outcomes([*said, *told], "US-FDCPA-3RDPARTY") == []
    assert outcomes(told, "US-FDCPA-MIRANDA") == ["violation"]


async def test_nobody_can_be_told_anything_on_hold() -> None:
    conversation = conversation_of(CallContext("CO", "", "collections", "outbound", "es", DAY))
    facts = await heard(conversation, ("a", "agent", 1_000, 3_000, "Buenas tardes, un momento por favor."))
    conversation.held(4_000)
    facts += conversation.tick(50_000)
    conversation.resumed(64_000)
    facts += await heard(conversation, ("a", "agent", 65_000, 68_000, "Le informo que la llamada está siendo grabada."))
    assert outcomes(facts, "CO-REC-NOTICE") == ["satisfied"]


async def test_a_pause_for_a_notice_that_did_not_come_in_time_ends_when_it_comes() -> None:
    conversation = conversation_of(CallContext("CO", "", "collections", "outbound", "es", DAY))
    facts = await heard(conversation, ("a", "agent", 1_000, 3_000, "Buenas tardes."))
    facts += conversation.tick(40_000)
    facts += await heard(conversation, ("a", "agent", 45_000, 48_000, "Le informo que la llamada está siendo grabada."))
    facts += conversation.end(60_000)
    pauses = Pauses()
    alerts = [fact for fact in facts if isinstance(fact, Insight) and fact.rule == "CO-REC-NOTICE"]
    assert [alert.outcome for alert in alerts] == ["violation", "satisfied"]
    assert [pauses.ruled(alert) for alert in alerts] == [("pause", "CO-REC-NOTICE"), ("resume", "CO-REC-NOTICE")]


@pytest.mark.parametrize(("lost", "outcome", "paused"), [(True, "undecided", None), (False, "violation", "pause")])
async def test_a_notice_that_may_be_among_lost_words_pauses_no_recording(
    lost: bool, outcome: str, paused: str | None
) -> None:
    conversation = conversation_of(CallContext("CO", "", "collections", "outbound", "es", DAY))
    conversation.unheard("a", 500, 3_000, lost=lost)
    facts = await heard(conversation, ("a", "agent", 5_000, 7_000, "Buenas tardes, dígame."))
    facts += conversation.tick(60_000)
    (alert,) = [fact for fact in facts if isinstance(fact, Insight) and fact.rule == "CO-REC-NOTICE"]
    change = Pauses().ruled(alert)
    assert (alert.outcome, change and change[0]) == (outcome, paused)


async def test_what_was_held_against_somebody_is_withdrawn_where_words_before_it_turn_out_lost() -> None:
    conversation = conversation_of(CallContext("US", "TX", "collections", "outbound", "en", DAY))
    said = await heard(
        conversation,
        ("a", "agent", 1_000, 2_500, "Am I speaking with Jane Roe?"),
        ("a", "agent", 4_000, 6_000, "Your account is past due."),
    )
    (alert,) = [fact for fact in said if isinstance(fact, Insight) and fact.rule == "US-FDCPA-3RDPARTY"]
    conversation.unheard("c", 3_000, 7_500, lost=True)
    told = conversation.tick(8_000)
    (taken,) = [fact for fact in told if isinstance(fact, CallEvent) and fact.name == "withdrawn"]
    assert taken.data["of"] == [alert.seq]
    assert outcomes(told, "US-FDCPA-3RDPARTY") == ["undecided"]
