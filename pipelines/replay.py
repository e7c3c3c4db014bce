"""The same pipeline on last month's calls: recordings and transcripts in, facts out.

A transcript is JSON lines, one call a line; a recording is WAV or FLAC. Facts go to `emit` as they are made, with the
schema that the agent's WebSocket carries.
"""

import datetime
import time
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Annotated, Literal

import msgspec

from engine.errors import Invalid
from engine.facts import Draft, Fact, Leg
from engine.ports.hearing import Ears
from engine.ports.intake import IngestSession, Participant, RoleDecision
from engine.ports.reading import KnowledgeSearch, TextReader
from engine.ports.storage import CallRecord, FactSink
from engine.tokens import Token
from models.compliance import CallContext, Detectors, Judge, JudgedTurn, Metadata, Rule
from models.compliance.metadata import check_year
from models.playbooks import Playbook, bundled_playbooks
from models.privacy import DigitGuard, SpokenTurn
from models.review import Form, bundled_forms, form_for
from pipelines.call import LiveCall
from pipelines.callee import day_there
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.notes import program_version
from pipelines.playbook_watch import PlaybookWatch
from pipelines.review import Review
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_aside, read_here, search_aside, search_here
from pipelines.utterance import Utterance

MS_PER_CHARACTER = 65
"""Length of a turn whose times are not given, about 2.6 words a second: deadlines and pauses need one, figures do
without."""
PAUSE_MS = 400
OUTBOUND = ("sales", "collections")

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]


class TranscriptTurn(msgspec.Struct, frozen=True):
    leg: Literal["customer", "agent"]
    text: Annotated[str, msgspec.Meta(max_length=20_000)]
    start_ms: Milliseconds | None = None
    end_ms: Milliseconds | None = None


class TranscriptCall(msgspec.Struct, frozen=True):
    """One line of a transcript file. What it may say stands in `docs/rules.md`; whoever wrote it may keep labels of
    their own beside that."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    language: Literal["es", "pt", "en"]
    country: Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{2}$")]
    campaign: Annotated[str, msgspec.Meta(max_length=100)]
    turns: Annotated[list[TranscriptTurn], msgspec.Meta(max_length=5_000)]
    region: str | None = None
    answered_at: Annotated[str, msgspec.Meta(max_length=64)] | float | None = None
    """ISO 8601 or UNIX seconds. Decides which rules were in force; left out it is the metadata's `at`, else now."""
    segment: Literal["opening", "mid"] = "opening"
    direction: Literal["inbound", "outbound"] | None = None
    metadata: Metadata = Metadata()
    """What is known of the call beside its words; what is left out is not judged."""


class Judging(msgspec.Struct, frozen=True):
    """What every replayed call is judged with."""

    reader: TextReader
    rules: Sequence[Rule]
    detectors: Detectors
    knowledge: KnowledgeSearch | None
    forms: Sequence[Form] = msgspec.field(default_factory=bundled_forms)
    """What calls are scored and wrapped up by."""
    playbooks: Sequence[Playbook] = msgspec.field(default_factory=bundled_playbooks)
    agent_sentiment: bool = True
    """Whether feelings are read in what agents say."""


Emit = Callable[[Fact], None]

_decode_call = msgspec.json.Decoder(TranscriptCall).decode


def parse_line(line: bytes) -> TranscriptCall:
    """Raises `Invalid` with what is wrong; the words themselves are not repeated."""
    try:
        return _decode_call(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(" ".join(str(error).split())) from error


def misspelt(line: bytes) -> list[tuple[str, str]]:
    """Of a line that was parsed: fields that there are not, each with the one that may be meant and is missing. Left
    out unsaid, its call would be judged by another law, or on made-up times."""
    call = msgspec.json.decode(line)
    return list(
        dict.fromkeys(
            (name, near[0])
            for said, kind in [(call, TranscriptCall), *((turn, TranscriptTurn) for turn in call["turns"])]
            for name in said
            if name not in kind.__struct_fields__
            and (near := get_close_matches(name, [one for one in kind.__struct_fields__ if one not in said], 1, 0.65))
        )
    )


def day_of(call: TranscriptCall) -> datetime.date:
    """The call's local day. A moment that says its offset is taken by it, unless zones are known; one of UTC is taken
    to where the person is. Raises `Invalid`."""
    at = _answered(call.answered_at) or call.metadata.at or datetime.datetime.now(datetime.UTC)
    zones = call.metadata.zones
    if at.tzinfo is None or (at.utcoffset() and not zones):
        return at.date()
    return day_there(at, zones, call.country, call.region or "")


def _answered(at: str | float | None) -> datetime.datetime | None:
    if at is None:
        return None
    try:
        moment = (
            datetime.datetime.fromisoformat(at)
            if isinstance(at, str)
            else datetime.datetime.fromtimestamp(at, datetime.UTC)
        )
        check_year(moment)
        return moment
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid(f"answered_at: {error}") from error


def direction_of(campaign: str) -> Literal["inbound", "outbound"]:
    return "outbound" if campaign in OUTBOUND else "inbound"


def context_of(call: TranscriptCall) -> CallContext:
    """Raises `Invalid`."""
    return CallContext(
        country=call.country.upper(),
        region=(call.region or "").upper(),
        campaign=call.campaign,
        direction=call.direction or direction_of(call.campaign),
        language=call.language,
        day=day_of(call),
        segment=call.segment,
        metadata=call.metadata,
    )


def masked_turns(call: TranscriptCall) -> list[JudgedTurn]:
    """The call's turns as rules may see them: what is private is masked by all that is said up to the call's end."""
    guard = DigitGuard(call.country.upper(), b"turns:" + call.id.encode())
    said: list[SpokenTurn] = []
    texts: dict[int, str] = {}
    clock = 0
    for index, turn in enumerate(call.turns):
        start, end = _times(turn, clock)
        said.append(SpokenTurn(index, turn.leg, turn.leg, turn.text, start, end, call.language))
        texts |= {text.turn: text.text for text in guard.hear(said[-1]).texts}
        clock = max(clock, end)
    if closing := guard.close():
        texts |= {text.turn: text.text for text in closing.texts}
    return [
        JudgedTurn(one.turn, one.stream, one.leg, texts[one.turn], one.start_ms, one.end_ms, call.language)
        for one in said
    ]


def _times(turn: TranscriptTurn, clock: int) -> tuple[int, int]:
    start = turn.start_ms if turn.start_ms is not None else clock + PAUSE_MS
    end = turn.end_ms if turn.end_ms is not None else start + MS_PER_CHARACTER * len(turn.text)
    return start, max(start, end)


async def replay_transcript(call: TranscriptCall, tools: Judging, emit: Emit) -> None:
    """Judges one call's turns in their order, on the clock that their times make. Without both times of every turn
    nothing is measured."""
    timed = all(turn.start_ms is not None and turn.end_ms is not None for turn in call.turns)
    ledger = Ledger(call.id, _clock_ms)
    conversation = _conversation(tools, call.id, live=False, context=context_of(call), ledger=ledger, timed=timed)
    answered = {"protocol": "transcript", "peer": "", "correlation": {}, "duties": conversation.duties()}
    answered |= {"segment": call.segment, "program": program_version()}
    emit(ledger.event("call.answered", 0, answered))
    for fact in conversation.decide_roles(_decided(("customer", "agent")), 0):
        emit(fact)
    clock = 0
    for index, turn in enumerate(call.turns):
        start, end = _times(turn, clock)
        for fact in conversation.tick(start):
            emit(fact)
        said = Utterance(
            stream=turn.leg,
            leg=turn.leg,
            start_ms=start,
            end_ms=end,
            text=turn.text,
            language=call.language,
            confidence=1.0,
            turn=index,
        )
        async for facts in conversation.hear(said):
            for fact in facts:
                emit(fact)
        clock = max(clock, end)
    for fact in conversation.end(clock):
        emit(fact)
    emit(ledger.event("call.ended", clock, {"reason": "end_of_file"}))


class RecordingOf(msgspec.Struct, frozen=True):
    """What is known of a recording beside its sound."""

    language: str
    """Empty: to be identified."""
    country: str
    region: str
    campaign: str
    legs: tuple[Leg, ...]
    direction: Literal["inbound", "outbound"]
    day: datetime.date


async def replay_recording(
    session: IngestSession, about: RecordingOf, tools: Judging, ears: Ears, emit: Emit, *, drafts: bool
) -> None:
    """Hears a recording as a live call is heard; ends when its facts are all emitted."""
    call_id = session.offer.call_id
    context = CallContext(
        country=about.country,
        region=about.region,
        campaign=about.campaign,
        direction=about.direction,
        language=about.language,
        day=about.day,
        segment="opening",
    )
    ledger = Ledger(call_id, _clock_ms)
    conversation = _conversation(tools, call_id, live=True, context=context, ledger=ledger)
    record = CallRecord(
        call_id=call_id,
        organisation_id="",
        campaign_id="",
        campaign=about.campaign,
        direction=about.direction,
        language=about.language,
        country=about.country,
        region=about.region,
        protocol=session.offer.protocol,
    )

    def roles(participants: Sequence[Participant]) -> list[RoleDecision]:
        order = sorted(participants, key=lambda one: one.position)
        return [
            RoleDecision(stream=one.stream, role=leg, rule="override", confidence=1.0)
            for one, leg in zip(order, about.legs, strict=False)
        ]

    call = LiveCall(
        session=session,
        record=record,
        ledger=ledger,
        conversation=conversation,
        ears=ears,
        sink=_Printer(emit),
        decide_roles=roles,
        name_of=lambda user: "",
        clock_ms=_clock_ms,
        wall_clock=time.time,
        drafts=drafts,
    )
    await call.serve()


def _conversation(
    tools: Judging,
    call_id: str,
    *,
    live: bool,
    context: CallContext,
    ledger: Ledger,
    timed: bool = True,
) -> Conversation:
    roster = Roster()
    form = form_for(tools.forms, context.campaign)
    return Conversation(
        ledger=ledger,
        roster=roster,
        guard=DigitGuard(context.country, b"replay:" + call_id.encode()),
        judge=Judge(tools.rules, context, tools.detectors),
        reader=tools.reader,
        reads=read_aside if live else read_here,
        searches=search_aside if live else search_here,
        knowledge=tools.knowledge,
        governor=Governor(),
        language=context.language,
        country=context.country,
        clock_ms=_clock_ms,
        review=Review.of_call(context, form, tools.rules, tools.detectors, ledger=ledger, roster=roster, timed=timed),
        agent_sentiment=tools.agent_sentiment,
        playbook=PlaybookWatch.of_call(tools.playbooks, context, tools.detectors, ledger=ledger, roster=roster),
    )


def _decided(legs: tuple[Leg, ...]) -> list[RoleDecision]:
    return [RoleDecision(stream=leg, role=leg, rule="override", confidence=1.0) for leg in legs]


def _clock_ms() -> float:
    return time.monotonic() * 1000


class _Printer(FactSink):
    """Facts go straight to `emit`; nothing is stored."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    async def opened(self, record: CallRecord) -> None:
        return None

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        for fact in facts:
            self._emit(fact)

    def draft(self, record: CallRecord, draft: Draft) -> None:
        return None

    async def changed(self, record: CallRecord) -> None:
        return None
