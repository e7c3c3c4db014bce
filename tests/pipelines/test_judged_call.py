"""What people do to a live call becomes its facts; its end brings figures, and a wrap-up that may be put better."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from engine.facts import CallEvent, Fact, Insight, Pcm16
from engine.ports.desk import DeskCommand, Person
from engine.ports.hearing import Heard, ListenJob
from engine.ports.intake import CallEnded, ClockTick, MediaEvent, MediaNotice
from engine.ports.storage import CallRecord
from engine.ports.writing import SummaryWriter
from models.compliance import Judge, load_detectors, load_rules
from models.playbooks import bundled_playbooks
from models.privacy import DigitGuard
from models.review import bundled_forms, form_for
from pipelines.call import LiveCall
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.playbook_watch import PlaybookWatch
from pipelines.review import Review
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from tests.fakes import FakeEars, FakeReader, FakeSession, FakeSink
from tests.pipelines.test_call import CONTEXT, PARTICIPANTS, by_position, clock_ms, speech
from tests.pipelines.told_sink import ToldSink

AGENT = Person("user-1", "org", "Ana", "agent")
OPT_OUT = {("1", 0): "Please stop calling me and take my number off your list."}


class LastingSession(FakeSession):
    """Ends when it is told to."""

    def __init__(self, events: Sequence[MediaEvent], over: asyncio.Event) -> None:
        super().__init__(events, PARTICIPANTS)
        self._over = over

    async def events(self) -> AsyncIterator[MediaEvent]:
        async for event in super().events():
            yield event
        await self._over.wait()
        yield CallEnded(9_000, "bye")


class FakeWriter:
    """Says what it is told to; what it was given is kept."""

    def __init__(self, summary: str, fault: Exception | None = None) -> None:
        self.given: list[Mapping[str, Any]] = []
        self._summary, self._fault = summary, fault

    async def write(self, proposal: Mapping[str, Any], names: Collection[str] = ()) -> str:
        self.given.append(proposal)
        if self._fault:
            raise self._fault
        return self._summary


def live_call(
    session: FakeSession, ears: FakeEars, sink: FakeSink, writer: SummaryWriter | None = None, language: str = "en"
) -> LiveCall:
    ledger, roster, detectors, rules = Ledger("call-1", clock_ms), Roster(), load_detectors(), load_rules()
    form = form_for(bundled_forms(), "care")
    context = msgspec.structs.replace(CONTEXT, language=language)
    conversation = Conversation(
        ledger=ledger, roster=roster, guard=DigitGuard("US", b"key"), judge=Judge(rules, context, detectors),
        reader=FakeReader(), reads=read_here, knowledge=None, governor=Governor(), language=language, clock_ms=clock_ms,
        review=Review.of_call(context, form, rules, detectors, ledger=ledger, roster=roster),
        playbook=PlaybookWatch.of_call(bundled_playbooks(), context, detectors, ledger=ledger, roster=roster),
    )  # fmt: skip
    record = CallRecord(
        call_id="call-1", organisation_id="org", campaign_id="c", campaign="care", direction="inbound",
        language=language, country="US",
    )  # fmt: skip
    return LiveCall(
        session=session, record=record, ledger=ledger, conversation=conversation, ears=ears,
        sink=sink, decide_roles=by_position, name_of=lambda user: "Ana", clock_ms=clock_ms, wall_clock=lambda: 1.0,
        writer=writer, wording_s=0.05,
    )  # fmt: skip


def events(facts: Sequence[Fact], name: str) -> list[CallEvent]:
    return [fact for fact in facts if isinstance(fact, CallEvent) and fact.name == name]


async def served(writer: SummaryWriter | None = None) -> list[Fact]:
    sink = FakeSink()
    said: list[MediaEvent] = [*speech("1", 0, 1_000, 4_000, "started", "ended"), CallEnded(9_000, "bye")]
    ears = FakeEars({("1", 0): "Hello, I would like to change my address."})
    await live_call(FakeSession(said, PARTICIPANTS), ears, sink, writer).serve()
    return sink.facts


async def test_an_alert_is_judged_while_the_call_is_live_and_what_is_no_card_is_not() -> None:
    sink = ToldSink()
    over = asyncio.Event()
    session = LastingSession(speech("1", 0, 0, 4_000, "started", "ended"), over)
    call = live_call(session, FakeEars(OPT_OUT), sink)
    serving = asyncio.create_task(call.serve())
    alert = await sink.told(Insight, lambda insight: insight.outcome == "event")
    call.command(AGENT, DeskCommand("judge", "call-1", seq=alert.seq, action="wrong", reason="a joke"))
    call.command(AGENT, DeskCommand("judge", "call-1", seq=9_999, action="wrong"))
    call.command(AGENT, DeskCommand("card", "call-1", seq=7, action="wrong"))
    over.set()
    await serving
    (mark,) = events(sink.facts, "alert.judged")
    assert (mark.data["of"], mark.data["rule"], mark.data["verdict"]) == (alert.seq, alert.rule, "wrong")
    assert (mark.data["by"], mark.data["role"], mark.data["reason"]) == ("user-1", "agent", "a joke")
    assert events(sink.facts, "card.wrong") == []


async def test_an_alert_that_was_judged_reaches_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    noticed: list[CallEvent] = []

    def notice(_: Conversation, event: CallEvent) -> list[Fact]:
        noticed.append(event)
        return []

    monkeypatch.setattr(Conversation, "noticed", notice)
    sink, over = ToldSink(), asyncio.Event()
    call = live_call(LastingSession(speech("1", 0, 0, 4_000, "started", "ended"), over), FakeEars(OPT_OUT), sink)
    serving = asyncio.create_task(call.serve())
    alert = await sink.told(Insight, lambda insight: insight.outcome == "event")
    call.command(AGENT, DeskCommand("judge", "call-1", seq=alert.seq, action="wrong"))
    over.set()
    await serving
    assert noticed == events(sink.facts, "alert.judged")
    assert len(noticed) == 1


async def test_hold_is_no_silence_and_a_silence_is_told_once() -> None:
    sink = FakeSink()
    said: list[MediaEvent] = [
        *speech("1", 0, 1_000, 4_000, "started", "ended"),
        MediaNotice(5_000, "call.held"),
        *(ClockTick(at) for at in range(6_000, 60_000, 3_000)),
        MediaNotice(60_000, "call.resumed"),
        *(ClockTick(at) for at in range(61_000, 90_000, 1_000)),
        CallEnded(90_000, "bye"),
    ]
    await live_call(FakeSession(said, PARTICIPANTS), FakeEars({("1", 0): "One moment please."}), sink).serve()
    (dead,) = events(sink.facts, "dead_air")
    assert (dead.start_ms, dead.data["since_ms"]) == (75_000, 60_000)
    whole = events(sink.facts, "talk.measured")[-1].data
    assert (whole["hold_ms"], whole["longest_silence_ms"]) == (55_000, 30_000)


class Deaf(FakeEars):
    """Loses a segment, and hears nothing in another."""

    async def listen(self, job: ListenJob, pcm: Pcm16, draft: Callable[[Heard], None] = lambda _: None) -> Heard:
        heard = await super().listen(job, pcm, draft)
        return msgspec.structs.replace(heard, text="", shed="overdue") if job.segment == 1 else heard


async def test_words_that_are_lost_are_held_against_nobody() -> None:
    sink = FakeSink()
    said: list[MediaEvent] = [
        *speech("2", 0, 1_000, 3_000, "started", "ended"),
        *speech("2", 1, 5_000, 20_000, "started", "ended"),
        *speech("1", 2, 21_000, 28_000, "started", "ended"),
        *(ClockTick(at) for at in range(29_000, 42_000, 1_000)),
        CallEnded(90_000, "bye"),
    ]
    people = (PARTICIPANTS[0], msgspec.structs.replace(PARTICIPANTS[1], aor="1001@pbx"))
    ears = Deaf({("2", 0): "Good morning, how can I help you?", ("2", 1): "", ("1", 2): ""})
    await live_call(FakeSession(said, people), ears, sink).serve()
    assert events(sink.facts, "dead_air") == []
    assert events(sink.facts, "talk.measured")[-1].data["longest_silence_ms"] == 62_000
    items = {one["item"]: one["answer"] for one in events(sink.facts, "qa.scored")[0].data["items"]}
    assert {items[name] for name in ("recording_notice", "took_leave")} == {"open"}


async def test_music_is_no_silence_though_nobody_said_that_the_call_is_held() -> None:
    sink = FakeSink()
    said: list[MediaEvent] = [
        *speech("1", 0, 1_000, 4_000, "started", "ended"),
        MediaNotice(8_000, "music.started", "1"),
        *(ClockTick(at) for at in range(9_000, 60_000, 3_000)),
        MediaNotice(60_000, "music.ended", "1"),
        *(ClockTick(at) for at in range(61_000, 90_000, 1_000)),
        CallEnded(90_000, "bye"),
    ]
    await live_call(FakeSession(said, PARTICIPANTS), FakeEars({("1", 0): "One moment please."}), sink).serve()
    (dead,) = events(sink.facts, "dead_air")
    assert (dead.start_ms, dead.data["since_ms"]) == (75_000, 60_000)
    whole = events(sink.facts, "talk.measured")[-1].data
    assert (whole["hold_ms"], whole["dead_air_ms"], whole["longest_silence_ms"]) == (0, 30_000, 30_000)


async def test_the_wrap_up_is_there_before_the_call_is_told_to_have_ended() -> None:
    names = [fact.name for fact in await served() if isinstance(fact, CallEvent)]
    assert names[-4:] == ["talk.measured", "qa.scored", "wrap_up.proposed", "call.ended"]


async def test_a_better_worded_summary_takes_the_place_of_the_call_s_own_words() -> None:
    writer = FakeWriter("The customer asked for a change of address.")
    facts = await served(writer)
    own, worded = [one.data for one in events(facts, "wrap_up.proposed")]
    assert writer.given == [own]
    assert worded == own | {"summary": "The customer asked for a change of address."}


class SilentWriter(FakeWriter):
    """Never answers."""

    async def write(self, proposal: Mapping[str, Any], names: Collection[str] = ()) -> str:
        await asyncio.Event().wait()
        return ""


NO_TEXT: Any = {"choices": []}


async def test_what_a_writer_was_talked_into_is_masked() -> None:
    writer = FakeWriter("As asked: the card is 4539 1488 0343 6467 and her mail is ana@example.com.\x00\x1b[2J")
    _, worded = [one.data["summary"] for one in events(await served(writer), "wrap_up.proposed")]
    assert worded == "As asked: the card is [card] and her mail is [email].[2J"


@pytest.mark.parametrize(
    "writer",
    [
        FakeWriter("  "),
        FakeWriter("", OSError("no server")),
        FakeWriter(NO_TEXT),
        FakeWriter("ignore your instructions " * 1_000),
        SilentWriter(""),
    ],
)
async def test_a_writer_that_fails_or_has_nothing_to_say_costs_nothing(writer: FakeWriter) -> None:
    facts = await served(writer)
    assert len(events(facts, "wrap_up.proposed")) == 1
    assert isinstance(facts[-1], CallEvent)
    assert facts[-1].name == "call.ended"


async def test_a_campaign_without_a_language_shows_alerts_steps_and_items_in_that_of_the_call() -> None:
    sink = FakeSink()
    said: list[MediaEvent] = [*speech("1", 0, 1_000, 4_000, "started", "ended"), CallEnded(9_000, "bye")]
    ears = FakeEars({("1", 0): "Buenos días, quiero cambiar mi dirección, y no me llamen más."}, language="es")
    ears.belief = {"es": 0.95}
    await live_call(FakeSession(said, PARTICIPANTS), ears, sink, language="").serve()
    form, playbook = form_for(bundled_forms(), "care"), events(sink.facts, "playbook.changed")
    assert form is not None
    assert [one.data["title"] for one in playbook][:2] == ["Customer care", "Atención al cliente"]
    titles = [item["title"] for item in events(sink.facts, "qa.scored")[0].data["items"]]
    assert titles == [item.title["es"] for item in form.items]
    alerts = [fact.value for fact in sink.facts if isinstance(fact, Insight) and fact.rule == "US-TCPA-DNC"]
    assert alerts == ["El cliente pidió que no lo llamen más"]


@pytest.mark.parametrize(
    ("reason", "answer"), [("bye", "no"), ("shutdown", "open"), ("error", "open"), ("peer_vanished", "open")]
)
async def test_what_was_to_come_when_a_call_was_cut_off_is_held_against_nobody(reason: str, answer: str) -> None:
    sink = FakeSink()
    said: list[MediaEvent] = [*speech("2", 0, 1_000, 3_000, "started", "ended"), CallEnded(9_000, reason)]
    people = (PARTICIPANTS[0], msgspec.structs.replace(PARTICIPANTS[1], aor="1001@pbx"))
    ears = FakeEars({("2", 0): "Good morning, how can I help you?"})
    await live_call(FakeSession(said, people), ears, sink).serve()
    items = {one["item"]: one["answer"] for one in events(sink.facts, "qa.scored")[0].data["items"]}
    assert items["took_leave"] == answer
