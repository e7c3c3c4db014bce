"""A live call commits in the order of speech, sheds drafts before finals, and survives what comes late."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.facts import CallEvent, Fact, Pcm16, SpeechSegment, Suggestion, Transcript
from engine.ports.desk import DeskCommand, Person
from engine.ports.hearing import Heard, ListenJob
from engine.ports.intake import CallEnded, ClockTick, MediaEvent, Participant, ParticipantsChanged, RoleDecision
from engine.ports.reading import KnowledgeSearch, Passage
from engine.ports.storage import CallRecord
from engine.ports.writing import AnswerWriter
from engine.tokens import Token
from models.compliance import CallContext, Judge, load_rules
from models.compliance.rules import Rule
from models.privacy import DigitGuard
from pipelines.call import LiveCall
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.notes import program_version
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from pipelines.voices import Voices
from tests.fakes import FakeEars, FakeReader, FakeSession, FakeSink

PARTICIPANTS = (Participant(stream="1", position=0), Participant(stream="2", position=1))
CONTEXT = CallContext(
    country="US",
    region="",
    campaign="care",
    direction="inbound",
    language="en",
    day=datetime.date(2026, 11, 24),
    segment="opening",
)


def clock_ms() -> float:
    return 1_001_000.0


MEMBERS = {"1001@pbx": "user-1", "1002@pbx": "user-2"}


STRANGER = Participant(stream="2", position=1, aor="carla@partner.example")


def by_position(participants: Sequence[Participant]) -> list[RoleDecision]:
    return [
        RoleDecision(
            stream=one.stream,
            role="agent" if one.aor in MEMBERS or one.aor == STRANGER.aor else "customer",
            rule="position",
            confidence=0.7,
            user_id=MEMBERS.get(one.aor, ""),
        )
        for one in participants
    ]


def live_call(
    events: Sequence[MediaEvent],
    ears: FakeEars,
    sink: FakeSink,
    participants: Sequence[Participant] = PARTICIPANTS,
    session: Callable[[Sequence[MediaEvent], Sequence[Participant]], FakeSession] = FakeSession,
    language: str = "en",
    knowledge: KnowledgeSearch | None = None,
    answers: AnswerWriter | None = None,
    rules: Sequence[Rule] = (),
    context: CallContext = CONTEXT,
) -> LiveCall:
    ledger = Ledger("call-1", clock_ms)
    roster = Roster()
    voices = Voices(roster)
    conversation = Conversation(
        ledger=ledger,
        roster=roster,
        guard=DigitGuard("US", b"key"),
        judge=Judge(rules, context),
        reader=FakeReader(),
        reads=read_here,
        knowledge=knowledge,
        governor=Governor(),
        language="en",
        clock_ms=clock_ms,
        voices=voices,
    )
    record = CallRecord(
        call_id="call-1",
        organisation_id="org",
        campaign_id="c",
        campaign="care",
        direction="inbound",
        language=language,
        country="US",
    )
    return LiveCall(
        session=session(events, participants),
        record=record,
        ledger=ledger,
        conversation=conversation,
        ears=ears,
        sink=sink,
        decide_roles=by_position,
        name_of=lambda user: "Ana",
        clock_ms=clock_ms,
        wall_clock=lambda: 1.0,
        answers=answers,
        voices=voices,
    )


def speech(stream: str, segment: int, start: int, end: int, *states: str) -> list[SpeechSegment]:
    return [SpeechSegment(stream, segment, state, start, end) for state in states]  # type: ignore[arg-type]


def texts(facts: Sequence[Fact]) -> list[str]:
    return [fact.text for fact in facts if isinstance(fact, Transcript)]


async def test_finals_are_committed_in_the_order_of_speech_whatever_ears_finished_first() -> None:
    ears = FakeEars({("1", 0): "hello there", ("2", 0): "good morning"})
    first = ears.hold["1", 0, "final"] = asyncio.Event()
    sink = FakeSink()
    events = [*speech("1", 0, 0, 900, "started", "ended"), *speech("2", 0, 1000, 1500, "started", "ended")]
    serving = asyncio.create_task(live_call([*events, CallEnded(2000, "bye")], ears, sink).serve())
    for _ in range(50):  # turns enough for the second to be committed, if it were not held back
        await asyncio.sleep(0)
    assert texts(sink.facts) == []
    first.set()
    await serving
    assert texts(sink.facts) == ["hello there", "good morning"]
    assert [fact.seq for fact in sink.facts] == list(range(1, len(sink.facts) + 1))
    first_fact = sink.facts[0]
    assert isinstance(first_fact, CallEvent)
    assert (first_fact.name, first_fact.data["program"]) == ("call.answered", program_version())
    last = sink.facts[-1]
    assert isinstance(last, CallEvent)
    assert (last.name, last.data["reason"]) == ("call.ended", "bye")
    assert sink.record is not None
    assert sink.record.end_reason == "bye"
    assert ears.forgotten == ["call-1"]


async def test_a_speculation_of_the_same_window_becomes_the_final_without_a_second_decode() -> None:
    ears = FakeEars({("1", 0): "hello there"})
    sink = FakeSink()
    events = speech("1", 0, 0, 900, "started", "paused", "ended")
    await live_call([*events, CallEnded(2000, "bye")], ears, sink).serve()
    assert [job.kind for job in ears.jobs] == ["speculation"]
    assert ears.promoted == [ears.jobs[0].job]
    assert texts(sink.facts) == ["hello there"]


@pytest.mark.parametrize("states", [("started", "ended"), ("started", "paused", "ended")])
async def test_words_that_are_heard_once_more_are_a_draft_until_then(states: tuple[str, ...]) -> None:
    ears, sink = FakeEars({("1", 0): "hello there"}), FakeSink()
    ears.early = {("1", 0): "hollow there"}
    await live_call([*speech("1", 0, 0, 900, *states), CallEnded(2000, "bye")], ears, sink).serve()
    assert "hollow there" in [draft.text for draft in sink.drafts]
    assert texts(sink.facts) == ["hello there"]


class Quiet(FakeSession):
    """Time goes by between two events."""

    async def events(self) -> AsyncIterator[MediaEvent]:
        async for event in super().events():
            yield event
            for _ in range(50):
                await asyncio.sleep(0)
        yield CallEnded(2000, "bye")


async def test_a_shed_speculation_is_heard_again_as_a_final() -> None:
    ears = FakeEars({("1", 0): "hello there"})
    ears.shed = {"speculation", "partial"}
    sink = FakeSink()
    events = speech("1", 0, 0, 900, "started", "continues", "paused", "ended")
    await live_call([*events, CallEnded(2000, "bye")], ears, sink).serve()
    assert [job.kind for job in ears.jobs] == ["partial", "speculation", "final"]
    assert texts(sink.facts) == ["hello there"]
    assert sink.drafts == []


async def test_a_speculation_that_ended_ears_is_not_asked_for_once_more() -> None:
    class Mortal(FakeEars):
        async def listen(self, job: ListenJob, pcm: Pcm16, draft: Callable[[Heard], None] = lambda _: None) -> Heard:
            heard = await super().listen(job, pcm, draft)
            return Heard(job=job.job, text="", language="en", shed="failed") if job.segment == 0 else heard

    ears, sink = Mortal({("1", 0): "hello there", ("1", 1): "good morning"}), FakeSink()
    events = [*speech("1", 0, 0, 900, "started", "paused", "ended"), *speech("1", 1, 1500, 2000, "started", "ended")]
    await live_call([*events, CallEnded(3000, "bye")], ears, sink).serve()
    assert [(job.segment, job.kind) for job in ears.jobs] == [(0, "speculation"), (1, "final")]
    (shed,) = (fact for fact in sink.facts if isinstance(fact, CallEvent) and fact.name == "load.shed")
    assert (shed.end_ms, shed.data) == (900, {"what": "final", "reason": "failed"})
    assert texts(sink.facts) == ["good morning"]


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ("I would like to pay today.", True),
        ("what is that?", True),
        ("I would like to", False),
        ("I would like to...", False),
        ("My number is 4539 14", False),
    ],
)
async def test_a_pause_after_a_whole_sentence_need_not_be_waited_for(words: str, *, whole: bool) -> None:
    call = Quiet(speech("1", 0, 0, 900, "started", "paused", "ended"), PARTICIPANTS)
    await live_call((), FakeEars({("1", 0): words}), FakeSink(), session=lambda *_: call).serve()
    assert call.pauses == ([("1", 0, 900, "whole")] if whole else [])


async def test_who_reads_a_card_is_waited_for_between_groups() -> None:
    question = speech("2", 0, 0, 900, "started", "paused", "ended")
    digits = speech("1", 0, 1000, 1900, "started", "paused", "ended")
    ears = FakeEars({("2", 0): "Could you read me the card number, please?", ("1", 0): "four five three nine"})
    call = Quiet([*question, *digits], AGENT)
    await live_call((), ears, FakeSink(), session=lambda *_: call).serve()
    assert call.pauses == [("2", 0, 900, "whole"), ("1", 0, 1900, "reading")]


@pytest.mark.parametrize("states", [("started", "ended"), ("started", "paused", "ended")])
async def test_words_whose_sound_is_forgotten_are_a_hole_that_is_told(states: tuple[str, ...]) -> None:
    class Forgetful(FakeSession):
        def kept_from_ms(self, stream: str) -> int:
            return 2_000

    ears = FakeEars({("1", 0): "", ("1", 1): "half of it", ("1", 2): "all of it"})
    sink = FakeSink()
    segments = [*speech("1", 0, 0, 900, *states), *speech("1", 1, 1500, 3000, *states)]
    segments += speech("1", 2, 3500, 4000, *states)
    await live_call([*segments, CallEnded(5000, "bye")], ears, sink, session=Forgetful).serve()
    shed = [fact for fact in sink.facts if isinstance(fact, CallEvent) and fact.name == "load.shed"]
    assert [(fact.start_ms, fact.end_ms, fact.data) for fact in shed] == [
        (*span, {"what": "final", "reason": "overdue"}) for span in ((0, 900), (1500, 3000))
    ]
    assert texts(sink.facts) == ["half of it", "all of it"]
    assert [job.segment for job in ears.jobs] == [1, 2], "what is gone is not asked for, and nothing twice"


async def test_a_taken_back_endpoint_is_no_final() -> None:
    ears = FakeEars({("1", 0): "hello there"})
    sink = FakeSink()
    states = [
        SpeechSegment("1", 0, "started", 0, 200),
        SpeechSegment("1", 0, "paused", 0, 900),
        SpeechSegment("1", 0, "resumed", 0, 1300),
        SpeechSegment("1", 0, "ended", 0, 1900),
    ]
    await live_call([*states, CallEnded(3000, "bye")], ears, sink).serve()
    assert [job.kind for job in ears.jobs] == ["speculation", "final"]
    assert texts(sink.facts) == ["hello there"]


async def test_digits_are_withheld_in_drafts_and_finals() -> None:
    ears = FakeEars({("1", 0): "it is 4539 1488 0343 6467"})
    sink = FakeSink()
    events = speech("1", 0, 0, 2000, "started", "continues", "paused", "ended")
    await live_call([*events, CallEnded(3000, "bye")], ears, sink).serve()
    for shown in (*sink.drafts, *sink.facts):
        assert "4539" not in repr(shown)
        assert "1488" not in repr(shown)


async def test_a_late_role_puts_the_call_on_the_members_desk_and_says_why() -> None:
    ears = FakeEars({})
    sink = FakeSink()
    late = (Participant(stream="1", position=0), Participant(stream="2", position=1, aor="1001@pbx"))
    await live_call([ParticipantsChanged(3000, late), CallEnded(5000, "bye")], ears, sink).serve()
    decided = [fact for fact in sink.facts if isinstance(fact, CallEvent) and fact.name == "role.decided"]
    assert [(one.stream, one.data["role"]) for one in decided] == [("1", "customer"), ("2", "customer"), ("2", "agent")]
    assert sink.record is not None
    assert (sink.record.agent_id, sink.record.agent_name) == ("user-1", "Ana")


async def test_a_claimed_call_stays_with_who_claimed_it() -> None:
    sink = FakeSink()
    late = (Participant(stream="2", position=1, aor="1001@pbx"),)
    call = live_call([ClockTick(100), ParticipantsChanged(3000, late), CallEnded(5000, "bye")], FakeEars({}), sink)
    call.command(Person("user-9", "org", "Eva", "agent"), DeskCommand(name="claim", call_id="call-1"))
    await call.serve()
    assert sink.record is not None
    assert sink.record.agent_id == "user-9"


CUSTOMER = Participant(stream="1", position=0)
ANA, LUIS = (Participant(stream="2", position=1, aor=f"100{number}@pbx") for number in (1, 2))
LUIS_ON_A_NEW_LINE = Participant(stream="3", position=2, aor="1002@pbx")
NOBODY_KNOWN = Participant(stream="2", position=1)


@pytest.mark.parametrize(
    ("later", "desk"),
    [
        ([(CUSTOMER, LUIS)], "user-2"),
        ([(CUSTOMER, LUIS_ON_A_NEW_LINE)], "user-2"),
        ([(CUSTOMER, ANA, LUIS_ON_A_NEW_LINE), (CUSTOMER, LUIS_ON_A_NEW_LINE)], "user-2"),
        ([(CUSTOMER, LUIS), (CUSTOMER, ANA)], "user-1"),
        ([(CUSTOMER, NOBODY_KNOWN), (CUSTOMER, LUIS)], "user-2"),
        ([(CUSTOMER, ANA, LUIS_ON_A_NEW_LINE)], "user-1"),
        ([(CUSTOMER, NOBODY_KNOWN)], "user-1"),
        ([(CUSTOMER, STRANGER)], "user-1"),
        ([(CUSTOMER, STRANGER), (CUSTOMER, LUIS)], "user-2"),
        ([(CUSTOMER, ANA, msgspec.structs.replace(STRANGER, stream="3"))], "user-1"),
    ],
)
async def test_a_transfer_brings_the_call_to_the_desk_of_who_has_it_then(
    later: list[tuple[Participant, ...]], desk: str
) -> None:
    assert await desk_after((CUSTOMER, ANA), later) == desk


@pytest.mark.parametrize(("then", "may"), [(ANA, False), (STRANGER, True), (NOBODY_KNOWN, False)])
async def test_what_was_handed_to_somebody_unknown_may_be_claimed(then: Participant, *, may: bool) -> None:
    events: list[MediaEvent] = [ClockTick(100), ParticipantsChanged(3000, (CUSTOMER, then)), CallEnded(5000, "bye")]
    call = live_call(events, FakeEars({}), FakeSink(), (CUSTOMER, ANA))
    await call.serve()
    assert call.may_be_claimed_by(Person("user-8", "org", "Eva", "agent")) == may


@pytest.mark.parametrize(
    ("later", "desk"),
    [([(CUSTOMER, LUIS)], "user-9"), ([(CUSTOMER, LUIS), (CUSTOMER, ANA)], "user-1")],
)
async def test_a_claim_lasts_until_a_known_agent_hands_the_call_to_another(
    later: list[tuple[Participant, ...]], desk: str
) -> None:
    assert await desk_after((CUSTOMER, NOBODY_KNOWN), later, Person("user-9", "org", "Eva", "agent")) == desk


async def desk_after(
    first: tuple[Participant, ...], later: list[tuple[Participant, ...]], claims: Person | None = None
) -> str:
    """Who has the call at its end."""
    sink = FakeSink()
    changes = [ParticipantsChanged(3000 + at, participants) for at, participants in enumerate(later)]
    call = live_call([ClockTick(100), *changes, CallEnded(5000, "bye")], FakeEars({}), sink, first)
    if claims:
        call.command(claims, DeskCommand(name="claim", call_id="call-1"))
    await call.serve()
    assert sink.record is not None
    return sink.record.agent_id


@pytest.mark.parametrize("kind", ["violation", "satisfied"])
async def test_an_acknowledgement_of_nothing_known_is_ignored(kind: str) -> None:
    call = live_call([CallEnded(10, kind)], FakeEars({}), FakeSink())
    call.command(Person("u", "org", "E", "agent"), DeskCommand(name="shown", call_id="call-1", seq=99, at_ms=5.0))
    await call.serve()


class FaultySink(FakeSink):
    """Cannot take the transcript of one final."""

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        if any(text == "hello there" for text in texts(facts)):
            raise RuntimeError("the disk is full")
        await super().publish(record, facts, tokens)


async def test_a_fault_costs_one_final_and_never_the_call() -> None:
    ears = FakeEars({("1", 0): "hello there", ("2", 0): "good morning"})
    sink = FaultySink()
    events = [*speech("1", 0, 0, 900, "started", "ended"), *speech("2", 0, 1000, 1500, "started", "ended")]
    await live_call([*events, CallEnded(2000, "bye")], ears, sink).serve()
    assert texts(sink.facts) == ["good morning"]
    assert isinstance(sink.facts[-1], CallEvent)
    assert sink.facts[-1].name == "call.ended"


class Ringing(FakeSession):
    """Every stream sounds like a ringback tone."""

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        time = np.arange((end_ms - start_ms) * 16) / 16_000
        return np.asarray(8000 * (np.sin(2764.6 * time) + np.sin(3015.9 * time)), np.int16)


@pytest.mark.parametrize(("voice", "asked"), [(0.7, []), (0.99, ["final"])])
async def test_a_tone_that_resembles_a_voice_is_not_put_into_words(voice: float, asked: list[str]) -> None:
    ears, sink = FakeEars({("1", 0): "thank you"}), FakeSink()
    ended = SpeechSegment("1", 0, "ended", 0, 900, voice=voice)
    await live_call([ended, CallEnded(2000, "bye")], ears, sink, session=Ringing).serve()
    assert [job.kind for job in ears.jobs] == asked
    assert len(texts(sink.facts)) == len(asked)


async def test_nothing_is_drafted_while_the_vad_is_not_sure_and_the_final_is_told_so() -> None:
    ears, sink = FakeEars({("1", 0): "hello there"}), FakeSink()
    states = [SpeechSegment("1", 0, state, 0, 900, voice=0.7) for state in ("started", "continues", "paused", "ended")]
    await live_call([*states, CallEnded(2000, "bye")], ears, sink).serve()
    assert [(job.kind, job.suspect) for job in ears.jobs] == [("final", True)]


async def test_ears_are_told_what_a_quiet_line_was_raised_by() -> None:
    ears, sink = FakeEars({("1", 0): "yes"}), FakeSink()
    states = [SpeechSegment("1", 0, state, 0, 900, gain=16.0) for state in ("started", "continues", "paused", "ended")]
    await live_call([*states, CallEnded(2000, "bye")], ears, sink).serve()
    assert {job.gain for job in ears.jobs} == {16.0}


@pytest.mark.parametrize(
    ("words", "drafted"),
    [("I want to cancel", "I want to cancel"), ("my card is four five thr", "my card is [number]")],
)
async def test_a_likely_last_word_is_drafted_at_once_but_no_half_of_a_digit(words: str, drafted: str) -> None:
    ears, sink = FakeEars({("1", 0): words}), FakeSink()
    ears.chance = 0.9
    states = [SpeechSegment("1", 0, state, 0, 900) for state in ("started", "continues", "ended")]
    await live_call([*states, CallEnded(2000, "bye")], ears, sink).serve()
    assert [draft.text for draft in sink.drafts][:1] == [drafted]


async def test_drafts_go_on_in_the_language_in_which_they_began() -> None:
    ears, sink = FakeEars({("1", 0): "buenos días"}, language="es"), FakeSink()
    states = [SpeechSegment("1", 0, "continues", 0, end) for end in (900, 1412, 1924)]
    await live_call([*states, CallEnded(2000, "bye")], ears, sink).serve()
    partials = [(job.language, job.prefix) for job in ears.jobs if job.kind == "partial"]
    assert partials[0] == ("en", "")
    assert partials[-1] == ("es", "buenos días")


@pytest.mark.parametrize(("load", "asked"), [(0.2, 6), (0.6, 3)])
async def test_drafts_thin_out_as_ears_fills_up(load: float, asked: int) -> None:
    ears, sink = FakeEars({("1", 0): "hello there"}, load=load), FakeSink()
    states = [SpeechSegment("1", 0, "continues", 0, end) for end in (900, 1412, 1924, 2436, 2948, 3460)]
    await live_call([*states, CallEnded(4000, "bye")], ears, sink).serve()
    assert sum(job.kind == "partial" for job in ears.jobs) == asked


async def test_a_language_that_the_campaign_does_not_have_is_told_once_before_the_words() -> None:
    ears, sink = FakeEars({("1", 0): "bonjour", ("1", 1): "madame"}), FakeSink()
    ears.belief = {"fr": 0.95, "en": 0.05}
    events = [*speech("1", 0, 0, 900, "started", "ended"), *speech("1", 1, 2000, 2900, "started", "ended")]
    await live_call([*events, CallEnded(4000, "bye")], ears, sink).serve()
    told = [fact for fact in sink.facts if isinstance(fact, CallEvent) and fact.name == "language.decided"]
    assert [(fact.stream, fact.leg, fact.data) for fact in told] == [
        ("1", "customer", {"language": "fr", "confidence": 0.95, "from_ms": 0})
    ]
    assert told[0].seq < next(fact.seq for fact in sink.facts if isinstance(fact, Transcript))
    assert sink.record is not None
    assert sink.record.language == "en"


async def test_a_campaign_without_a_language_takes_that_of_the_first_clear_words() -> None:
    ears, sink = FakeEars({("1", 0): "bom dia"}), FakeSink()
    ears.belief = {"pt": 0.95}
    events = speech("1", 0, 0, 900, "started", "ended")
    await live_call([*events, CallEnded(4000, "bye")], ears, sink, language="").serve()
    assert sink.record is not None
    assert sink.record.language == "pt"


async def test_duties_are_told_again_in_the_language_once_that_is_known() -> None:
    rules = [rule for rule in load_rules() if rule.id == "US-REC-CONSENT"]
    context = msgspec.structs.replace(CONTEXT, region="CA", language="")
    ears, sink = FakeEars({("1", 0): "buenos días", ("2", 0): "buenos días"}), FakeSink()
    ears.belief = {"es": 0.95}
    events = [*speech("1", 0, 0, 900, "started", "ended"), *speech("2", 0, 1000, 1900, "started", "ended")]
    call = live_call([*events, CallEnded(4000, "bye")], ears, sink, language="", rules=rules, context=context)
    await call.serve()
    told = [fact for fact in sink.facts if isinstance(fact, CallEvent) and "duties" in fact.data]
    titles = [[duty["title"] for duty in fact.data["duties"]] for fact in told]
    assert [fact.name for fact in told] == ["call.answered", "language.decided"]
    assert titles == [[rules[0].title["en"]], [rules[0].title["es"]]]


class OneArticle:
    """Fits whatever is said."""

    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        return [Passage(article="restart-modem", title="Restart it", body="", language="en", score=0.9)]


AGENT = (Participant(stream="1", position=0), Participant(stream="2", position=1, aor="1001@pbx"))
NEED = "my internet is down since yesterday"


class Stepwise(FakeSession):
    """Lets the call finish what it has to do between two events, as the time between them does."""

    async def events(self) -> AsyncIterator[MediaEvent]:
        async for event in super().events():
            yield event
            for _ in range(50):
                await asyncio.sleep(0)


async def test_a_card_is_not_put_before_an_agent_who_speaks_and_comes_with_their_pause() -> None:
    ears, sink = FakeEars({("1", 0): NEED, ("2", 0): "let me see"}), FakeSink()
    events: list[MediaEvent] = [
        *speech("1", 0, 0, 900, "started"),
        *speech("2", 0, 1000, 1200, "started"),
        *speech("1", 0, 0, 900, "ended"),
        ClockTick(1500),
        *speech("2", 0, 1000, 1800, "paused", "ended"),
        CallEnded(4000, "bye"),
    ]
    call = live_call(events, ears, sink, AGENT, session=Stepwise, knowledge=OneArticle())
    await call.serve()
    [card] = [fact for fact in sink.facts if isinstance(fact, Suggestion)]
    answer = next(fact for fact in sink.facts if isinstance(fact, Transcript) and fact.leg == "agent")
    assert card.seq < answer.seq
    assert card.measured is not None
    assert (card.measured.latency_ms or {})["agent_pause"] == 600.0


async def test_a_card_that_no_pause_came_for_is_told_of_at_the_calls_end() -> None:
    ears, sink = FakeEars({("1", 0): NEED}), FakeSink()
    events: list[MediaEvent] = [
        *speech("2", 0, 800, 1000, "started"),
        *speech("1", 0, 0, 900, "started", "ended"),
        ClockTick(1500),
        CallEnded(2000, "bye"),
    ]
    await live_call(events, ears, sink, AGENT, session=Stepwise, knowledge=OneArticle()).serve()
    assert [fact for fact in sink.facts if isinstance(fact, Suggestion)] == []
    [withheld] = [fact for fact in sink.facts if isinstance(fact, CallEvent) and fact.name == "card.withheld"]
    assert (withheld.data["reason"], withheld.data["article"]) == ("call_ended", "restart-modem")
