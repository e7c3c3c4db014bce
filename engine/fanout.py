"""From the store to the sockets of this process, never through the broker.

A socket is a set of cursors: for each call that it shows, the `seq` up to which it has been sent. It pulls what lies
beyond from the call's live memory, or from the store when that has moved on; so snapshot and live are one road, and
nothing is lost or doubled between them. What a slow socket has not taken costs nothing but its lag, which is bounded.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from engine import floor
from engine.errors import NotFound
from engine.facts import Draft, Fact, Transcript, encode
from engine.floor import Tile
from engine.flow import Latest
from engine.ports import CallRecord
from engine.store import Store
from engine.telemetry import Metrics

MEMORY = 512
"""Newest facts a call that are kept encoded; older ones are read from the store."""

BEHIND = 1_024
"""Facts that a socket which had caught up may fall behind before it is given up."""

ENDED_KEPT = 32
"""Calls that ended and are still at hand, for desks that show them."""


UNKNOWN = 0
"""`seq` to come of a call whose facts were never seen here; real ones begin at 1."""


class TooSlow(Exception):  # noqa: N818 (what the reader is, not an error of ours)
    """The socket does not take what it is sent; close it, and let it resume by `seq`."""


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
    """Implements `engine.ports.FactSink`: the store first, then this process's sockets, then the outbox's relay."""

    def __init__(self, store: Store, *, metrics: Metrics, relay: Callable[[], None] = lambda: None) -> None:
        """`relay` is told that the outbox has something (`Relay.wake`)."""
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

    async def publish(self, record: CallRecord, facts: Sequence[Fact]) -> None:
        bodies = [encode(fact) for fact in facts]
        await self._store.calls.append(record, facts, bodies)
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
        await self._store.calls.change(record)
        live = self._live.setdefault(record.call_id, _Live(record, first=UNKNOWN))
        live.record = record
        live.tile = floor.changed(live.tile, record)
        self._retire(record)
        self._metrics.set("calls_live", len(self.live_calls()))
        self._announce(record)

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
    def feed(self, organisation_id: str, mine: Callable[[CallRecord], bool]) -> Iterator["Feed"]:
        """What a desk's socket sends; calls for which `mine` holds come by themselves."""
        feed = Feed(self, organisation_id, mine)
        feeds = self._feeds.setdefault(organisation_id, set())
        feeds.add(feed)
        try:
            yield feed
        finally:
            feeds.discard(feed)

    @contextmanager
    def floor(self, organisation_id: str, sees: Callable[[CallRecord], bool]) -> Iterator["FloorFeed"]:
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


class _DraftKey(NamedTuple):
    call_id: str
    stream: str
    segment: int


class Feed:
    """One desk socket's side of the hub."""

    def __init__(self, hub: Hub, organisation_id: str, mine: Callable[[CallRecord], bool]) -> None:
        self._hub = hub
        self._organisation_id = organisation_id
        self._mine = mine
        self._cursors: dict[str, int] = {}
        self._followed: set[str] = set()
        self._caught_up: set[str] = set()
        self._records: Latest[CallRecord] = Latest(lambda record: record.call_id)
        self._drafts: Latest[Draft] = Latest(lambda draft: _DraftKey(draft.call_id, draft.stream, draft.segment))
        self._dirty: dict[str, None] = {}
        self._said: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._slow = False
        self._begun = False

    def begin(self, known: Mapping[str, int]) -> None:
        """Show this desk's live calls, each from the `seq` that is `known` already, and from now on those that come."""
        self._begun = True
        for record in self._hub.live_calls(self._organisation_id):
            if self._mine(record):
                self.show(record, known.get(record.call_id, 0))

    def say(self, message: bytes) -> None:
        """Send this as it is, before anything else."""
        self._said.append(message)
        self._slow = self._slow or len(self._said) > BEHIND
        self._ready.set()

    def show(self, record: CallRecord, after: int = 0, *, followed: bool = False) -> None:
        """Send the call and its facts beyond `after`, and go on with what comes. What is shown already goes on."""
        if followed:
            self._followed.add(record.call_id)
        if record.call_id in self._cursors:
            return
        self._cursors[record.call_id] = max(after, 0)
        self._records.put(record)
        self._touch(record.call_id)

    def hide(self, call_id: str) -> None:
        """Stop, unless the call is this desk's own by now; it is announced again when its row changes."""
        self._followed.discard(call_id)
        self._drop(call_id)

    def shows(self, call_id: str) -> bool:
        return call_id in self._cursors

    async def next(self) -> list[bytes]:
        """What to send now; waits until there is something. Raises `TooSlow` when the last was too long ago."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            if self._slow:
                raise TooSlow
            messages = list(self._said)
            self._said.clear()
            messages += [call_message(record) for record in self._records.take()]
            dirty, self._dirty = self._dirty, {}
            for call_id in dirty:
                messages += await self._pull(call_id)
            messages += [encode(draft) for draft in self._drafts.take() if draft.call_id in self._cursors]
            if messages:
                return messages

    # ─── told by the hub ───

    def changed(self, record: CallRecord) -> None:
        call_id = record.call_id
        if call_id in self._cursors:
            self._records.put(record)
            self._ready.set()
            if not self._mine(record) and call_id not in self._followed:
                self._drop(call_id)  # it went to another desk; the record says so
        elif self._begun and self._mine(record) and not record.ended_at:
            self.show(record)

    def published(self, call_id: str, last: int, settled: dict[str, int]) -> None:
        if call_id not in self._cursors:
            return
        if call_id in self._caught_up and last - self._cursors[call_id] > BEHIND:
            self._slow = True
        self._touch(call_id)
        for draft in self._drafts.take():
            if draft.call_id != call_id or draft.end_ms > settled.get(draft.stream, -1):
                self._drafts.put(draft)

    def drafted(self, draft: Draft) -> None:
        if draft.call_id in self._cursors:
            self._drafts.put(draft)
            self._ready.set()

    # ─── within ───

    async def _pull(self, call_id: str) -> list[bytes]:
        if call_id not in self._cursors:
            return []
        start = self._cursors[call_id]
        try:
            facts = await self._hub.facts_after(self._organisation_id, call_id, start)
        except NotFound:  # erased meanwhile
            self._drop(call_id)
            return []
        if self._cursors.get(call_id) != start:
            return []  # hidden, or shown from elsewhere, while the store was read: it is dirty again
        if not facts:
            self._caught_up.add(call_id)
            return []
        self._cursors[call_id] = facts[-1][0]
        self._touch(call_id)  # until a pull comes back empty: the store gives pages
        return [body for _, body in facts]

    def _touch(self, call_id: str) -> None:
        self._dirty[call_id] = None
        self._ready.set()

    def _drop(self, call_id: str) -> None:
        self._cursors.pop(call_id, None)
        self._caught_up.discard(call_id)
        self._dirty.pop(call_id, None)


class FloorFeed:
    """One wall socket's side of the hub: the newest tile of each call that changed, and those that went."""

    def __init__(self, sees: Callable[[CallRecord], bool]) -> None:
        self._sees = sees
        self._shown: set[str] = set()
        self._tiles: Latest[Tile] = Latest(lambda tile: tile.id)
        self._gone: dict[str, None] = {}
        self._ready = asyncio.Event()

    def snapshot(self, tiles: Sequence[tuple[CallRecord, Tile]]) -> list[Tile]:
        """Those that this wall sees; from here on changes are told."""
        seen = [tile for record, tile in tiles if self._sees(record)]
        self._shown = {tile.id for tile in seen}
        return seen

    def changed(self, record: CallRecord, tile: Tile) -> None:
        if self._sees(record) and not record.ended_at:
            self._shown.add(record.call_id)
            self._gone.pop(record.call_id, None)
            self._tiles.put(tile)
        elif record.call_id in self._shown:
            self._shown.discard(record.call_id)
            self._tiles.discard(record.call_id)
            self._gone[record.call_id] = None
        else:
            return
        self._ready.set()

    async def next(self) -> tuple[list[Tile], list[str]]:
        """(changed tiles, calls that went); waits until there is something."""
        await self._ready.wait()
        self._ready.clear()
        gone, self._gone = list(self._gone), {}
        return self._tiles.take(), gone


def call_message(record: CallRecord) -> bytes:
    return msgspec.json.encode({"type": "call", "call": record})
