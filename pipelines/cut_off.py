"""Calls that a killed engine left, reviewed by the next one: measured, scored and wrapped up from what is stored."""

import datetime
from collections.abc import Callable, Sequence

import msgspec
import structlog

from engine.errors import Conflict, NotFound, Overloaded
from engine.facts import CallEvent, Fact, Transcript, decode
from engine.ports.intake import RoleDecision, Routing
from engine.ports.reading import Reading, TextReader
from engine.ports.storage import CallRecord, FactSink
from engine.store import Store
from engine.store.calls import INTERRUPTED
from models.compliance import CallContext
from models.review import Form
from pipelines.callee import day_there
from pipelines.conversation import gone_on
from pipelines.ledger import Ledger
from pipelines.review import Review
from pipelines.roster import Roster
from pipelines.turn import Turn, Turns
from pipelines.understand import read_aside
from pipelines.understanding import Understanding
from pipelines.utterance import Utterance

log = structlog.get_logger(__name__)

SINCE_S = 7 * 86_400.0
"""What was cut off longer ago stays as it is."""
TRIES = 3
"""Whoever confirms a wrap-up meanwhile takes the next number: then the call is looked at again."""


async def review_cut_off(
    store: Store,
    sink: FactSink,
    understanding: Understanding,
    form_of: Callable[[Routing], Form | None],
    now: float,
) -> None:
    """Reviews each call that was cut off and has not been; a fault costs that call alone, until the next start."""
    try:
        records = await store.calls.ended_as(INTERRUPTED, now - SINCE_S)
    except Overloaded:
        log.warning("calls.not_reviewed")  # the store went away just after the start
        return
    for record in records:
        with structlog.contextvars.bound_contextvars(call_id=record.call_id):
            try:
                await _review(store, sink, understanding, form_of, record)
            except Exception:
                log.exception("call.not_reviewed")


async def _review(
    store: Store,
    sink: FactSink,
    understanding: Understanding,
    form_of: Callable[[Routing], Form | None],
    record: CallRecord,
) -> None:
    routing = await _routing(store, record)
    for _ in range(TRIES):
        facts = [decode(body) for body in await store.calls.all_facts(record.organisation_id, record.call_id)]
        if any(_sums_up(fact) for fact in facts):
            return
        try:
            await sink.publish(
                record, await reviewed(facts, _context(routing, record), understanding, form_of(routing))
            )
        except Conflict:
            continue
        log.info("call.reviewed")
        return


async def reviewed(
    facts: Sequence[Fact], context: CallContext, understanding: Understanding, form: Form | None
) -> list[Fact]:
    """What the call's end would have added to its facts. Nobody knows what was said after the last of them, so of the
    form what was not met by then is open. Words are counted, and offsets of evidence given, as masked."""
    last = facts[-1]
    answered = next((fact.data for fact in facts if isinstance(fact, CallEvent) and fact.name == "call.answered"), {})
    context = msgspec.structs.replace(context, segment=answered.get("segment", "opening"))
    ledger, roster, turns = Ledger(last.call_id, _no_clock), Roster(), Turns()
    review = Review.of_call(context, form, understanding.rules, understanding.detectors, ledger=ledger, roster=roster)
    for fact in facts:
        review.saw([fact])
        match fact:
            case Transcript():
                turn = _turn(fact)
                reading = await _read(turn, turns, understanding.reader)
                review.hear(turn, reading, roster.leg_of(turn.utterance))
            case CallEvent(name="text.settled", data={"turn": number, "text": text}):
                if known := turns.get(number):
                    known.text = text
            case CallEvent(name="role.decided", data=data):
                decided = (data["stream"], data["role"], data["rule"], data["confidence"], data.get("user", ""))
                roster.decide([RoleDecision(*decided)])
            case CallEvent(name="call.held"):
                review.held(fact.start_ms)
            case CallEvent(name="call.resumed"):
                review.resumed(fact.start_ms)
            case CallEvent(name="music.started" | "music.ended" as name):
                review.music(fact.stream, fact.start_ms, plays=name == "music.started")
            case CallEvent(name="load.shed", data={"what": "final"}):
                review.unheard(fact.stream, fact.start_ms, fact.end_ms, lost=True)
    ledger.skip_to(last.seq)
    made = review.end(max(fact.end_ms for fact in facts), cut_off=True)
    confirmed = any(isinstance(fact, CallEvent) and fact.name == "wrap_up.confirmed" for fact in facts)
    return made[:-1] if confirmed else made


def _context(routing: Routing, record: CallRecord) -> CallContext:
    at = datetime.datetime.fromtimestamp(record.started_at, datetime.UTC)
    return CallContext(
        country=record.country,
        region=record.region,
        campaign=record.campaign,
        direction=record.direction,
        language=record.language,
        day=day_there(at, (), record.country, record.region),
        rule_packs=routing.rule_packs,
    )


async def _routing(store: Store, record: CallRecord) -> Routing:
    """As far as a review asks for it; a campaign that is gone had no name."""
    try:
        campaign = await store.campaigns.get(record.organisation_id, record.campaign_id)
        name, packs = campaign.name, campaign.rule_packs
    except NotFound:
        name, packs = "", ()
    return Routing(
        organisation_id=record.organisation_id,
        campaign_id=record.campaign_id,
        campaign=record.campaign,
        direction=record.direction,
        language=record.language,
        country=record.country,
        region=record.region,
        rule_packs=packs,
        knowledge="",
        members={},
        names={},
        name=name,
    )


def _turn(said: Transcript) -> Turn:
    utterance = Utterance(
        stream=said.stream,
        leg=said.leg,
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        text=said.text,
        language=said.language,
        turn=said.turn,
    )
    return Turn(utterance, said.turn, said.text, (), 0.0)


async def _read(turn: Turn, turns: Turns, reader: TextReader) -> Reading:
    """As `Conversation` reads it."""
    turns.remember(turn)
    begun = turns.begun(turn)
    before = begun.text if begun else ""
    # what was felt is among the facts
    reading = await read_aside(reader, turn.text, before, turn.utterance.language, feelings=False)
    turn.reading = gone_on(reading, begun.reading) if begun and begun.reading else reading
    return turn.reading


def _sums_up(fact: Fact) -> bool:
    return isinstance(fact, CallEvent) and fact.name == "talk.measured" and bool(fact.data.get("whole"))


def _no_clock() -> float:
    return 0.0
