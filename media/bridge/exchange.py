"""The exchange: takes calls from the trunks, rings whom the dial plan says, and keeps the bridged calls."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
import uuid_utils

from engine.control.routes import AGENTS, Route
from engine.control.trunks import LOOPBACK, Trunk, lines_of
from engine.errors import Overloaded, StartupError
from media import siprec
from media.bridge.call import BridgedCall, Recorder
from media.bridge.dial_plan import DialPlan, Reach
from media.bridge.journal import Journal
from media.bridge.party import Invitation, Party, Phones, shown
from media.bridge.rtp_line import RtpLine, RtpLines
from media.bridge.sip_callee import Destination, SipCallee
from media.bridge.sip_caller import SipCaller
from media.bridge.sip_party import SipParty
from media.ports import PortRange
from media.sip.address import aor_of, parse_uri
from media.sip.bodies import Unacceptable
from media.sip.digest import Login
from media.sip.endpoint import Endpoint, new_tag
from media.sip.hop import hop_of
from media.sip.layer import Flow
from media.sip.message import Request, Response
from media.sip.referral import Replaces, parse_replaces
from media.sip.telemetry import Counts
from media.sip.transport import Listeners
from media.sip.trunk_gate import TrunkGate
from media.sip.trunk_line import TrunkLine, login_of

log = structlog.get_logger()

_TICK_S = 0.5
MAX_RINGING = 256
"""Calls that nobody has answered; over it new ones get 503, so that INVITEs alone cannot take every port."""


class SipExchange:
    """`open`, then calls go through; `close` ends them with BYE. Implements `media.bridge.party.Exchange`."""

    def __init__(
        self,
        host: str,
        port: int,
        rtp: PortRange,
        phones: Phones,
        recorder: Callable[[], Recorder],
        journal: Journal,
        *,
        trunks: Sequence[Trunk] = LOOPBACK,
        routes: Sequence[Route] = (),
        advertise: str = "",
        max_calls: int = 0,
        listeners: Listeners | None = None,
        metrics: Counts | None = None,
        clock: Callable[[], float] = time.monotonic,
        silence_s: float = 30.0,
        dead_s: float = 32.0,
    ) -> None:
        """`max_calls` is a limit beside that of the ports; 0 sets none."""
        self.endpoint = Endpoint(self, clock, metrics, listeners=listeners, advertise=advertise)
        self.rtp = RtpLines(host, rtp)
        self.calls: dict[str, BridgedCall] = {}
        self.lines: tuple[TrunkLine, ...] = ()
        self._host, self._port, self._advertise = host, port, advertise
        self._trunks, self._max_calls = tuple(trunks), max_calls or len(rtp_pairs(rtp)) // 2
        self._gate = TrunkGate(trunks, self.endpoint)
        self._plan = DialPlan(routes, phones, self)
        self._recorder, self._journal = recorder, journal
        self._silence_s, self._dead_s = silence_s, dead_s
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self.endpoint.metrics.count("calls_refused_total", 0, code="overloaded")  # so its first step is seen

    @property
    def port(self) -> int:
        """The bound port, also where 0 was asked for."""
        return self.endpoint.transports.port

    async def open(self) -> None:
        """Says BYE to those whom the process before left on the line. Raises `StartupError`."""
        if all(trunk.network.is_loopback for trunk in self._trunks) and not _is_loopback(self._host):
            raise StartupError(f"SIP would listen on {self._host} and allow nobody; set BRIDGE_TRUNKS or BRIDGE_HOST")
        await self.endpoint.open(self._host, self._port, "BRIDGE_SIP_PORT", "BRIDGE_HOST")
        try:
            self.lines = tuple(TrunkLine(line, self.endpoint) for line in lines_of(self._trunks) if line.uri)
        except ValueError as error:
            await self.endpoint.close()
            raise StartupError(f"BRIDGE_TRUNKS: a trunk's uri is not valid ({error})") from None
        self._journal.say_goodbye(self.endpoint)
        self._tick()

    def drain(self) -> None:
        """New calls, in and out, are refused from now on, also those of an agent who only asks before a transfer."""
        self._closing = True

    async def close(self, grace_s: float = 2.0) -> None:
        """BYE to everybody, with the answers waited for up to `grace_s`. New calls get 503 meanwhile."""
        self.drain()
        if self._timer is not None:
            self._timer.cancel()
        for call in list(self.calls.values()):
            call.hang_up("shutdown", 503)
        for line in self.lines:
            line.leave()
        await self.endpoint.drain(grace_s)
        self.rtp.close()
        await self.endpoint.close()

    # ─── the endpoint's acceptor ─────────────────────────────────────────────────────────────────────────────────────

    def allows(self, host: str) -> bool:
        return self._gate.allows(host)

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        return self._gate.challenge(request, flow)

    def busy(self, host: str) -> int:
        line = self._gate.line_at(host)
        untold = line is not None and not line.tell_load and not self._closing
        return 0 if untold else self._wait_s()

    def _wait_s(self) -> int:
        """After which a new call may be tried again; 0: it is taken now."""
        full = len(self.calls) >= self._max_calls or self._ringing() >= MAX_RINGING
        return 30 if self._closing else 5 if full else 0

    def offered(self, request: Request, flow: Flow) -> None:
        if "Replaces" in request.headers:
            self._replace(request, flow)
            return
        if wait_s := self._wait_s():
            self._count_refused()
            self._turn_away(request, wait_s)
            return
        line = self._open_line()
        if line is None:
            self._turn_away(request, 10)
            return
        caller = SipCaller(self, line, request, flow, *siprec.asserted_identity(request.headers))
        try:
            self._connect(caller, request, flow)
        except Unacceptable as error:
            caller.refuse(error.status, *error.headers)
        except Exception:
            caller.refuse(500)
            raise

    def _connect(self, caller: SipCaller, request: Request, flow: Flow) -> None:
        """Raises `Unacceptable`."""
        codecs = caller.codecs()
        forwards = request.headers.get("Max-Forwards").strip()
        hops = int(forwards) - 1 if forwards.isdecimal() and len(forwards) < 4 else 70
        if hops < 0:
            raise Unacceptable(483)
        dialled = aor_of(request.uri)
        trunk = self._gate.line_at(flow.host)
        reach = self._plan.find(dialled, trunk.name if trunk else "")
        if reach is None:
            raise Unacceptable(404)
        from_aor, from_name = shown(caller)
        invitation = Invitation(
            call_id=str(uuid_utils.uuid7()),
            from_aor=from_aor,
            from_name=from_name,
            to_aor=dialled,
            codecs=codecs,
            correlation=siprec.correlation(request.headers, None),
            hops=hops,
        )
        self._begin(caller, invitation, reach)

    def _begin(self, caller: Party, invitation: Invitation, reach: Reach) -> None:
        call = BridgedCall(invitation, caller, self, self._recorder(), number=reach.number, ring_s=reach.ring_s)
        self.calls[call.call_id] = call
        self.endpoint.metrics.set("bridge_calls_live", len(self.calls))
        log.info("bridge.call", call=call.call_id)
        call.start(reach, self.endpoint.clock())

    def _turn_away(self, request: Request, wait_s: int) -> None:
        response = request.respond(503, ("Retry-After", str(wait_s)), to_tag=new_tag())
        self.endpoint.respond(request, response)

    def _count_refused(self) -> None:
        self.endpoint.metrics.count("calls_refused_total", code="shutting_down" if self._closing else "overloaded")

    def _replace(self, invite: Request, flow: Flow) -> None:
        """RFC 3891 §3: somebody takes over a place of a call of ours."""
        try:
            wanted = parse_replaces(invite.headers.get("Replaces"))
        except ValueError:
            self.endpoint.respond(invite, invite.respond(400, to_tag=new_tag()))
            return
        found = self._party_of(wanted)
        refusal = 481 if found is None else 486 if wanted.early_only and found[0].up else 0
        line = None if refusal else self._open_line()
        if found is None or line is None:
            self.endpoint.respond(invite, invite.respond(refusal or 503, to_tag=new_tag()))
            return
        call, party = found
        newcomer = SipCaller(self, line, invite, flow, *siprec.asserted_identity(invite.headers))
        try:
            if call.codec not in newcomer.codecs():
                raise Unacceptable(488)
        except Unacceptable as error:
            newcomer.refuse(error.status, *error.headers)
            return
        call.take_over(0 if party is call.parties[0] else 1, newcomer)

    def _party_of(self, replaces: Replaces) -> tuple[BridgedCall, Party] | None:
        leg = self.endpoint.find(replaces)
        for call in self.calls.values():
            for party in call.parties:
                if leg is not None and isinstance(party, SipParty) and party.leg is leg:
                    return call, party
        return None

    # ─── what phones and calls ask ───────────────────────────────────────────────────────────────────────────────────

    def dial(self, caller: Party, invitation: Invitation) -> str:
        """Raises `ValueError` when nothing can be dialled so, or no call can be taken now."""
        if self._wait_s():
            self._count_refused()
            raise ValueError("the exchange is busy")
        reach = self._plan.find(invitation.to_aor, AGENTS, caller.organisation)
        if reach is None:
            raise ValueError("nobody is at that number")
        self._begin(caller, invitation, reach)
        return invitation.call_id

    def consult(self, call_id: str) -> bool:
        call = self.calls.get(call_id)
        return call is not None and call.up

    def consulted(self, call_id: str) -> BridgedCall | None:
        return self.calls.get(call_id)

    def targets(self, wanted: str, call: BridgedCall, referrer: Party) -> Iterator[Party]:
        caller = AGENTS
        if isinstance(referrer, SipParty) and referrer.leg is not None:
            trunk = self._gate.line_at(referrer.leg.flow.host)
            caller = trunk.name if trunk else ""
        reach = self._plan.find(wanted, caller, call.organisation)
        if reach is None:
            raise ValueError("nobody is at that number")
        return reach

    def over(self, call: BridgedCall, reason: str) -> None:
        log.info("bridge.ended", call=call.call_id, reason=reason)
        self.calls.pop(call.call_id, None)
        self.endpoint.metrics.set("bridge_calls_live", len(self.calls))
        self.endpoint.metrics.count("bridge_calls_total", reason=reason)

    # ─── SIP parties ─────────────────────────────────────────────────────────────────────────────────────────────────

    def rtp_address(self, peer_host: str) -> str:
        return self._advertise or self.endpoint.transports.local_host(peer_host)

    def call_of(self, replaces: Replaces) -> str:
        found = self._party_of(replaces)
        return found[0].call_id if found else ""

    def stands(self, party: SipParty) -> None:
        self._journal.note(party.leg)

    def gone(self, party: SipParty) -> None:
        self._journal.forget(party.leg)

    def to_uri(self, route: Route, uri: str) -> Party | None:
        try:
            hop = hop_of(uri)
        except ValueError:
            return None
        if not (hop.numeric and self.allows(hop.host)):
            return None
        return self._callee(route, uri, Flow(hop.transport, hop.host, hop.port), self._gate.login_at(hop.host))

    def to_trunk(self, route: Route, number: str) -> Party | None:
        line = next((line.line for line in self.lines if line.line.name == route.trunk), None)
        if line is None:
            return None
        hop, scheme = hop_of(line.uri), parse_uri(line.uri).scheme
        rest = line.uri.partition(":")[2].rpartition("@")[2]
        flow = Flow(hop.transport, hop.host, hop.port, 0 if hop.transport != "UDP" or hop.numeric else -1)
        uri = f"{scheme}:{number.replace('#', '%23')}@{rest}"
        try:
            parse_uri(uri)
        except ValueError:  # a URI cannot have what somebody has typed
            return None
        return self._callee(route, uri, flow, login_of(line))

    def _callee(self, route: Route, uri: str, flow: Flow, login: Login) -> Party | None:
        rtp = self._open_line()
        if rtp is None:
            return None
        to = Destination(uri, flow, aor_of(uri), login, route.show, route.srtp)
        return SipCallee(self, rtp, to)

    def _open_line(self) -> RtpLine | None:
        """None, and counted, when no port is free."""
        try:
            return self.rtp.open()
        except Overloaded:
            self._count_refused()
            return None

    # ─── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ringing(self) -> int:
        return sum(not call.up for call in self.calls.values())

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)
        now = self.endpoint.clock()
        for call in list(self.calls.values()):
            call.tick(now)
            for party in call.parties:
                if isinstance(party, SipParty):
                    party.tick(now, self._silence_s, self._dead_s)
        for line in self.lines:
            line.tick(now)
        self.rtp.report(now)


def rtp_pairs(ports: PortRange) -> range:
    """The even ports of the range that have their odd neighbour."""
    return range(ports.first + ports.first % 2, ports.last, 2)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
