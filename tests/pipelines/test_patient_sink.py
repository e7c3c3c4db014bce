"""A store that cannot write for a while costs a call time and no fact."""

import asyncio
from collections.abc import Sequence

import pytest

from engine.errors import Conflict, Overloaded
from engine.facts import CallEvent, Draft, Fact
from engine.ports.storage import CallRecord
from engine.tokens import Token
from pipelines.patient_sink import PAUSE_MAX_S, PAUSE_S, PatientSink
from tests.fakes import FakeSink

RECORD = CallRecord("call-1", "org", "c", "care", "inbound", "en", "US")


class Away(FakeSink):
    """Cannot write for so many tries."""

    def __init__(self, tries: int) -> None:
        super().__init__()
        self.tries = tries

    def _fail(self) -> None:
        if self.tries:
            self.tries -= 1
            raise Overloaded("the store cannot write")

    async def opened(self, record: CallRecord) -> None:
        self._fail()
        await super().opened(record)

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        self._fail()
        await super().publish(record, facts, tokens)

    async def changed(self, record: CallRecord) -> None:
        self._fail()
        await super().changed(record)


async def test_it_tries_until_the_store_takes_it() -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    away = Away(6)
    sink = PatientSink(away, pause)
    await sink.opened(RECORD)
    assert pauses == [PAUSE_S, 1.0, 2.0, 4.0, PAUSE_MAX_S, PAUSE_MAX_S]
    fact = CallEvent(call_id="call-1", seq=1, name="call.held")
    away.tries = 1
    await sink.publish(RECORD, [fact])
    away.tries = 1
    await sink.changed(RECORD)
    assert away.facts == [fact]
    assert away.record == RECORD
    assert pauses[6:] == [PAUSE_S, PAUSE_S]


async def test_it_tells_how_long_the_oldest_write_has_waited() -> None:
    now, seen = 100.0, list[float]()

    async def pause(seconds: float) -> None:
        nonlocal now
        now += seconds
        seen.append(sink.waited_s)

    sink = PatientSink(Away(3), pause, lambda: now)
    assert sink.waited_s == 0.0
    await sink.opened(RECORD)
    assert seen == [0.5, 1.5, 3.5]
    assert sink.waited_s == 0.0


async def test_a_store_that_does_not_answer_is_waited_for_from_the_first_moment() -> None:
    """As one is whose server is away: the writer itself tries for half a minute before it refuses."""
    now, answers = 100.0, asyncio.Event()

    class Hanging(FakeSink):
        async def opened(self, record: CallRecord) -> None:
            await answers.wait()
            await super().opened(record)

    sink = PatientSink(Hanging(), clock_s=lambda: now)
    opening = asyncio.create_task(sink.opened(RECORD))
    await asyncio.sleep(0)
    now += 6.0
    assert sink.waited_s == 6.0
    answers.set()
    await opening
    assert sink.waited_s == 0.0


async def test_what_the_store_refuses_is_not_tried_again() -> None:
    class Refusing(FakeSink):
        async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
            raise Conflict("it is there already")

    with pytest.raises(Conflict):
        await PatientSink(Refusing()).publish(RECORD, [])


def test_drafts_go_through() -> None:
    sink = FakeSink()
    draft = Draft(
        call_id="c", stream="1", leg="customer", segment=0, revision=1, start_ms=0, end_ms=1, text="a", stable=0
    )
    PatientSink(sink).draft(RECORD, draft)
    assert sink.drafts == [draft]
