"""What a socket has still to be sent: one side of the hub a socket.

A desk's feed is a set of cursors: for each call that it shows, the `seq` up to which it has been sent. It pulls what
lies beyond from the call's live memory, or from the store when that has moved on; so snapshot and live are one road,
and nothing is lost or doubled between them. What a slow socket has not taken costs nothing but its lag, which is
bounded.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from engine.errors import NotFound
from engine.facts import Draft, encode
from engine.floor import Tile
from engine.flow import Latest
from engine.ports.storage import CallRecord

BEHIND = 1_024
"""Facts that a socket which had caught up may fall behind before it is given up."""


class TooSlow(Exception):
    """The socket does not take what it is sent; close it, and let it resume by `seq`."""


class FactSource(Protocol):
    """What a feed asks of the hub."""

    def live_calls(self, organisation_id: str | None = None) -> list[CallRecord]: ...

    async def facts_after(self, organisation_id: str, call_id: str, seq: int) -> list[tuple[int, bytes]]: ...


class _DraftKey(NamedTuple):
    call_id: str
    stream: str
    segment: int


class Feed:
    """One desk socket's side of the hub."""

    def __init__(self, source: FactSource, organisation_id: str, mine: Callable[[CallRecord], bool]) -> None:
        self._source = source
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
        for record in self._source.live_calls(self._organisation_id):
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

    def gone(self, call_id: str) -> None:
        """The call was erased."""
        if call_id in self._cursors:
            self.hide(call_id)
            self._records.discard(call_id)
            self.say(msgspec.json.encode({"type": "gone", "id": call_id}))

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
            facts = await self._source.facts_after(self._organisation_id, call_id, start)
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
