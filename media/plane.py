"""What every plane is: the calls of a kind, and one clock of 20 ms on which they are all heard."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

log = logging.getLogger(__name__)

TICK_S = 0.020
LATE_S = 0.1
"""When the loop was busy for so long, ticks are left out."""


class Closable(Protocol):
    def close(self, reason: str) -> None: ...


SessionT = TypeVar("SessionT", bound=Closable)


class Plane(Generic[SessionT]):
    """`start` it in the loop that calls it, `aclose` it there."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is monotonic, in seconds."""
        self.clock = clock
        self._name = name
        self._sessions: dict[int, SessionT] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def aclose(self) -> None:
        """Ends every call with `shutdown`."""
        for session in list(self._sessions.values()):
            session.close("shutdown")
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def tick(self) -> None:
        """Hears what has come on all calls since the last tick."""
        raise NotImplementedError

    async def _run(self) -> None:
        due = self.clock()
        while True:
            due += TICK_S
            behind = self.clock() - due
            if behind > LATE_S:  # the process was stopped: catch up in one tick, not in hundreds
                due += behind
            await asyncio.sleep(max(0.0, due - self.clock()))
            try:
                self.tick()
            except Exception:
                log.exception("a tick of the %s failed; the calls go on", self._name)
