"""What is written of a call, when, and what is silence in it. The file is real; its place is a list in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from engine.errors import Conflict, Overloaded
from engine.facts import CallEvent, EventName, Fact, Insight, Pcm16
from engine.ports.desk import Person
from engine.ports.intake import Participant, RoleDecision
from engine.ports.storage import CallRecord
from media.recorder import LEAST_DELAY_MS, MOST_DELAY_MS, RecordedSpan
from media.segmenter import Endpointing
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.tape import Tape
from pipelines.withheld import MARGIN_MS, Withheld
from tests.fakes import FakeSession
from tests.memory_files import MemoryFiles, loud

RECORD = CallRecord("call-1", "org", "c", "care", "inbound", "es", "CO")
TWO = (Participant(stream="a", position=0), Participant(stream="b", position=1))
ANA = Person("user-ana", "org", "Ana", "agent")
HUMS = {
    stream: np.asarray(8_000 * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000), np.int16)
    for stream, hz in (("a", 300), ("b", 700))
}
"""A second of each stream, over and over."""
NOTHING = Withheld(None, ())


class Humming(FakeSession):
    """Every stream hums, as long as the session remembers: the last 40 s before `now_ms`."""

    def __init__(self, participants: Sequence[Participant] = TWO) -> None:
        super().__init__((), participants)
        self.now_ms = 0

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        at = np.arange(start_ms * 16, end_ms * 16)
        kept = (at >= (self.now_ms - 40_000) * 16) & (at < self.now_ms * 16)
        return HUMS[stream][at % 16_000] * kept


class Recorded:
    """A tape that runs, with what it said."""

    def __init__(self, workers: ThreadPoolExecutor, participants: Sequence[Participant] = TWO) -> None:
        self.files = MemoryFiles()
        self.session = Humming(participants)
        self.roster = Roster()
        self.said: list[tuple[EventName, int, dict[str, Any]]] = []
        self.spans: list[RecordedSpan] = []
        self.outcomes: list[str] = []
        self.written = asyncio.Event()
        self.pauses = 0
        self.ledger = Ledger("call-1", lambda: 0.0)
        self.tape = Tape(
            session=self.session,
            files=self.files,
            workers=workers,
            ledger=self.ledger,
            roster=self.roster,
            retention_days=1,
            recorded=self._recorded,
            ended=self.outcomes.append,
            pause=self._pause,
        )
        self.task = asyncio.create_task(self.tape.run(RECORD, lambda *said: self.said.append(said)))

    def _recorded(self, span: RecordedSpan) -> None:
        self.spans.append(span)
        self.written.set()

    async def _pause(self, _seconds: float) -> None:
        self.pauses += 1

    async def goes_to(self, now_ms: int, judged_ms: int | None = None, withheld: Withheld = NOTHING) -> list[Fact]:
        """The media's clock, then the judged one; by seconds."""
        for at_ms in range(self.session.now_ms + 1_000, now_ms + 1_000, 1_000):
            self.session.now_ms = min(at_ms, now_ms)
            self.tape.tick(self.session.now_ms)
        facts = self.tape.judged(now_ms if judged_ms is None else judged_ms, withheld, capturing=False)
        self.tape.tick(now_ms)
        await asyncio.sleep(0)  # the tape's task has its turn
        return facts

    async def until(self, end_ms: int) -> None:
        async with asyncio.timeout(10):
            while not self.spans or self.spans[-1].end_ms < end_ms:
                self.written.clear()
                await self.written.wait()

    async def ended(self, at_ms: int) -> Pcm16:
        self.tape.end(at_ms, NOTHING)
        await self.task
        return self.files.sound()

    def decide(self, a: str, b: str) -> None:
        for stream, role in (("a", a), ("b", b)):
            self.roster.decide([RoleDecision(stream, role, "position", 1.0)])  # type: ignore[arg-type]


@pytest.fixture
async def workers() -> AsyncIterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
async def recorded(workers: ThreadPoolExecutor) -> AsyncIterator[Recorded]:
    one = Recorded(workers)
    one.decide("customer", "agent")
    yield one
    one.task.cancel()
    await asyncio.wait([one.task])


def pitch(channel: Pcm16) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(channel[:16_000].astype(np.float64)))))


def alert(rule: str, outcome: str, at_ms: int, action: str = "recording.pause", seq: int = 7) -> Insight:
    return Insight(
        call_id="call-1",
        seq=seq,
        kind="compliance",
        turn=1,
        rule=rule,
        outcome=outcome,  # type: ignore[arg-type]
        action=action,
        end_ms=at_ms,
    )


def event(name: EventName, at_ms: int, data: dict[str, Any] | None = None) -> CallEvent:
    return CallEvent(call_id="call-1", seq=8, name=name, start_ms=at_ms, end_ms=at_ms, data=data or {})


def told(facts: Sequence[Fact]) -> list[tuple[str, object]]:
    return [(fact.name, fact.data["reason"]) for fact in facts if isinstance(fact, CallEvent)]


async def test_the_customer_is_on_the_first_channel_and_the_agent_on_the_second(recorded: Recorded) -> None:
    recorded.decide("agent", "customer")
    await recorded.goes_to(10_000)
    await recorded.until(8_000)
    sound = await recorded.ended(10_000)
    assert (recorded.files.channels, recorded.files.state, recorded.files.length_ms) == (2, "whole", 10_000)
    assert sound.shape == (2, 160_000)
    assert [pitch(channel[16_000:]) for channel in sound] == [700, 300]
    assert recorded.said == [("recording.started", 0, {"channels": 2})]


async def test_nothing_is_written_before_it_is_judged(recorded: Recorded) -> None:
    await recorded.goes_to(20_000, judged_ms=5_000)
    await recorded.until(5_000 - LEAST_DELAY_MS)
    await recorded.goes_to(30_000, judged_ms=29_000, withheld=Withheld(8_000, ()))
    await recorded.until(8_000 - MARGIN_MS)
    assert recorded.spans[-1].end_ms == 8_000 - MARGIN_MS
    await recorded.goes_to(31_000, withheld=Withheld(None, ((8_000 - MARGIN_MS, 12_500),)))
    await recorded.until(29_000)
    sound = await recorded.ended(31_000)
    assert max(loud(sound, 7_900, 12_300)) <= 1
    assert min(loud(sound, 6_000, 7_400)) > 5_000
    assert min(loud(sound, 12_600, 30_000)) > 5_000


async def test_a_turn_that_is_told_of_late_is_not_written_before_it_is_judged(recorded: Recorded) -> None:
    await recorded.goes_to(10_000)  # nobody speaks, as far as is known
    await recorded.until(8_000)
    await recorded.goes_to(16_000, judged_ms=9_000)  # the faint beginning of a turn was taken in
    await recorded.goes_to(20_000, withheld=Withheld(None, ((9_000 - MARGIN_MS, 16_300),)))
    sound = await recorded.ended(20_000)
    assert max(loud(sound, 8_800, 16_200)) <= 1
    assert min(loud(sound, 8_000, 8_600)) > 5_000
    assert min(loud(sound, 16_400, 19_900)) > 5_000


def test_what_is_waited_for_is_more_than_a_segment_has_lasted_when_it_is_told_of() -> None:
    rules = Endpointing()
    assert rules.begin_ms + rules.look_back_ms + rules.pre_roll_ms + MARGIN_MS < LEAST_DELAY_MS


async def test_what_waits_longer_than_the_session_remembers_is_kept(recorded: Recorded) -> None:
    await recorded.goes_to(100_000, judged_ms=1_000)
    sound = await recorded.ended(100_000)
    assert sound.shape == (2, 1_600_000)
    for start_ms in range(1_000, 99_000, 7_000):
        assert min(loud(sound, start_ms, start_ms + 500)) > 5_000
    assert not [said for said in recorded.said if said[0] != "recording.started"]


async def test_at_the_bound_it_is_silence_and_says_so(recorded: Recorded) -> None:
    await recorded.goes_to(3_000)
    for now_ms in range(4_000, MOST_DELAY_MS + 11_000, 1_000):
        await recorded.goes_to(now_ms, judged_ms=3_000)
    await recorded.until(10_000)
    assert recorded.said[1:] == [("recording.silenced", 3_000 - LEAST_DELAY_MS, {})]
    sound = await recorded.ended(MOST_DELAY_MS + 10_000)
    assert recorded.said[2:] == [("recording.silenced", 3_000 - LEAST_DELAY_MS, {"until_ms": 10_000})]
    assert max(loud(sound, 1_100, 9_900)) <= 1
    assert min(loud(sound, 10_100, 12_000)) > 5_000


async def test_a_person_pauses_and_resumes_and_time_stays_true(recorded: Recorded) -> None:
    await recorded.goes_to(4_000)
    paused = recorded.tape.press("pause", ANA, 4_000)
    await recorded.goes_to(9_000)
    assert recorded.tape.press("pause", ANA, 9_000) == []
    resumed = recorded.tape.press("resume", ANA, 9_000)
    await recorded.goes_to(14_000)
    sound = await recorded.ended(14_000)
    assert told([*paused, *resumed]) == [("recording.paused", "person"), ("recording.resumed", "person")]
    assert isinstance(paused[0], CallEvent)
    assert paused[0].data["by"] == "user-ana"
    assert sound.shape == (2, 14_000 * 16)
    assert max(loud(sound, 4_100, 8_900)) <= 1
    assert min(loud(sound, 2_000, 3_900)) > 5_000
    assert min(loud(sound, 9_200, 13_900)) > 5_000


async def test_it_is_paused_from_the_question_for_a_card_until_its_digits_are_judged(recorded: Recorded) -> None:
    await recorded.goes_to(3_000)
    await recorded.until(1_000)
    asked: list[Fact] = [alert("PCI-PAUSE", "event", 3_000), event("capture.started", 3_000)]
    assert told(recorded.tape.follow(asked)) == [("recording.paused", "card")]
    with pytest.raises(Conflict, match="card"):
        recorded.tape.check("resume")
    assert told(recorded.tape.follow([event("call.held", 5_000)])) == [("recording.paused", "hold")]
    assert told(recorded.tape.follow([event("capture.ended", 9_000)])) == [("recording.paused", "hold")]
    assert told(recorded.tape.follow([event("call.resumed", 11_000)])) == [("recording.resumed", "hold")]
    recorded.tape.check("resume")
    await recorded.goes_to(15_000)
    sound = await recorded.ended(15_000)
    assert max(loud(sound, 3_100, 10_900)) <= 1
    assert min(loud(sound, 11_200, 14_900)) > 5_000


async def test_it_is_paused_from_the_question_also_where_somebody_pressed_the_button_before_it_was_heard(
    recorded: Recorded,
) -> None:
    await recorded.goes_to(12_000, judged_ms=9_000)
    recorded.tape.press("pause", ANA, 12_000)
    recorded.tape.follow([event("capture.started", 10_500)])
    await recorded.goes_to(15_000)
    sound = await recorded.ended(15_000)
    assert max(loud(sound, 10_600, 14_900)) <= 1
    assert min(loud(sound, 8_000, 10_400)) > 5_000


async def test_a_card_that_nobody_reads_is_not_waited_for_for_ever(recorded: Recorded) -> None:
    assert told(recorded.tape.follow([alert("PCI-PAUSE", "event", 1_000)])) == [("recording.paused", "card")]
    assert told(await recorded.goes_to(61_000)) == []
    assert told(await recorded.goes_to(61_250)) == [("recording.resumed", "card")]


async def test_a_rule_s_pause_ends_with_its_duty_its_alert_or_a_person(recorded: Recorded) -> None:
    follow, late = recorded.tape.follow, alert("CO-REC-NOTICE", "violation", 20_000)
    assert told(follow([late])) == [("recording.paused", "CO-REC-NOTICE")]
    assert told(follow([alert("CO-REC-NOTICE", "satisfied", 22_000, action="")])) == [
        ("recording.resumed", "CO-REC-NOTICE")
    ]
    assert told(follow([late, event("withdrawn", 23_000, {"of": [7]})])) == [
        ("recording.paused", "CO-REC-NOTICE"),
        ("recording.resumed", "CO-REC-NOTICE"),
    ]
    assert told(follow([late])) == [("recording.paused", "CO-REC-NOTICE")]
    assert told(recorded.tape.press("resume", ANA, 25_000)) == [("recording.resumed", "CO-REC-NOTICE")]
    assert told(follow([alert("PCI-PAN", "event", 26_000, action="")])) == []


async def test_who_objected_is_not_recorded_for_a_notice_that_comes_after(recorded: Recorded) -> None:
    follow, rule = recorded.tape.follow, "CO-REC-NOTICE"
    objected, late = alert(rule, "event", 10_000, seq=8), alert(rule, "violation", 20_000)
    noticed = alert(rule, "satisfied", 22_000, action="")
    assert told(follow([objected])) == [("recording.paused", rule)]
    assert told(follow([noticed])) == []
    assert told(follow([late, noticed])) == [("recording.paused", rule), ("recording.paused", rule)]
    assert told(follow([alert(rule, "event", 23_000, seq=9), event("withdrawn", 24_000, {"of": [8]})])) == []
    assert told(follow([event("withdrawn", 25_000, {"of": [9]})])) == [("recording.resumed", rule)]
    assert told(follow([objected])) == [("recording.paused", rule)]
    assert told(recorded.tape.press("resume", ANA, 27_000)) == [("recording.resumed", rule)]


async def test_one_mixed_stream_is_one_channel_and_a_third_joins_its_party(workers: ThreadPoolExecutor) -> None:
    mixed = Recorded(workers, [Participant(stream="a", position=0, mixed=True)])
    await mixed.goes_to(6_000)
    assert (await mixed.ended(6_000)).shape == (1, 6_000 * 16)

    three = Recorded(workers, [TWO[0]])
    three.tape.heard_of(["b"])
    three.decide("unknown", "agent")
    await three.goes_to(6_000)
    sound = await three.ended(6_000)
    assert [pitch(channel[16_000:]) for channel in sound] == [300, 700]


async def test_a_slow_disk_costs_silence_and_no_waiting(recorded: Recorded) -> None:
    await recorded.goes_to(3_000)
    await recorded.until(1_000)
    recorded.files.busy.clear()
    for now_ms in range(4_000, MOST_DELAY_MS + 20_000, 1_000):
        await recorded.goes_to(now_ms, judged_ms=2_000)
    recorded.files.busy.set()
    sound = await recorded.ended(MOST_DELAY_MS + 19_000)
    assert sound.shape == (2, (MOST_DELAY_MS + 19_000) * 16)
    assert "recording.silenced" in [name for name, _, _ in recorded.said]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Overloaded("the store cannot write")])
async def test_a_disk_that_fails_ends_the_recording_and_not_the_call(recorded: Recorded, error: Exception) -> None:
    await recorded.goes_to(5_000)
    await recorded.until(3_000)
    recorded.files.fails = error
    await recorded.goes_to(8_000)
    await recorded.task
    assert recorded.said[-1][0] == "recording.failed"
    assert recorded.outcomes == ["failed"]
    with pytest.raises(Conflict, match="not being recorded"):
        recorded.tape.check("pause")
    await recorded.goes_to(12_000)
    recorded.tape.end(12_000, NOTHING)


async def test_a_disk_that_fails_from_the_first_page_on_keeps_no_file_open(workers: ThreadPoolExecutor) -> None:
    one = Recorded(workers)
    one.files.fails = OSError(28, "No space left on device")
    await one.task
    assert [name for name, _, _ in one.said] == ["recording.failed"]
    assert one.files.state == "abandoned"


async def test_a_call_that_is_cut_short_leaves_its_file_as_it_is(workers: ThreadPoolExecutor) -> None:
    one = Recorded(workers)
    await one.goes_to(5_000)
    await one.until(3_000)
    one.task.cancel()
    await asyncio.wait([one.task])
    workers.shutdown()
    assert one.files.state == "abandoned"
    assert one.files.sound().shape[1] / 16 == pytest.approx(one.spans[-1].end_ms, abs=30)


async def test_a_store_that_cannot_write_at_the_end_fails_no_file_that_is_whole(recorded: Recorded) -> None:
    recorded.files.away = 2
    await recorded.goes_to(5_000)
    assert not await recorded.tape.over(0)
    await recorded.ended(5_000)
    assert await recorded.tape.over(0)
    assert (recorded.files.state, recorded.files.length_ms, recorded.pauses) == ("whole", 5_000, 2)
    assert recorded.outcomes == ["whole"]
    assert "recording.failed" not in [name for name, _, _ in recorded.said]
