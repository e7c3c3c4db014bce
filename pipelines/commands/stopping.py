"""What signals tell a command that runs for ever: to stop, to stop once its calls have ended, to read a certificate."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

LOOK_S = 1.0
"""Between two looks whether the last call has ended."""


class Serving(Protocol):
    """What runs meanwhile."""

    @property
    def calls(self) -> int:
        """Those that it has, with those that are let in and not answered yet."""

    def drain(self) -> None:
        """Takes no new call from now on, and says so to all who ask; those that there are go on."""

    def renew_certificate(self) -> None:
        """Reads the files of SIP's certificate anew, for connections to come."""


class Told:
    """What has been told so far."""

    def __init__(self) -> None:
        self.stop, self.drain, self.renew = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait(self, serving: Serving) -> None:
        """Until it is to stop; or to drain, and no call is left."""
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._drain(serving)), group.create_task(self._renew(serving))]
            await self.stop.wait()
            for task in others:
                task.cancel()

    async def _drain(self, serving: Serving) -> None:
        await self.drain.wait()
        serving.drain()
        log.info("drain", calls=serving.calls)
        while serving.calls:  # noqa: ASYNC110 — calls end in many places, none of which need know of us
            await asyncio.sleep(LOOK_S)
        self.stop.set()

    async def _renew(self, serving: Serving) -> None:
        while True:
            await self.renew.wait()
            self.renew.clear()
            try:
                serving.renew_certificate()
            except Exception:  # whatever it is, calls go on with the certificate that there is
                log.exception("certificate.not_renewed")


@contextlib.contextmanager
def signals() -> Iterator[Told]:
    """SIGINT and SIGTERM tell it to stop (a second one does not hurry), SIGUSR1 to drain, SIGHUP to read the
    certificate: or to stop, where it means that the terminal has gone that it was started from."""
    told, loop = Told(), asyncio.get_running_loop()
    events = {
        signal.SIGINT: told.stop,
        signal.SIGTERM: told.stop,
        signal.SIGUSR1: told.drain,
        signal.SIGHUP: told.stop if os.isatty(0) else told.renew,
    }
    for number, event in events.items():
        loop.add_signal_handler(number, event.set)
    try:
        yield told
    finally:
        for number in events:
            loop.remove_signal_handler(number)
