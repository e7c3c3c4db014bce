"""The bus: facts for other processes, on NATS JetStream, by way of the outbox.

No card waits for it: facts go from the store to the sockets of this process, and from the outbox to here whenever the
bus is up. What it carries are ids and bodies sealed with the call's key, for a day at most. Each fact comes at least
once: what was sent and not noted as sent, up to `BATCH` of them, is sent again, and known for the same for `DEDUPE_S`.
What is larger than a message of the bus may be is not sent: every fact behind it would wait for it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import nats.errors
import structlog
from faststream.nats import JStream, NatsBroker
from faststream.specification import AsyncAPI
from nats.js.api import DiscardPolicy, StorageType

from engine.errors import Overloaded, WelcomedlyError
from engine.nats_server import NatsServer, Program, check_program, find_program
from engine.settings import Settings
from engine.store.outbox import KEPT_S, Letter, Outbox
from engine.telemetry import Metrics

_log = structlog.get_logger(__name__)

STREAM = "facts"
SUBJECT = "facts.{organisation_id}.{call_id}.{type}"
BATCH = 256
ACK_S = 5.0
"""Time for the bus to confirm a fact before it is offered again; `Nats-Msg-Id` makes the second offer harmless, within
`DEDUPE_S`."""
DEDUPE_S = 120.0

HEADERS = 1_024
"""Bytes that a message's headers take at most: the bus counts them too."""

COUNT_EVERY_S = 10.0

IDLE_S = 1.0
GATHER_S = 0.1
"""Facts that come together go together: the outbox is read and cleared once for them."""

PAUSES_S = (0.1, 0.5, 2.0, 5.0)
"""Between two tries to start or reach the bus."""
TOLD, TOLD_EVERY = 5, 60
"""So many tries that fail are logged, and of those after them one in so many: every five minutes."""


async def _ignore() -> None: ...


def make_broker(url: str, closed: Callable[[], Awaitable[None]] = _ignore) -> NatsBroker:
    """A broker that declares the stream when it starts. Its AsyncAPI names no address, which holds the credentials.
    It has one connection and looks for no other when that ends, which `closed` is told."""
    stream = JStream(
        STREAM,
        subjects=["facts.>"],
        max_age=KEPT_S,
        max_bytes=1 << 29,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        duplicate_window=DEDUPE_S,
    )
    broker = NatsBroker(
        url,
        logger=None,
        specification_url="nats://bus",
        allow_reconnect=False,
        max_reconnect_attempts=1,
        reconnect_time_wait=0,
        error_cb=_quiet,
        closed_cb=closed,
    )
    broker.publisher(
        SUBJECT,
        stream=stream,
        title="Fact",
        description="A durable fact of a call: `engine.facts.encode`, sealed with the call's data key (AES-256-GCM). "
        "Headers: Nats-Msg-Id = call id and seq, call-id, seq, organisation-id. "
        f"Delivered at least once: a fact that comes twice within {DEDUPE_S:.0f} s is dropped here; after a longer gap "
        f"(the bus or the store was away) up to {BATCH} facts may come again, with the same Nats-Msg-Id.",
        schema=bytes,
    )
    return broker


async def _quiet(error: Exception) -> None:
    _log.debug("bus", error=type(error).__name__)


def _reason(error: BaseException) -> str:
    """In words, of errors that quote nothing that was sent: ours, the system's, the bus's own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) if isinstance(error, WelcomedlyError | OSError | nats.errors.Error) else ""


def asyncapi() -> bytes:
    """The AsyncAPI document, as JSON."""
    specification = AsyncAPI(make_broker("nats://bus"), title="Welcomedly", version="0.1.0").to_specification()
    return specification.to_json().encode()


class Bus:
    """Keeps the bus up and the outbox empty, in the background. `start` once, `stop` once."""

    def __init__(self, settings: Settings, outbox: Outbox, *, metrics: Metrics) -> None:
        self._url = settings.bus_url
        self._folder: Path = settings.data_dir / "nats"
        self._program = None if settings.bus_url else find_program(settings.nats_server)
        self._outbox = outbox
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._failures = 0
        """Since the bus took what waited."""
        self.up = asyncio.Event()
        """Set while facts can go out."""
        self.empty = asyncio.Event()
        """Set when the outbox had nothing left at the last look."""
        self.server_pid: int | None = None
        """Of the embedded server."""

    async def start(self) -> None:
        """Returns at once; the engine does not wait for the bus. Raises `StartupError` for a program not to be run."""
        if self._program is not None:
            await asyncio.to_thread(check_program, self._program)
        self._metrics.set("bus_up", 0)
        self._tasks = [
            asyncio.create_task(self._run(), name="bus"),
            asyncio.create_task(self._count(), name="outbox"),
        ]

    def wake(self) -> None:
        """The outbox has something. Never waits."""
        self.empty.clear()
        self._wake.set()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _count(self) -> None:
        """What waits is counted also while the bus is away."""
        while True:
            with contextlib.suppress(Exception):  # the store cannot read, and says so itself; the next time is as good
                self._metrics.set("outbox_waiting", await self._outbox.count())
            await asyncio.sleep(COUNT_EVERY_S)

    async def _run(self) -> None:
        while True:
            try:
                if self._program is None:
                    await self._relay_over(self._url)
                else:
                    await self._with_server(self._program)
            except Exception as error:
                # Whatever it is, calls go on without the bus; it is tried again.
                if self._failures < TOLD or self._failures % TOLD_EVERY == 0:
                    told = {"error": type(error).__name__, "reason": _reason(error), "failures": self._failures}
                    _log.warning("the bus is down", **told)
            await asyncio.sleep(PAUSES_S[min(self._failures, len(PAUSES_S) - 1)])
            self._failures += 1

    async def _with_server(self, program: Program) -> None:
        """One life of the embedded server: when it dies, so does the connection to it."""
        server = await NatsServer.start(program.path, self._folder)
        self._metrics.count("bus_starts_total")
        self.server_pid = server.pid
        try:
            await self._relay_over(server.url)
        finally:
            self.server_pid = None
            await server.stop()

    async def _relay_over(self, url: str) -> None:
        """One connection. Raises what it is lost by: `TimeoutError` at once, when the bus closes it."""
        life = asyncio.timeout(None)

        async def closed() -> None:
            if self.up.is_set():  # not by us: nothing that was sent will be confirmed
                life.reschedule(0.0)

        broker = make_broker(url, closed)
        async with life:
            try:
                await broker.start()
                if (task := asyncio.current_task()) and task.cancelling():
                    raise asyncio.CancelledError  # the client swallows one that comes while it connects
                self.up.set()
                self._metrics.set("bus_up", 1)
                while broker.connection.is_connected:
                    await self._relay(broker)
                raise ConnectionError("the bus closed the connection")
            finally:
                self.up.clear()
                self._metrics.set("bus_up", 0)
                with contextlib.suppress(Exception):  # there may be none, or it may be gone, which is all the same now
                    async with asyncio.timeout(2.0):
                        await broker.connection.close()  # `broker.stop` refuses what is closed already

    async def _relay(self, broker: NatsBroker) -> None:
        """Send what waits; when nothing does, or the store is away, wait for it."""
        self._wake.clear()
        try:
            letters = await self._outbox.waiting(BATCH)
            if letters:
                await asyncio.gather(*(self._send(broker, letter) for letter in letters))
                await self._outbox.sent(letters)
        except Overloaded:  # the store says so itself, and a new connection to the bus would make it no better
            await asyncio.sleep(IDLE_S)
            return
        self._failures = 0
        if not letters and not self._wake.is_set():
            self.empty.set()
        if len(letters) < BATCH:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()
                    await asyncio.sleep(GATHER_S)

    async def _send(self, broker: NatsBroker, letter: Letter) -> None:
        if len(letter.body) + HEADERS > broker.connection.max_payload:
            self._metrics.count("bus_too_large_total")
            _log.warning("a fact is too large for the bus", type=letter.type, bytes=len(letter.body))
            return
        headers = {
            "Nats-Msg-Id": f"{letter.call_id}:{letter.seq}",
            "organisation-id": letter.organisation_id,
            "call-id": letter.call_id,
            "seq": str(letter.seq),
        }
        subject = SUBJECT.format(organisation_id=letter.organisation_id, call_id=letter.call_id, type=letter.type)
        try:
            await broker.publish(letter.body, subject, headers=headers, stream=STREAM, timeout=ACK_S)
        except (nats.errors.Error, OSError) as error:
            raise ConnectionError("the bus did not take a fact") from error
