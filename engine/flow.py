"""Bounded channels: every queue has a size and says what it does when full."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Overflow = Literal["drop_oldest", "drop_newest", "refuse"]


class ChannelFull(Exception):
    """A `refuse` channel is full: its reader is too slow, and the writer decides what to do about it."""


class Channel(Generic[T]):
    """One reader, any writers of one event loop.

    `drop_oldest` and `drop_newest` count what they lose in `dropped`; `refuse` raises `ChannelFull`.
    Iteration ends once the channel is closed and empty.
    """

    def __init__(self, bound: int, overflow: Overflow) -> None:
        self._items: deque[T] = deque()
        self._bound = bound
        self._overflow = overflow
        self._ready = asyncio.Event()
        self._closed = False
        self.dropped = 0

    def put(self, item: T) -> None:
        """Never waits. After `close` items are ignored."""
        if self._closed:
            return
        if len(self._items) >= self._bound:
            if self._overflow == "refuse":
                raise ChannelFull
            self.dropped += 1
            if self._overflow == "drop_newest":
                return
            self._items.popleft()
        self._items.append(item)
        self._ready.set()

    def close(self) -> None:
        self._closed = True
        self._ready.set()

    def __len__(self) -> int:
        return len(self._items)

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            while self._items:
                yield self._items.popleft()
            if self._closed:
                return
            self._ready.clear()
            await self._ready.wait()


class Latest(Generic[T]):
    """Keeps the newest item per key, in order of each key's first arrival: a slow reader sees fewer, never older
    ones."""

    def __init__(self, key: Callable[[T], Hashable]) -> None:
        self._key = key
        self._items: dict[Hashable, T] = {}

    def put(self, item: T) -> None:
        self._items[self._key(item)] = item

    def discard(self, key: Hashable) -> None:
        self._items.pop(key, None)

    def take(self) -> list[T]:
        """All items, emptied."""
        items = list(self._items.values())
        self._items.clear()
        return items

    def __len__(self) -> int:
        return len(self._items)
