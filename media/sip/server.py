"""The SIP server: takes calls from the trunks and hands each to the intake."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence

from engine.control.trunks import LOOPBACK, Trunk, lines_of
from engine.errors import StartupError
from engine.ports.intake import CallIntake
from media.session import MediaAllocator
from media.sip.digest import Login
from media.sip.endpoint import Endpoint, new_tag
from media.sip.incoming import IncomingCall
from media.sip.layer import Flow
from media.sip.message import Request, Response
from media.sip.referral import parse_replaces
from media.sip.telemetry import Counts
from media.sip.transport import Listeners
from media.sip.trunk_gate import TrunkGate
from media.sip.trunk_line import TrunkLine

MAX_HALF_OPEN = 512
"""Calls whose ACK has not come; over it new ones get 503, so that INVITEs alone cannot take every RTP port."""
_FULL_S, _GONE_S = 5, 30
"""Retry-After of a 503: there may be room again soon; another engine takes our place."""


class SipServer:
    """`open`, then calls come; `close` ends them and frees the port.

    `trunks` are who may send (loopback alone by default). A peer that sends no RTP for `silence_s` is probed with
    OPTIONS, and its call ended as `peer_vanished` when it does not answer within `dead_s`. `advertise` is the host that
    peers are told, behind NAT. `metrics` counts `sip_messages_total` and `sip_dropped_total`."""

    def __init__(
        self,
        host: str,
        port: int,
        intake: CallIntake,
        media: MediaAllocator,
        *,
        trunks: Sequence[Trunk] = LOOPBACK,
        clock: Callable[[], float] = time.monotonic,
        silence_s: float = 30.0,
        dead_s: float = 32.0,
        metrics: Counts | None = None,
        listeners: Listeners | None = None,
        rate: float = 1_000.0,
        advertise: str = "",
    ) -> None:
        self.intake, self.media = intake, media
        self.endpoint = Endpoint(self, clock, metrics, listeners=listeners, rate=rate, advertise=advertise)
        self.lines: tuple[TrunkLine, ...] = ()
        """The trunks that we keep in touch with."""
        self._gate = TrunkGate(trunks, self.endpoint)
        self._host, self._port, self._trunks = host, port, tuple(trunks)
        self._silence_s, self._dead_s = silence_s, dead_s
        self._calls: set[IncomingCall] = set()
        self._half_open: set[IncomingCall] = set()
        self._closing = False
        self._watch: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        """The bound port, also where 0 was asked for."""
        return self.endpoint.transports.port

    @property
    def calls(self) -> int:
        """Calls whose signalling is open."""
        return len(self._calls)

    async def open(self) -> None:
        """Raises `StartupError`: the port is taken, or it would face others without a trunk that allows any."""
        if all(trunk.network.is_loopback for trunk in self._trunks) and not _is_loopback(self._host):
            raise StartupError(f"SIP would listen on {self._host} and allow nobody; set SIP_TRUNKS or SIP_HOST")
        await self.endpoint.open(self._host, self._port)
        try:
            self.lines = tuple(TrunkLine(line, self.endpoint) for line in lines_of(self._trunks) if line.uri)
        except ValueError as error:
            await self.endpoint.close()
            raise StartupError(f"SIP_TRUNKS: a trunk's uri is not valid ({error})") from None
        self._watch_on()

    async def close(self, grace_s: float = 2.0) -> None:
        """Sends BYE to every call, waits for the answers up to `grace_s`, closes the sockets. New calls get 503."""
        self._closing = True
        if self._watch is not None:
            self._watch.cancel()
        for call in list(self._calls):
            call.hang_up("shutdown", "shutting down")
        for line in self.lines:
            line.leave()
        await self.endpoint.drain(grace_s)
        for call in list(self._calls):  # those whose last request or ACK never came
            call.give_up("shutdown")
        await self.endpoint.close()

    # ─── the endpoint's acceptor ─────────────────────────────────────────────────────────────────────────────────────

    def allows(self, host: str) -> bool:
        return self._gate.allows(host)

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        return self._gate.challenge(request, flow)

    def offered(self, request: Request, flow: Flow) -> None:
        if self._closing:
            self.endpoint.respond(request, request.respond(503, ("Retry-After", str(_GONE_S)), to_tag="closing"))
            return
        if "Replaces" in request.headers:
            self._replace(request, flow)
            return
        if len(self._half_open) >= MAX_HALF_OPEN:
            self.endpoint.respond(request, request.respond(503, ("Retry-After", str(_FULL_S)), to_tag=new_tag()))
            return
        call = IncomingCall(self, request, flow)
        self._calls.add(call)
        self._half_open.add(call)
        try:
            call.open()
        except Exception:
            call.fail()
            raise

    def _replace(self, invite: Request, flow: Flow) -> None:
        """RFC 3891 §3: an INVITE that takes the place of a call of ours."""
        try:
            wanted = parse_replaces(invite.headers.get("Replaces"))
        except ValueError:
            self.endpoint.respond(invite, invite.respond(400, to_tag=new_tag()))
            return
        leg = self.endpoint.find(wanted)
        call = next((call for call in self._calls if call.leg is leg), None)
        if call is None:
            self.endpoint.respond(invite, invite.respond(481, to_tag=new_tag()))
        elif wanted.early_only:  # our side of a dialog is confirmed or nothing
            self.endpoint.respond(invite, invite.respond(486, to_tag=new_tag()))
        else:
            call.replace(invite, flow)

    def busy(self, host: str) -> int:
        if self._closing:
            return _GONE_S
        refusal, line = self.intake.full(), self._gate.line_at(host)
        going = refusal is not None and refusal.code == "shutting_down"
        if line is not None and not line.tell_load and not going:
            return 0
        if refusal is not None:
            return refusal.retry_after_s or _FULL_S
        return _FULL_S if len(self._half_open) >= MAX_HALF_OPEN else 0

    # ─── the calls' owner ────────────────────────────────────────────────────────────────────────────────────────────

    def login_at(self, host: str) -> Login:
        return self._gate.login_at(host)

    def over(self, call: IncomingCall) -> None:
        self._calls.discard(call)
        self._half_open.discard(call)

    def begun(self, call: IncomingCall) -> None:
        self._half_open.discard(call)

    def look_after(self, now: float) -> None:
        """Probes the calls that are silent, and ends those whose probe was not answered. Happens by itself too."""
        for call in list(self._calls):
            call.check_alive(now, self._silence_s, self._dead_s)
        for line in self.lines:
            line.tick(now)

    def _watch_on(self) -> None:
        self.look_after(self.endpoint.clock())
        period = max(0.05, min(1.0, self._silence_s / 4, self._dead_s / 4))
        self._watch = asyncio.get_running_loop().call_later(period, self._watch_on)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
