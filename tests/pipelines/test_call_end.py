"""However a call ends, it is over for everybody, and what people do meanwhile counts or is refused."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from engine.errors import NotFound
from engine.facts import CallEvent, Fact, Insight
from engine.ports.desk import DeskCommand, Person
from engine.ports.intake import CallEnded, ClockTick, MediaEvent
from engine.ports.storage import CallRecord
from engine.tokens import Token
from pipelines.conversation import Conversation
from pipelines.judgeable import Judgeable
from pipelines.summary_wording import SummaryWording
from tests.fakes import FakeEars, FakeSession, FakeSink
from tests.pipelines.test_call import live_call, speech
from tests.pipelines.told_sink import ToldSink

ANA, BEN = (Person(f"user-{name}", "org", name, "agent") for name in ("ana", "ben"))
SOFIA = Person("user-sofia", "org", "sofia", "supervisor")
OVER = CallEnded(2000, "bye")


def events_of(sink: FakeSink) -> list[str]:
    return [fact.name for fact in sink.facts if isinstance(fact, CallEvent)]


async def test_a_fault_in_summing_up_leaves_no_call_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Conversation, now_ms: int, **_how: object) -> list[Fact]:
        raise RuntimeError(str(now_ms))

    monkeypatch.setattr(Conversation, "end", fail)
    sink = FakeSink()
    await live_call([OVER], FakeEars({}), sink).serve()
    assert events_of(sink)[-1] == "call.ended"
    assert sink.record is not None
    assert (sink.record.ended_at, sink.record.end_reason) == (1.0, "bye")


async def test_a_summary_that_the_store_refuses_does_not_keep_the_call_open(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(FakeSink):
        async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
            if any(isinstance(fact, Insight) for fact in facts):
                raise ValueError("it cannot be written")
            await super().publish(record, facts, tokens)

    def end(_: Conversation, now_ms: int, **_how: object) -> list[Fact]:
        return [Insight(call_id="call-1", seq=90, kind="mood", turn=1, end_ms=now_ms)]

    monkeypatch.setattr(Conversation, "end", end)
    sink = Refusing()
    await live_call([OVER], FakeEars({}), sink).serve()
    assert events_of(sink)[-1] == "call.ended"
    assert sink.ended.is_set()


@pytest.mark.parametrize("refused", ["call.ended", "nothing"])
async def test_a_fault_in_the_last_item_ends_the_call_all_the_same(
    refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(FakeSink):
        async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
            if any(isinstance(fact, CallEvent) and fact.name == refused for fact in facts):
                raise ValueError("it cannot be written")
            await super().publish(record, facts, tokens)

    async def fail(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(SummaryWording, "word", fail)
    sink = Refusing()
    await live_call([OVER], FakeEars({}), sink).serve()
    assert events_of(sink).count("call.ended") == (refused == "nothing")
    assert sink.record is not None
    assert (sink.record.ended_at, sink.record.end_reason) == (1.0, "bye")


async def test_a_call_that_failed_is_ended_where_it_stands() -> None:
    class Broken(FakeSession):
        async def events(self) -> AsyncIterator[MediaEvent]:
            yield ClockTick(1500)
            raise RuntimeError("a mistake of media's")

    sink = FakeSink()
    call = live_call([], FakeEars({}), sink, session=Broken)
    await call.fail()
    assert sink.record is None, "it was never opened"
    with pytest.raises(ExceptionGroup):
        await call.serve()
    await call.fail()
    await call.fail()
    last = sink.facts[-1]
    assert isinstance(last, CallEvent)
    assert (last.name, last.end_ms, last.data) == ("call.ended", 1500, {"reason": "error"})
    assert events_of(sink).count("call.ended") == 1
    assert sink.record is not None
    assert (sink.record.ended_at, sink.record.end_reason) == (1.0, "error")
    with pytest.raises(NotFound):
        call.command(ANA, DeskCommand("claim", "call-1"))


@pytest.mark.parametrize("kind", ["partial", "speculation", "final"])
async def test_a_fault_in_hearing_costs_that_window_alone(kind: str) -> None:
    class Failing(FakeEars):
        async def listen(self, job: Any, pcm: Any, draft: Any = lambda _: None) -> Any:
            if job.segment == 0 and job.kind == kind:
                raise RuntimeError("a mistake of ours")
            return await super().listen(job, pcm, draft)

    ears, sink = Failing({("1", 0): "hello there", ("1", 1): "good morning"}), FakeSink()
    states = ("started", "continues", *(("paused",) if kind == "speculation" else ()), "ended")
    later = speech("1", 1, 1000, 1900, "started", "ended")
    await live_call([*speech("1", 0, 0, 900, *states), *later, OVER], ears, sink).serve()
    said = [fact.text for fact in sink.facts if not isinstance(fact, CallEvent) and hasattr(fact, "text")]
    assert said == (["good morning"] if kind == "final" else ["hello there", "good morning"])
    assert sink.ended.is_set()
    assert ("load.shed" in events_of(sink)) == (kind == "final")


@pytest.mark.parametrize("slower", [BEN, SOFIA], ids=lambda person: person.role)
async def test_of_two_who_claim_a_call_at_once_the_first_has_it(slower: Person) -> None:
    sink = FakeSink()
    call = live_call([OVER], FakeEars({}), sink)
    for person in (ANA, slower):
        call.command(person, DeskCommand("claim", "call-1"))
    await call.serve()
    assert sink.record is not None
    assert sink.record.agent_id == ANA.user_id
    assert events_of(sink).count("call.claimed") == 1


async def test_what_people_do_just_after_they_hung_up_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    wording, go_on = asyncio.Event(), asyncio.Event()

    async def word(*_: object) -> None:
        wording.set()
        await go_on.wait()

    monkeypatch.setattr(SummaryWording, "word", word)
    monkeypatch.setattr(Judgeable, "card", lambda *_: {"of": 1, "article": "bills"})
    sink = ToldSink()
    call = live_call([OVER], FakeEars({}), sink)
    serving = asyncio.create_task(call.serve())
    await wording.wait()
    call.command(ANA, DeskCommand("claim", "call-1"))
    await sink.told(CallEvent, lambda event: event.name == "call.claimed")  # it does not wait for the summary
    call.command(ANA, DeskCommand("card", "call-1", seq=1, action="accepted"))
    go_on.set()
    await serving
    assert events_of(sink)[-2:] == ["call.claimed", "card.accepted"]
    assert sink.record is not None
    assert (sink.record.agent_id, sink.record.ended_at) == (ANA.user_id, 1.0)
    with pytest.raises(NotFound):
        call.command(ANA, DeskCommand("card", "call-1", seq=1, action="dismissed"))
