"""The hub: memory and store are one to a reader, whatever was published, cancelled, or ended."""

import asyncio

import msgspec
import pytest

from engine.errors import Conflict, NotFound
from engine.facts import Insight, Measured, Transcript, decode
from engine.fanout import ENDED_KEPT, MEMORY, Hub
from engine.ports import CallRecord
from engine.store import Store
from engine.telemetry import Metrics


def said(seq: int, call_id: str = "call-1") -> Transcript:
    return Transcript(call_id=call_id, seq=seq, turn=seq, text=f"turno {seq}")


@pytest.fixture
def hub(store: Store) -> Hub:
    return Hub(store, metrics=Metrics())


async def seqs(hub: Hub, record: CallRecord, after: int = 0) -> list[int]:
    return [seq for seq, _ in await hub.facts_after(record.organisation_id, record.call_id, after)]


async def test_memory_is_bounded_and_the_store_has_the_rest(hub: Hub, record: CallRecord) -> None:
    await hub.opened(record)
    await hub.publish(record, [said(seq) for seq in range(1, MEMORY + 51)])
    assert await seqs(hub, record, 0) == list(range(1, MEMORY + 51))
    assert await seqs(hub, record, 50) == list(range(51, MEMORY + 51))
    assert await seqs(hub, record, MEMORY + 50) == []


async def test_a_fact_whose_publisher_was_cancelled_is_not_skipped(hub: Hub, record: CallRecord) -> None:
    await hub.opened(record)
    await hub.publish(record, [said(1)])
    publishing = asyncio.create_task(hub.publish(record, [said(2)]))
    await asyncio.sleep(0)
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    await hub.publish(record, [said(3)])
    assert await seqs(hub, record, 1) in ([2, 3], [3])
    stored = await hub.facts_after(record.organisation_id, record.call_id, 0)
    assert [decode(body).seq for _, body in stored] == [seq for seq, _ in stored]


async def test_what_the_store_refuses_is_shown_to_nobody(hub: Hub, record: CallRecord) -> None:
    await hub.opened(record)
    with hub.feed(record.organisation_id, lambda _: True) as feed:
        feed.begin({})
        await hub.publish(record, [said(1)])
        with pytest.raises(Conflict):
            await hub.publish(record, [said(1)])
        assert len(await feed.next()) == 2


async def test_a_desk_shows_nothing_before_it_has_said_what_it_knows(hub: Hub, record: CallRecord) -> None:
    await hub.opened(record)
    await hub.publish(record, [said(1), said(2)])
    with hub.feed(record.organisation_id, lambda _: True) as feed:
        await hub.changed(record)
        assert not feed.shows(record.call_id)
        feed.begin({"call-1": 1})
        call, second = await feed.next()
        assert msgspec.json.decode(call)["type"] == "call"
        assert decode(second).seq == 2


async def test_facts_and_the_text_models_time_are_measured(store: Store, record: CallRecord) -> None:
    metrics = Metrics()
    hub = Hub(store, metrics=metrics)
    await hub.opened(record)
    measured = Measured(latency_ms={"onnx": 8.0})
    sentiment = Insight(call_id="call-1", seq=2, kind="sentiment", turn=1, measured=measured)
    await hub.publish(record, [said(1), sentiment, msgspec.structs.replace(sentiment, seq=3, kind="intent")])
    text = metrics.text().decode()
    assert 'welcomedly_facts_total{type="insight"} 2.0' in text
    assert "welcomedly_onnx_seconds_count 1.0" in text
    assert "welcomedly_onnx_seconds_sum 0.008" in text


async def test_many_ended_calls_are_let_go_and_still_found(hub: Hub, record: CallRecord) -> None:
    for number in range(ENDED_KEPT + 3):
        call = msgspec.structs.replace(record, call_id=f"call-{number}")
        await hub.opened(call)
        await hub.publish(call, [said(1, call.call_id)])
        await hub.changed(msgspec.structs.replace(call, ended_at=1.0))
    assert hub.live_calls() == []
    first = await hub.record(record.organisation_id, "call-0")
    assert first.ended_at == 1.0
    await hub.changed(first)
    assert await seqs(hub, first) == [1]
    with pytest.raises(NotFound):
        await hub.record("another organisation", "call-5")
