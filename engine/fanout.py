"""From the store to the sockets of this process, never through the broker.

The hub keeps each call's newest facts, encoded once for all; a socket pulls them through its feed (`engine.feeds`).
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engine import floor
from engine.errors import NotFound
from engine.facts import Draft, Fact, Transcript, encode
from engine.feeds import Feed, FloorFeed
from engine.floor import Tile
from engine.ports.storage import CallRecord
from engine.store import Store
from engine.telemetry import Metrics
from engine.tokens import Token

MEMORY = 512
"""Newest facts a call that are kept encoded; older ones are read from the store."""

ENDED_KEPT = 32
"""Calls that ended and are still at hand, for desks that show them."""


UNKNOWN = 0
"""`seq` to come of a call whose facts were never seen here; real ones begin at 1."""


class _Live:
    """A call's latest, in memory."""

    def __init__(self, record: CallRecord, first: int = 1) -> None:
        self.record = record
        self.tile = floor.tile(record)
        self.facts: deque[tuple[int, bytes]] = deque(maxlen=MEMORY)
        self.next_seq = first
        self.settled: dict[str, int] = {}
        """Stream → media time up to which its words are final."""

    def add(self, fact: Fact, body: bytes) -> None:
        if fact.seq != self.next_seq:
            # A fact between was stored but not shown (its publisher was cancelled): the store fills the gap.
            self.facts.clear()
        self.facts.append((fact.seq, body))
        self.next_seq = fact.seq + 1
        self.tile = floor.reduce(self.tile, fact)
        if isinstance(fact, Transcript):
            self.settled[fact.stream] = max(fact.end_ms, self.settled.get(fact.stream, 0))

    def after(self, seq: int) -> list[tuple[int, bytes]] | None:
        """The facts beyond `seq`; None when memory does not reach back so far."""
        if self.next_seq == UNKNOWN:
            return None
        if seq + 1 >= self.next_seq:
            return []
        if not self.facts or self.facts[0][0] > seq + 1:
            return None
        found = []
        for item in reversed(self.facts):
            if item[0] <= seq:
                break
            found.append(item)
        return found[::-1]


class Hub:
    """Implements `engine.ports.storage.FactSink`: the store first, then this process's sockets, then the outbox's
    relay."""

    def __init__(self, store: Store, *, metrics: Metrics, relay: Callable[[], None] = lambda: None) -> None:
        """`relay` is told that the outbox has something (`engine.bus.Bus.wake`)."""
        self._store = store
        self._metrics = metrics
        self._relay = relay
        self._live: dict[str, _Live] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._feeds: dict[str, set[Feed]] = {}
        self._floors: dict[str, set[FloorFeed]] = {}

    # ─── FactSink ───

    async def opened(self, record: CallRecord) -> None:
        await self._store.calls.open(record)
        self._live[record.call_id] = _Live(record)
        self._metrics.set("calls_live", len(self.live_calls()))
        self._announce(record)

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        bodies = [encode(fact) for fact in facts]
        await self._store.calls.append(record, facts, bodies, tokens)
        if record.call_id not in self._live:
            self._live[record.call_id] = _Live(record, first=facts[0].seq if facts else 1)
            self._retire(record)
        live = self._live[record.call_id]
        for fact, body in zip(facts, bodies, strict=True):
            live.add(fact, body)
            self._metrics.count("facts_total", type=str(fact.__struct_config__.tag))
        for feed in self._feeds.get(record.organisation_id, ()):
            feed.published(record.call_id, live.next_seq - 1, live.settled)
        self._floor_changed(live)
        self._relay()

    def draft(self, record: CallRecord, draft: Draft) -> None:
        live = self._live.get(record.call_id)
        if live is None or draft.end_ms <= live.settled.get(draft.stream, -1):
            return  # its words are final already
        self._metrics.count("drafts_total")
        for feed in self._feeds.get(record.organisation_id, ()):
            feed.drafted(draft)

    async def changed(self, record: CallRecord) -> None:
        if not await self._store.calls.change(record):
            return  # it was erased: nothing of it comes back into memory
        live = self._live.setdefault(record.call_id, _Live(record, first=UNKNOWN))
        live.record = record
        live.tile = floor.changed(live.tile, record)
        self._retire(record)
        self._metrics.set("calls_live", len(self.live_calls()))
        self._announce(record)

    def forget(self, organisation_id: str, call_id: str) -> None:
        """The call was erased: nothing of it stays in memory, and desks that show it are told."""
        self._live.pop(call_id, None)
        self._ended.pop(call_id, None)
        for feed in self._feeds.get(organisation_id, ()):
            feed.gone(call_id)

    # ─── for the sockets ───

    def live_calls(self, organisation_id: str | None = None) -> list[CallRecord]:
        """Calls that have not ended, oldest first."""
        return [
            live.record
            for live in self._live.values()
            if not live.record.ended_at and organisation_id in (None, live.record.organisation_id)
        ]

    async def record(self, organisation_id: str, call_id: str) -> CallRecord:
        """Live or stored. Raises `NotFound`, also for another organisation's call."""
        live = self._live.get(call_id)
        if live is None:
            return await self._store.calls.get(organisation_id, call_id)
        if live.record.organisation_id != organisation_id:
            raise NotFound("no such call")
        return live.record

    async def facts_after(self, organisation_id: str, call_id: str, seq: int) -> list[tuple[int, bytes]]:
        """(seq, encoded) in order; a page of them when they come from the store."""
        live = self._live.get(call_id)
        remembered = live.after(seq) if live is not None else None
        if remembered is not None:
            return remembered
        return await self._store.calls.facts_after(organisation_id, call_id, seq)

    def tiles(self, organisation_id: str) -> list[tuple[CallRecord, Tile]]:
        return [
            (live.record, live.tile)
            for live in self._live.values()
            if not live.record.ended_at and live.record.organisation_id == organisation_id
        ]

    @contextmanager
    def feed(self, organisation_id: str, mine: Callable[[CallRecord], bool]) -> Iterator[Feed]:
        """What a desk's socket sends; calls for which `mine` holds come by themselves."""
        feed = Feed(self, organisation_id, mine)
        feeds = self._feeds.setdefault(organisation_id, set())
        feeds.add(feed)
        try:
            yield feed
        finally:
            feeds.discard(feed)

    @contextmanager
    def floor(self, organisation_id: str, sees: Callable[[CallRecord], bool]) -> Iterator[FloorFeed]:
        """What a wall's socket sends: tiles of the live calls for which `sees` holds."""
        feed = FloorFeed(sees)
        floors = self._floors.setdefault(organisation_id, set())
        floors.add(feed)
        try:
            yield feed
        finally:
            floors.discard(feed)

    # ─── within ───

    def _announce(self, record: CallRecord) -> None:
        for feed in self._feeds.get(record.organisation_id, ()):
            feed.changed(record)
        self._floor_changed(self._live[record.call_id])

    def _floor_changed(self, live: _Live) -> None:
        for feed in self._floors.get(live.record.organisation_id, ()):
            feed.changed(live.record, live.tile)

    def _retire(self, record: CallRecord) -> None:
        if not record.ended_at:
            return
        self._ended[record.call_id] = None
        while len(self._ended) > ENDED_KEPT:
            oldest, _ = self._ended.popitem(last=False)
            self._live.pop(oldest, None)
