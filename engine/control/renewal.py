"""What is kept in memory of the store is read anew after every change, and later what could not be read then."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

import structlog

from engine.errors import Overloaded

log = structlog.get_logger(__name__)

LOOK_S: Final = 5.0
"""Between two looks whether a part could not be read."""

Part = TypeVar("Part", bound=Hashable)


class Renewal(Generic[Part]):
    """Of parts that are read each by itself, such as one an organisation."""

    def __init__(
        self,
        read: Callable[[Part], Awaitable[None]],
        fault: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`fault` is what is logged of a part that the store gives and that cannot be read."""
        self.turn = asyncio.Lock()
        """Held from the reading on: else what was read first might be kept last."""
        self._read = read
        self._fault = fault
        self._sleep = sleep
        self._stale: set[Part] = set()

    async def renew(self, part: Part) -> None:
        """With `turn` held. What has been stored does not fail for a store that cannot be read right after it:
        `keep_up` looks again."""
        self._stale.add(part)
        try:
            await self._read(part)
        except Overloaded:
            pass  # the store has said so
        except Exception:
            log.exception(self._fault)
        else:
            self._stale.discard(part)

    async def keep_up(self) -> None:
        """Until cancelled."""
        while True:
            await self._sleep(LOOK_S)
            for part in tuple(self._stale):
                async with self.turn:
                    await self.renew(part)
