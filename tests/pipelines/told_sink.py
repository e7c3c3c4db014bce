"""A sink that a test may wait at, while the call goes on."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from engine.facts import Fact
from engine.ports.storage import CallRecord
from engine.tokens import Token
from tests.fakes import FakeSink

F = TypeVar("F", bound=Fact)


class ToldSink(FakeSink):
    def __init__(self) -> None:
        super().__init__()
        self._came = asyncio.Event()

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        await super().publish(record, facts, tokens)
        self._came.set()

    async def told(self, kind: type[F], test: Callable[[F], bool]) -> F:
        """The first fact of that kind of which that is so, once it is there."""
        async with asyncio.timeout(10):
            while True:
                for fact in self.facts:
                    if isinstance(fact, kind) and test(fact):
                        return fact
                self._came.clear()
                await self._came.wait()
