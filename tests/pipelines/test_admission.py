"""Which calls are let in, and what becomes of those that come before the models are there."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from engine.errors import Overloaded
from engine.facts import SpeechSegment, Transcript
from engine.ports.hearing import Headroom
from engine.ports.intake import CallEnded, CallOffer, MediaEvent, Participant, Refusal, Routing
from engine.ports.storage import CallRecord
from engine.telemetry import Metrics
from models.compliance import CallContext
from pipelines.calls import LATE_FINALS_MS, LOADING_MS, STORE_LATE_S, Calls, context_of
from pipelines.understanding import Understanding
from tests.fakes import FakeEars, FakeSession, FakeSink, understanding
from tests.pipelines.test_recording_commands import ROUTING, FakeRouter


class LateEars(FakeEars):
    """With as much headroom as it is told."""

    room = Headroom(up=True, load=0.0, finals_late_ms=0.0, partials=True)

    def headroom(self) -> Headroom:
        return self.room


class Away(FakeSink):
    """Cannot write while it is `away`."""

    away = False

    async def opened(self, record: CallRecord) -> None:
        if self.away:
            raise Overloaded("the store cannot write")
        await super().opened(record)


class Door:
    """The intake of an engine with room for one call."""

    def __init__(
        self,
        models: "asyncio.Future[Understanding]",
        late_finals_ms: float = LATE_FINALS_MS,
        max_calls: int = 1,
        store_late_s: float = STORE_LATE_S,
    ) -> None:
        self.ears, self.sink = LateEars({("c", 0): "first words"}), Away()
        self.router = FakeRouter(msgspec.structs.replace(ROUTING, recording=False))
        self.now_s = 7.0
        self.calls = Calls(
            router=self.router,
            ears=self.ears,
            sink=self.sink,
            understanding=models,
            metrics=Metrics(),
            max_calls=max_calls,
            clock_ms=lambda: 0.0,
            wall_clock=lambda: self.now_s,
            late_finals_ms=late_finals_ms,
            store_late_s=store_late_s,
        )

    def admits(self, *, up: bool = True, late_ms: float = 0.0) -> bool:
        """Whether a call would be let in that is withdrawn at once."""
        self.ears.room = Headroom(up=up, load=1.0, finals_late_ms=late_ms, partials=up)
        refusal = self.calls.admit(short_call().offer)
        self.calls.withdraw(short_call().offer)
        return refusal is None


def short_call() -> FakeSession:
    said = SpeechSegment("c", 0, "started", 0, 400), SpeechSegment("c", 0, "ended", 0, 900)
    return FakeSession([*said, CallEnded(1_000, "bye")], [Participant("c", 0)])


async def test_a_call_that_is_over_before_the_models_are_there_is_heard_from_its_first_word() -> None:
    loading: asyncio.Future[Understanding] = asyncio.get_running_loop().create_future()
    door = Door(loading)
    assert door.admits(up=False)
    door.calls.begin(short_call())
    await asyncio.sleep(0)  # the call's task has its first turn
    assert door.sink.facts == []
    assert door.calls.admit(short_call().offer) == Refusal("overloaded", 5)
    assert door.calls.full() == Refusal("overloaded", 5)
    loading.set_result(understanding().result())
    await door.calls.close()
    assert door.calls.full() == Refusal("shutting_down", 5)
    words = [(fact.text, fact.start_ms) for fact in door.sink.facts if isinstance(fact, Transcript)]
    assert words == [("first words", 0)]
    assert door.sink.record is not None
    assert (door.sink.record.started_at, door.sink.record.end_reason) == (7.0, "bye")


async def test_a_call_is_judged_by_when_it_was_answered_however_long_the_models_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged_at: list[float] = []

    def context_at(offer: CallOffer, routing: Routing, at_s: float) -> CallContext:
        judged_at.append(at_s)
        return context_of(offer, routing, at_s)

    monkeypatch.setattr("pipelines.calls.context_of", context_at)
    loading: asyncio.Future[Understanding] = asyncio.get_running_loop().create_future()
    door = Door(loading)
    door.calls.begin(short_call())
    door.now_s += 20.0
    loading.set_result(understanding().result())
    await door.calls.close()
    assert door.sink.record is not None
    assert judged_at == [door.sink.record.started_at] == [7.0]


async def test_a_call_has_its_place_from_its_admission_until_it_is_withdrawn() -> None:
    door = Door(understanding())
    first, second = (msgspec.structs.replace(short_call().offer, call_id=name) for name in ("first", "second"))
    assert door.calls.admit(first) is None
    assert door.calls.admit(second) == Refusal("overloaded", 5)  # the first has not been answered yet
    assert door.calls.full() == Refusal("overloaded", 5)
    door.calls.withdraw(second)  # it has none
    assert door.calls.full() is not None
    door.calls.withdraw(first)
    assert door.calls.admit(second) is None
    session = short_call()
    session.offer = second
    door.calls.begin(session)
    door.calls.withdraw(second)
    assert door.calls.full() is not None, "a call that has begun keeps its place"
    await door.calls.close()


async def test_one_that_drains_keeps_the_calls_that_are_there() -> None:
    loading: asyncio.Future[Understanding] = asyncio.get_running_loop().create_future()
    door = Door(loading, max_calls=3)
    let_in = msgspec.structs.replace(short_call().offer, call_id="let in")
    door.calls.begin(short_call())
    assert door.calls.admit(let_in) is None
    door.calls.drain()
    assert door.calls.admit(short_call().offer) == Refusal("shutting_down", 5)
    assert door.calls.count == 2
    door.calls.withdraw(let_in)
    loading.set_result(understanding().result())
    await door.sink.ended.wait()
    assert door.sink.facts
    await door.calls.close()
    assert door.calls.count == 0


async def test_a_call_whose_campaign_is_closed_before_its_answer_leaves_no_place_behind() -> None:
    door = Door(understanding())
    session = short_call()
    assert door.calls.admit(session.offer) is None
    door.router.routing = None
    door.calls.begin(session)
    assert door.calls.full() is None


async def test_models_that_cannot_be_loaded_end_their_calls() -> None:
    loading: asyncio.Future[Understanding] = asyncio.get_running_loop().create_future()
    door = Door(loading)
    door.calls.begin(short_call())
    loading.set_exception(OSError("no weights"))
    await door.calls.close()
    assert door.sink.facts == []


async def test_a_call_that_fails_is_over_in_the_store_too() -> None:
    class Broken(FakeSession):
        async def events(self) -> AsyncIterator[MediaEvent]:
            raise RuntimeError("a mistake of media's")
            yield

    door = Door(understanding())
    door.calls.begin(Broken([], [Participant("c", 0)]))
    await door.calls.close()
    assert door.sink.record is not None
    assert (door.sink.record.ended_at, door.sink.record.end_reason) == (7.0, "error")


async def test_lateness_without_ears_is_loading_and_with_them_load() -> None:
    door = Door(understanding())
    assert door.admits(late_ms=LATE_FINALS_MS)
    assert not door.admits(late_ms=LATE_FINALS_MS + 1)
    assert door.admits(up=False, late_ms=LOADING_MS)
    assert not door.admits(up=False, late_ms=LOADING_MS + 1)


async def test_no_call_is_let_in_while_those_that_are_there_wait_for_the_store() -> None:
    door = Door(understanding(), max_calls=2, store_late_s=0.0)
    door.sink.away = True
    door.calls.begin(short_call())
    for _ in range(10):
        await asyncio.sleep(0)
    assert door.calls.admit(short_call().offer) == Refusal("overloaded", 5)
    door.sink.away = False
    await door.calls.close()
    assert door.sink.record is not None


async def test_a_load_test_lets_in_what_the_engine_would_refuse() -> None:
    door = Door(understanding(), late_finals_ms=float("inf"))
    assert door.admits(late_ms=1e9)
    door.calls.begin(short_call())
    assert not door.admits()  # there is still a most
    await door.calls.close()
