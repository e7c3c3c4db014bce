"""One call is one trace, whose spans say what was done and never what was said."""

import datetime
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.facts import SpeechSegment
from engine.ports.intake import CallEnded, Participant, RoleDecision
from engine.ports.reading import Passage
from engine.ports.storage import CallRecord
from engine.tracing import Traces
from models.compliance import CallContext, Judge, load_rules
from models.privacy import DigitGuard
from pipelines.call import LiveCall
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from tests.fakes import FakeEars, FakeReader, FakeSession, FakeSink

WORDS = "my card is four one one one, one one one one, why was I charged twice?"
CONTEXT = CallContext(
    country="US",
    region="CA",
    campaign="care",
    direction="inbound",
    language="en",
    day=datetime.date(2026, 11, 24),
    segment="opening",
)


class FakeKnowledge:
    """Finds the same article for everything."""

    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        return [Passage(article="double-charge", title="Charged twice", body="Refund it.", language="en", score=0.9)]


def customer(participants: Sequence[Participant]) -> list[RoleDecision]:
    return [RoleDecision(stream=one.stream, role="customer", rule="position", confidence=0.7) for one in participants]


async def trace_of(words: str) -> Sequence[ReadableSpan]:
    """Of a call on which the customer says so, from answer to end."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = Traces(provider)
    ledger = Ledger("call-1", lambda: 1_001_000.0)
    conversation = Conversation(
        ledger=ledger,
        roster=Roster(),
        guard=DigitGuard("US", b"key"),
        judge=Judge(load_rules(), CONTEXT),
        reader=FakeReader(),
        reads=read_here,
        knowledge=FakeKnowledge(),
        governor=Governor(),
        language="en",
        clock_ms=lambda: 1_001_000.0,
        tracing=tracing,
    )
    record = CallRecord(
        call_id="call-1",
        organisation_id="org",
        campaign_id="c",
        campaign="care",
        direction="inbound",
        language="en",
        country="US",
    )
    states: list[SpeechSegment] = [SpeechSegment("1", 0, "started", 0, 900), SpeechSegment("1", 0, "ended", 0, 900)]
    call = LiveCall(
        session=FakeSession([*states, CallEnded(2_000, "bye")], [Participant(stream="1", position=0)]),
        record=record,
        ledger=ledger,
        conversation=conversation,
        ears=FakeEars({("1", 0): words}),
        sink=FakeSink(),
        decide_roles=customer,
        name_of=lambda user: "",
        clock_ms=lambda: 1_001_000.0,
        wall_clock=lambda: 1.0,
        tracing=tracing,
    )
    await call.serve()
    return exporter.get_finished_spans()


async def test_every_stage_of_a_call_is_a_child_of_its_span() -> None:
    spans = await trace_of(WORDS)
    call = spans[-1]
    assert (call.name, call.parent) == ("call", None)
    assert call.attributes is not None
    assert (call.attributes["welcomedly.call_id"], call.attributes["welcomedly.reason"]) == ("call-1", "bye")
    assert {span.name for span in spans[:-1]} == {"transcribe", "read", "judge", "search", "commit"}
    assert call.context is not None
    assert {span.parent.span_id if span.parent else 0 for span in spans[:-1]} == {call.context.span_id}


async def test_no_word_and_no_number_that_was_said_is_in_a_span() -> None:
    for span in await trace_of(WORDS):
        told = " ".join(str(value) for value in (span.attributes or {}).values()).lower()
        assert not span.events
        assert not [word for word in ("card", "four", "charged", "refund", "double", "4111") if word in told]
