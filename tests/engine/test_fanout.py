"""The hub: memory and store are one to a reader, whatever was published, cancelled, or ended."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Conflict, NotFound
from engine.facts import Insight, Transcript, decode, encode
from engine.fanout import ENDED_KEPT, MEMORY, Hub
from engine.feeds import Feed
from engine.ports.storage import CallRecord
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
    await asyncio.sleep(0)  # it has begun, and waits for the store
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
            await hub.publish(record, [msgspec.structs.replace(said(1), text="otra cosa")])
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


async def test_facts_are_counted_by_type(store: Store, record: CallRecord) -> None:
    metrics = Metrics()
    hub = Hub(store, metrics=metrics)
    await hub.opened(record)
    sentiment = Insight(call_id="call-1", seq=2, kind="sentiment", turn=1)
    await hub.publish(record, [said(1), sentiment, msgspec.structs.replace(sentiment, seq=3, kind="intent")])
    text = metrics.text().decode()
    assert 'welcomedly_facts_total{type="insight"} 2.0' in text


async def test_nothing_of_an_erased_call_stays_in_memory(hub: Hub, store: Store, record: CallRecord) -> None:
    await hub.opened(record)
    await hub.publish(record, [said(1)])
    with hub.feed(record.organisation_id, lambda _: True) as mine, hub.feed("another", lambda _: True) as other:
        mine.begin({})
        other.begin({})
        assert len(await mine.next()) == 2
        ended = msgspec.structs.replace(record, ended_at=1.0)
        await hub.changed(ended)
        await store.calls.erase(record.organisation_id, "call-1", "user-root", 2.0)
        hub.forget(record.organisation_id, "call-1")
        assert await mine.next() == [b'{"type":"gone","id":"call-1"}']
        assert not mine.shows("call-1")
    await hub.changed(ended)
    for asking in (hub.record(record.organisation_id, "call-1"), seqs(hub, record), hub.publish(ended, [said(2)])):
        with pytest.raises(NotFound):
            await asking
    assert await store.outbox.count() == 0


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


class FakeFacts:
    """A source that gives what was published in pages, as the store does, and takes a turn of the loop for it."""

    def __init__(self, record: CallRecord) -> None:
        self.record = record
        self.published = 0
        self.page = 3

    def live_calls(self, organisation_id: str | None = None) -> list[CallRecord]:
        return [self.record]

    async def facts_after(self, organisation_id: str, call_id: str, seq: int) -> list[tuple[int, bytes]]:
        await asyncio.sleep(0)
        return [(one, encode(said(one))) for one in range(seq + 1, min(self.published, seq + self.page) + 1)]


@given(st.lists(st.sampled_from(["publish", "burst", "wait", "hide", "follow"]), max_size=40), st.integers(0, 5))
def test_any_order_of_publishing_and_reading_gives_every_fact_once(steps: list[str], known: int) -> None:
    record = CallRecord("call-1", "org", "c", "sales", "inbound", "en", "US", agent_id="ana")
    asyncio.run(_play(record, steps, known))


async def _play(record: CallRecord, steps: list[str], known: int) -> None:
    source = FakeFacts(record)
    source.published = known
    feed = Feed(source, "org", lambda record: record.agent_id == "ana")
    feed.begin({record.call_id: known})
    seen = [known]

    async def read() -> None:
        while True:
            messages = await feed.next()
            seen.extend(decode(one).seq for one in messages if msgspec.json.decode(one)["type"] == "transcript")

    async with asyncio.TaskGroup() as group:
        reader = group.create_task(read())
        for step in steps:
            _step(step, source, feed, seen[-1])
            await asyncio.sleep(0)
        feed.show(record, seen[-1])
        for _ in range(8 + 4 * source.published):  # turns of the loop, of which a page takes two
            await asyncio.sleep(0)
        reader.cancel()
    assert seen == list(range(known, source.published + 1))


def _step(step: str, source: FakeFacts, feed: Feed, last: int) -> None:
    match step:
        case "publish" | "burst":
            source.published += 1 if step == "publish" else 7
            feed.published("call-1", source.published, {})
        case "hide":
            feed.hide("call-1")
        case "follow":
            feed.show(source.record, last, followed=True)
