"""The asyncio shell of a SIP endpoint: sockets, the transaction layer, one timer, and the legs that live on it."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol, cast

from media.sip import layer, usage, wire
from media.sip.destinations import Destinations
from media.sip.hop import hop_of
from media.sip.layer import Flow, TransactionLayer
from media.sip.leg import Leg, Mark, mark_of
from media.sip.locate import MAX_TARGETS, Locator, Target
from media.sip.message import Message, Request, Response
from media.sip.rate import Allowance
from media.sip.referral import Replaces
from media.sip.telemetry import Complaints, Counts, TurnedAway, Uncounted, kind_of, report_fault
from media.sip.transport import Listeners, Transports, is_inside

TICK_SECONDS = 0.05
"""Grain of the protocol's timers, the shortest of which is half a second."""
MAX_DATAGRAM = 1_300
"""Bytes of a request that still goes over UDP (RFC 3261 §18.1.1)."""
_VIA_ROOM = 90
"""What our Via adds to a request."""
_SUPPORTED = ("siprec", "timer", "100rel", "replaces")


class Acceptor(Protocol):
    """Who takes requests that open something new."""

    def offered(self, request: Request, flow: Flow) -> None:
        """An INVITE outside of a dialog; answer it through a `Leg` on the endpoint."""

    def allows(self, host: str) -> bool:
        """Whether messages from that address are read; others are dropped in silence."""

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        """What to answer instead to a request that opens something new: a challenge, or a refusal."""

    def busy(self, host: str) -> int:
        """Seconds after which that peer may try again, where no call would be taken now; 0: calls are taken."""


class Sender(Protocol):
    """Who hears what becomes of a request that it sent: a `Leg`, a registration, a ping."""

    @property
    def next_hop(self) -> str:
        """URI to connect to when the flow is gone; empty: only the flow's own address is known."""

    def moved(self, request: Request, flow: Flow) -> None:
        """It goes over another flow, to a peer that has not seen it, and so do requests from now on."""

    def answered(self, request: Request, response: Response, now: float) -> None: ...

    def expired(self, request: Request) -> None: ...


class Endpoint:
    """SIP on one port, UDP and TCP, and what `listeners` name. `clock` gives monotonic seconds; `rate` messages a
    second are read of one source, more are dropped; `advertise` is the host in our Contacts, behind NAT, for whoever is
    beyond it."""

    def __init__(
        self,
        acceptor: Acceptor,
        clock: Callable[[], float] = time.monotonic,
        metrics: Counts | None = None,
        *,
        listeners: Listeners | None = None,
        rate: float = 1_000.0,
        advertise: str = "",
        locator: Locator | None = None,
    ) -> None:
        self.clock = clock
        self.destinations = Destinations(locator or Locator(clock=clock), self._connect)
        self.metrics = metrics or Uncounted()
        self.transports = Transports(self, listeners)
        self._allowance = Allowance(rate)
        self._advertise = advertise
        self._acceptor = acceptor
        self._layer = TransactionLayer()
        self._legs: dict[tuple[str, str], Leg] = {}
        self._invites: Counter[Mark] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._complaints = Complaints()
        self._strangers = TurnedAway("sip.stranger", logging.INFO)
        self._crowds = TurnedAway("sip.crowded", logging.WARNING)
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._draining = False

    async def open(self, host: str, port: int, setting: str = "SIP_PORT", host_setting: str = "SIP_HOST") -> None:
        """Raises `StartupError` when the port is taken, or the address is not this machine's."""
        await self.transports.open(host, port, setting, host_setting)

    async def close(self) -> None:
        """Closes the sockets at once; end the legs first."""
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await self.transports.close()

    def sent_by(self, flow: Flow) -> str:
        """Our `host:port` as that flow's peer sees it."""
        return self._at(self.transports.local_host(flow.host), flow)

    def contact(self, user: str, flow: Flow, *, secure: bool = False) -> str:
        """Our Contact URI towards that flow's peer; `secure` where the request's URI is sips (RFC 3261 §8.1.1.8)."""
        transport = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
        at = self._at(self._told(flow) or self.transports.local_host(flow.host), flow)
        return f"{'sips' if secure else 'sip'}:{user}@{at}{transport}"

    def _told(self, flow: Flow) -> str:
        """The advertised host, for whoever needs it: a public one is no way in for who is inside as well."""
        return "" if is_inside(flow.host) and not is_inside(self._advertise) else self._advertise

    def _at(self, host: str, flow: Flow) -> str:
        port = self.transports.local_port(flow.transport)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def drain(self, seconds: float) -> None:
        """Waits until every request of ours is sent and has its final answer, at most so long."""
        self._draining = True
        self._arm()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
                await self._idle.wait()

    def attach(self, leg: Leg) -> None:
        self._legs[leg.key] = leg
        self._invites[leg.mark] += 1
        self._arm()

    def detach(self, leg: Leg) -> None:
        if self._legs.pop(leg.key, None) is not None:
            mark = leg.mark
            self._invites[mark] -= 1
            if not self._invites[mark]:
                del self._invites[mark]

    def find(self, wanted: Replaces) -> Leg | None:
        """The leg that an INVITE's Replaces names: its tags are ours and the peer's (RFC 3891 §3)."""
        leg = self._legs.get((wanted.call_id, wanted.to_tag))
        dialog = leg.usage.dialog if leg else None
        return leg if dialog is not None and dialog.remote_tag == wanted.from_tag else None

    # ─── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def received(self, data: bytes, flow: Flow) -> None:
        """A message from the wire; whatever it holds, nothing is raised."""
        if not self.admits(flow.host):
            self.stranger(flow.host)
            return
        if not self._allowance.takes(flow.host, self.clock()):
            self.metrics.count("sip_dropped_total", reason="flood")
            return
        try:
            message = wire.parse_message(data)
        except wire.Malformed as error:
            self.unframeable(error, flow)
            return
        self.metrics.count("sip_messages_total", direction="in", kind=kind_of(message))
        with self._contained():
            self._perform(self._layer.receive(message, flow, self.clock()))

    def admits(self, host: str) -> bool:
        return self._acceptor.allows(host)

    def stranger(self, host: str) -> None:
        self.metrics.count("sip_dropped_total", reason="stranger")
        self._strangers.add(host, self.clock())

    def crowded(self, host: str) -> None:
        self.metrics.count("sip_dropped_total", reason="connections")
        self._crowds.add(host, self.clock())

    @contextlib.contextmanager
    def _contained(self) -> Iterator[None]:
        """Keeps a fault in the handling of one message or call from the others: it is logged and counted."""
        try:
            yield
        except Exception as error:
            self.metrics.count("sip_dropped_total", reason="fault")
            report_fault(error)

    def unframeable(self, error: wire.Malformed, flow: Flow) -> None:
        """Counts a message that cannot be read, and answers it where that is possible."""
        self.metrics.count("sip_dropped_total", reason="malformed")
        self._complaints.add(flow.host, str(error), self.clock())
        if error.answer is not None and self.admits(flow.host):
            self._transmit(error.answer, flow)

    def _perform(self, events: list[layer.Event]) -> None:
        for event in events:
            if isinstance(event, layer.Outgoing):
                self._transmit(event.message, event.flow)
            elif isinstance(event, layer.Incoming):
                self._route(event.request, event.flow)
            elif isinstance(event, layer.Cancelled):
                for leg in [leg for leg in self._legs.values() if leg.usage.invite.call_id == event.invite.call_id]:
                    leg.run(leg.usage.cancelled(event.invite))
            elif event.owner is not None:
                owner = cast(Sender, event.owner)
                if targets := self.destinations.after(event):
                    self._spawn(self._try(event.request, targets, owner))
                elif isinstance(event, layer.Answer):
                    owner.answered(event.request, event.response, self.clock())
                else:
                    owner.expired(event.request)
        self._arm()

    def _route(self, request: Request, flow: Flow) -> None:
        refusal = self._refusal(request)
        if refusal is not None:
            self.respond(request, refusal)
        elif request.to_tag:
            self._route_in_dialog(request)
        elif request.method == "INVITE" and (answer := self._acceptor.challenge(request, flow)) is not None:
            self.respond(request, answer)
        elif request.method == "INVITE" and self._is_merged(request):
            self.respond(request, request.respond(482, to_tag=new_tag(), reason="Loop Detected"))
        elif request.method == "INVITE":
            self._acceptor.offered(request, flow)
        elif request.method == "OPTIONS":
            self._pinged(request, flow)
        elif request.method != "ACK":
            self.respond(request, request.respond(481, to_tag=new_tag()))

    def _pinged(self, options: Request, flow: Flow) -> None:
        """RFC 3261 §11.2: as an INVITE would be answered, so that a dispatcher sends calls elsewhere meanwhile."""
        wait_s = self._acceptor.busy(flow.host)
        headers = (*CAPABILITIES, ("Retry-After", str(wait_s))) if wait_s else CAPABILITIES
        self.respond(options, options.respond(503 if wait_s else 200, *headers, to_tag=new_tag()))

    def _is_merged(self, invite: Request) -> bool:
        """RFC 3261 §8.2.2.2: the same INVITE again over another path of proxies."""
        return self._invites[mark_of(invite)] > 0

    def _refusal(self, request: Request) -> Response | None:
        """RFC 3261 §8.2.1 and §8.2.2.3: the method, then the required extensions."""
        tag = new_tag()
        if request.method == "ACK":
            return None
        if request.method not in wire.KNOWN_METHODS:
            return request.respond(501, to_tag=tag)
        if request.method not in wire.METHODS:
            return request.respond(405, usage.ALLOW, to_tag=tag)
        unknown = [token for token in request.headers.listed("Require") if token.lower() not in _SUPPORTED]
        if unknown and request.method != "CANCEL":
            return request.respond(420, ("Unsupported", ", ".join(unknown)), to_tag=tag)
        return None

    def _route_in_dialog(self, request: Request) -> None:
        leg = self._legs.get((request.call_id, request.to_tag))
        dialog = leg.usage.dialog if leg else None
        if leg is None or (dialog is not None and dialog.remote_tag != request.from_tag):
            if request.method != "ACK":
                self.respond(request, request.respond(481))
            return
        leg.run(leg.usage.receive_request(request, self.clock()))

    # ─── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def respond(self, request: Request, response: Response) -> None:
        """Answers a request that came in; if its transaction is over, nothing happens."""
        self._perform(self._layer.respond(request, response, self.clock()))

    def send(self, request: Request, flow: Flow, owner: Sender) -> None:
        """Sends a request; over a new connection where the flow's is gone, or where it is too long for UDP."""
        too_long = flow.transport == "UDP" and len(request.to_bytes()) + _VIA_ROOM > MAX_DATAGRAM
        if self.transports.alive(flow) and not too_long:
            self._perform(self._layer.send(request, flow, self.sent_by(flow), self.clock(), owner))
            return
        work = self._send_long(request, flow, owner) if too_long else self._send_anew(request, flow, owner)
        self._spawn(work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, target: Target) -> Flow:
        return await self.transports.flow_to(target.transport, target.host, target.port, target.name)

    async def _send_anew(self, request: Request, flow: Flow, owner: Sender) -> None:
        await self._try(request, await self.destinations.of(owner.next_hop, flow), owner)

    async def _try(self, request: Request, targets: list[Target], owner: Sender) -> None:
        flow = await self.destinations.first(request, targets)
        with self._contained():
            if flow is None:
                self.metrics.count("sip_dropped_total", reason="no_connection")
                owner.expired(request)  # §8.1.3.1: a transport error is a 503 or a time-out
                return
            owner.moved(request, flow)
            self._perform(self._layer.send(request, flow, self.sent_by(flow), self.clock(), owner))

    async def _send_long(self, request: Request, flow: Flow, owner: Sender) -> None:
        """RFC 3261 §18.1.1: over TCP what is within 200 bytes of the path's MTU, and back to UDP where TCP is
        refused."""
        if flow.connection < 0:
            targets = await self.destinations.of(owner.next_hop, flow, "TCP")
            others = await self.destinations.of(owner.next_hop, flow)
            await self._try(request, [*targets, *others][:MAX_TARGETS], owner)
            return
        with contextlib.suppress(OSError):
            flow = await self.transports.flow_to("TCP", flow.host, flow.port)
            owner.moved(request, flow)
        with self._contained():
            self._perform(self._layer.send(request, flow, self.sent_by(flow), self.clock(), owner))

    def send_ack(self, ack: Request, flow: Flow, owner: Sender) -> None:
        """The ACK to a 2xx has no transaction; a connection that is gone is made anew."""
        if self.transports.alive(flow):
            self._transmit(layer.with_via(ack, flow, self.sent_by(flow)), flow)
        else:
            self._spawn(self._ack_anew(ack, flow, owner))

    async def _ack_anew(self, ack: Request, flow: Flow, owner: Sender) -> None:
        with contextlib.suppress(OSError, ValueError):  # then the 2xx comes again, and so does this
            flow = await self.destinations.reach(hop_of(owner.next_hop, flow.transport))
            owner.moved(ack, flow)
            self._transmit(layer.with_via(ack, flow, self.sent_by(flow)), flow)

    def cancel(self, invite: Request) -> None:
        """Takes back an INVITE of ours that has no final answer."""
        self.destinations.forget(invite)
        self._perform(self._layer.cancel(invite, self.clock()))

    def _transmit(self, message: Message, flow: Flow) -> None:
        self.metrics.count("sip_messages_total", direction="out", kind=kind_of(message))
        if not self.transports.send(message.to_bytes(), flow):
            self.metrics.count("sip_dropped_total", reason="no_connection")

    # ─── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _arm(self) -> None:
        if self._draining:
            busy = self._layer.waiting or any(leg.usage.parting for leg in self._legs.values())
            (self._idle.clear if busy else self._idle.set)()
        if self._timer is None and (len(self._layer) or self._legs):
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self.clock()
        with self._contained():
            self._perform(self._layer.tick(now))
        for leg in list(self._legs.values()):
            if leg.usage.deadline <= now:
                with self._contained():
                    leg.run(leg.usage.tick(now))
        self._arm()


def new_tag() -> str:
    """A tag or other token that nobody can guess (RFC 3261 §19.3)."""
    return secrets.token_hex(8)


ACCEPT = ("Accept", "application/sdp, multipart/mixed, application/rs-metadata+xml, application/rs-metadata")
CAPABILITIES = (usage.ALLOW, ACCEPT, ("Supported", ", ".join(_SUPPORTED)))
