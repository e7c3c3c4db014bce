"""What the desk's and the wall's sockets share: opening, sending under a deadline, ending."""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import structlog
from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web

from engine.errors import Overloaded
from engine.feeds import TooSlow
from engine.ports.desk import Person
from engine.web.keys import LOGIN, METRICS, PERSON, TOKEN

_log = structlog.get_logger(__name__)

HEARTBEAT_S = 20.0
"""Browsers answer these by themselves; their pages never see them."""

BEAT_S = 10.0
"""How often the page is told the time. One that hears nothing for 2.5 of these takes its connection for dead
(console/src/lib/link.svelte.ts)."""

MESSAGE_BYTES = 64 * 1024
"""Longest message of a client."""

SEND_S = 10.0
"""A socket whose buffer does not drain in this time is given up; its client resumes by `seq`."""

SESSION_CHECK_S = 30.0
"""How soon a socket ends after its session did, while the store answers."""

OPEN: web.AppKey["weakref.WeakSet[web.WebSocketResponse]"] = web.AppKey("OPEN")
"""Every open socket, for the shutdown."""


class Socket:
    """A WebSocket of a person who is logged in."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse, kind: str) -> None:
        self.ws = ws
        self.person: Person = request[PERSON]
        self._request = request
        self._kind = kind
        self._sending = asyncio.Lock()

    async def send(self, message: bytes) -> None:
        """Raises `TooSlow`, or `ClientConnectionResetError` once it is closed."""
        try:
            # One at a time: whoever waits for the buffer to drain would be cancelled with whoever waits beside them.
            async with asyncio.timeout(SEND_S), self._sending:
                await self.ws.send_frame(message, WSMsgType.TEXT)
        except TimeoutError:
            raise TooSlow from None

    async def serve(self, *tasks: Callable[[], Awaitable[None]]) -> None:
        """Run the parts of a socket together until one of them ends, then end the others. Besides them it beats:
        `beat {at}` says that the connection stands, and the engine's time in UNIX seconds."""
        running = [asyncio.ensure_future(task()) for task in (*tasks, self._beat, self._watch_session)]
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        for task in done:
            await self._ended(task.exception())

    async def _ended(self, error: BaseException | None) -> None:
        if isinstance(error, TooSlow):
            self._request.app[METRICS].count("sockets_slow_total", kind=self._kind)
            await self.close(WSCloseCode.TRY_AGAIN_LATER, "too slow; resume")
        elif isinstance(error, ClientConnectionResetError):
            pass
        elif error is not None:
            _log.error("socket failed", kind=self._kind, exc_info=error)
            await self.close(WSCloseCode.INTERNAL_ERROR, "the engine made a mistake")

    async def close(self, code: int, reason: str) -> None:
        """Say why, then cut the connection: a peer that does not read would keep it for long."""
        transport = self._request.transport
        try:
            async with asyncio.timeout(1.0):
                await self.ws.close(code=code, message=reason.encode())
        except TimeoutError:
            pass
        finally:
            if transport is not None:
                transport.close() if self.ws.closed else transport.abort()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.send(msgspec.json.encode({"type": "beat", "at": time.time()}))

    async def _watch_session(self) -> None:
        login, token = self._request.app[LOGIN], self._request[TOKEN]
        while True:
            await asyncio.sleep(SESSION_CHECK_S)
            try:
                person = await login.who(token, held=True)
            except Overloaded:  # the store does not answer, which is no word on the session
                continue
            if person != self.person:
                await self.close(WSCloseCode.POLICY_VIOLATION, "the session is over")
                return


@asynccontextmanager
async def open_socket(request: web.Request, kind: str) -> AsyncIterator[Socket]:
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES, compress=False)
    await ws.prepare(request)
    request.app[OPEN].add(ws)
    metrics = request.app[METRICS]
    metrics.add("sockets", 1, kind=kind)
    try:
        yield Socket(request, ws, kind)
    finally:
        metrics.add("sockets", -1, kind=kind)
        request.app[OPEN].discard(ws)


async def close_all(app: web.Application) -> None:
    """Signal `on_shutdown`: clients see 1001 and come back."""
    still_open = app[OPEN]
    closing = [ws.close(code=WSCloseCode.GOING_AWAY, message=b"the engine stops") for ws in list(still_open)]
    try:
        async with asyncio.timeout(2.0):
            await asyncio.gather(*closing, return_exceptions=True)
    except TimeoutError:
        pass
