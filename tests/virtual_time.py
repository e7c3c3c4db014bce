"""Time that passes when a test says so."""

import asyncio
from collections.abc import Callable


class VirtualTime:
    """A clock, and what sleeps by it: sleeping lasts until time `goes`, and then no longer than a turn of the loop."""

    def __init__(self) -> None:
        self.now = 0.0
        self.goes = asyncio.Event()
        self.jumps = 0.0
        """So much more than it sleeps passes at once: the machine was asleep."""
        self.passed: Callable[[], None] = lambda: None
        """Told whenever some has."""
        self._more = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await self.goes.wait()
        await asyncio.sleep(0)
        self.now += seconds + self.jumps
        self._more.set()
        self.passed()

    async def until(self, moment: float) -> None:
        while self.now < moment:
            self._more.clear()
            await self._more.wait()
