"""The bridge as a SIPREC source (SRC, RFC 7866): each bridged call is told and sent to the engine's SIP port.

The people who talk never wait for it: an engine that refuses, is down or starts anew costs what was said meanwhile on
the screen, and its session is set up again, at most a minute after the engine is back.
"""

import asyncio
import contextlib
import email.utils
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from engine.control.routes import dialled
from media.bridge.call import BridgedCall, Slot
from media.bridge.renumbering import Renumbering
from media.codecs import CODECS
from media.rtp import RtpPacket, build_packet
from media.session import AudioCodec
from media.sip.caller import Caller, CallPlan, CallRefused, PlacedCall, place_call
from media.sip.hop import hop_of
from media.sip.negotiation import NUMBERS
from media.sip.telemetry import report_fault
from media.siprec_source import RecordedParty, correlation_headers, metadata_of
from media.source_lock import Address

log = structlog.get_logger()

_LABELS = ("1", "2")
PROBE_S = 2.0
"""Between two questions whether the engine still has the session: so much is unheard when it starts anew."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Between two tries to have a session, twice as long each time."""
ANSWER_S = 10.0
"""How long the engine may take to answer: one that is killed meanwhile never does."""


class Recorders:
    """Makes the recorder of each call; an async context manager that lasts as long as the exchange."""

    def __init__(
        self,
        engine: str,
        host: str = "127.0.0.1",
        *,
        probe_s: float = PROBE_S,
        first_pause_s: float = FIRST_PAUSE_S,
        answer_s: float = ANSWER_S,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`engine` is a SIP URI without user, e.g. `sip:127.0.0.1:5060;transport=tcp`; `host` is where we call from.
        Raises `ValueError` for what is no such URI."""
        self.engine, self.host = engine, host
        self.probe_s, self.first_pause_s, self.answer_s = probe_s, first_pause_s, answer_s
        self.wall_clock = wall_clock
        self.caller = Caller(host)
        self._engine_host = hop_of(engine).host
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Recorders":
        await self.caller.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Says BYE for the calls that have just ended; the exchange is closed before."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        for task in list(self._tasks):
            task.cancel()
        await self.caller.__aexit__(*error)

    @property
    def address(self) -> str:
        """Ours, as the engine reaches it."""
        return self.caller.endpoint.transports.local_host(self._engine_host)

    @property
    def uri(self) -> str:
        """As which the engine knows us."""
        host = self.address
        return f"sip:bridge@[{host}]" if ":" in host else f"sip:bridge@{host}"

    def make(self) -> "RecordingSource":
        return RecordingSource(self)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            report_fault(error)


class RecordingSource:
    """One call's session; implements `media.bridge.call.Recorder`."""

    def __init__(self, owner: Recorders) -> None:
        self._owner = owner
        self._call: BridgedCall | None = None
        self._sockets: tuple[socket.socket, ...] = ()
        self._lines: tuple[Renumbering, ...] = ()
        self._remotes: tuple[Address | None, ...] = (None, None)
        self._began_at = 0.0
        self._payload_type = 0
        self._woken = asyncio.Event()
        self._over = False

    # ─── what the call says ──────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, call: BridgedCall) -> None:
        codec = call.codec
        if codec is None or self._over:
            return
        try:
            self._sockets = tuple(_sender(self._owner.host) for _ in _LABELS)
        except OSError as error:
            log.error("bridge.unrecorded", call=call.call_id, why=error.strerror)
            return
        self._call, self._began_at = call, self._owner.wall_clock()
        self._lines = tuple(Renumbering(CODECS[codec].clock_hz) for _ in _LABELS)
        self._payload_type = int(NUMBERS[codec])
        self._owner.spawn(self._keep(call, codec))

    def talk(self, slot: Slot, packet: RtpPacket) -> None:
        remote = self._remotes[slot]
        if remote is None:
            return
        line = self._lines[slot]
        sequence, timestamp, marker = line.place(packet, time.monotonic())
        copy = RtpPacket(self._payload_type, sequence, timestamp, line.ssrc, packet.payload, marker)
        with contextlib.suppress(OSError):  # a full buffer or an engine that is gone loses a packet, as networks do
            self._sockets[slot].sendto(build_packet(copy), remote)

    def changed(self, call: BridgedCall) -> None:
        self._woken.set()

    def end(self) -> None:
        self._over = True
        self._remotes = (None, None)
        self._woken.set()

    # ─── the session ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _keep(self, call: BridgedCall, codec: AudioCodec) -> None:
        pause_s = self._owner.first_pause_s
        try:
            while not self._over:
                placed = await self._place(call, codec)
                if placed is not None:
                    log.info("bridge.recorded", call=call.call_id)
                    pause_s = self._owner.first_pause_s
                    await self._follow(call, placed)
                await self._wait(pause_s)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
        finally:
            self._remotes = (None, None)
            for sock in self._sockets:
                sock.close()

    async def _place(self, call: BridgedCall, codec: AudioCodec) -> PlacedCall | None:
        """A session with the engine; None when there is none to be had now."""
        scheme, _, host = self._owner.engine.partition(":")
        number = "".join(char for char in dialled(call.number) if char.isalnum() or char in "+-_.*#")
        parties = _parties(call)
        plan = CallPlan(
            f"{scheme}:{number.replace('#', '%23')}@{host}",
            self._owner.address,
            [int(sock.getsockname()[1]) for sock in self._sockets],
            parties=parties,
            metadata=metadata_of(parties, began_at=self._began_at),
            codec=codec,
            from_uri=self._owner.uri,
            extra=(
                ("Date", email.utils.formatdate(self._owner.wall_clock(), usegmt=True)),
                *correlation_headers(call.invitation.correlation, call.call_id),
            ),
        )
        try:
            return await place_call(self._owner.caller, plan, answer_s=self._owner.answer_s)
        except (CallRefused, OSError, ValueError) as error:
            status = error.status if isinstance(error, CallRefused) else 0
            log.warning("bridge.unheard", call=call.call_id, status=status)
            return None

    async def _follow(self, call: BridgedCall, placed: PlacedCall) -> None:
        """Until the call or the session is over."""
        told = _parties(call), False
        remotes = [(host, port) if host and port else None for host, port in placed.remote_ports()]
        self._remotes = (*remotes, None, None)[:2]
        while not self._over and not placed.ended.done():
            wanted = _parties(call), call.held
            if wanted == told:
                if not await self._wait(self._owner.probe_s) and not await placed.probe():
                    break
                continue
            status = await self._tell(placed, told, wanted)
            if 200 <= status < 300:
                told = wanted
            else:
                await self._wait(self._owner.probe_s)
        self._remotes = (None, None)
        placed.bye()

    async def _tell(self, placed: PlacedCall, told: "_State", wanted: "_State") -> int:
        """The final status."""
        try:
            if told[1] != wanted[1]:
                return await placed.reinvite(hold=wanted[1], parties=wanted[0])
            return await placed.update_metadata(wanted[0])
        except ValueError:  # another offer is open
            return 491

    async def _wait(self, seconds: float) -> bool:
        """Whether the call said something within that time."""
        self._woken.clear()
        if self._over:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
                return True
        return False


_State = tuple[tuple[RecordedParty, ...], bool]
"""Who has each place, and whether the call is held."""


def _parties(call: BridgedCall) -> tuple[RecordedParty, ...]:
    """Who is on which line; in a place that is being filled anew, nobody is named."""
    people = [
        RecordedParty(label, party.aor if party else "", party.name if party else "", calling=label == _LABELS[0])
        for label, party in zip(_LABELS, call.parties, strict=True)
    ]
    return tuple(people)


def _sender(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, 0))
    return sock
