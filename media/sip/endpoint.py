"""The asyncio shell of a SIP endpoint: sockets, the transaction layer, one timer, and the legs that live on it."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from media.sip import effects, layer, usage, wire
from media.sip.address import parse_uri
from media.sip.layer import Flow, TransactionLayer
from media.sip.message import Message, Request, Response
from media.sip.telemetry import Complaints, Counts, Uncounted, kind_of, report_fault
from media.sip.transport import Transports

TICK_SECONDS = 0.05
"""Grain of the protocol's timers, the shortest of which is half a second."""
_SUPPORTED = ("siprec", "timer", "100rel", "replaces")


class Acceptor(Protocol):
    """Who takes requests that open something new."""

    def offered(self, request: Request, flow: Flow) -> None:
        """An INVITE outside of a dialog; answer it through a `Leg` on the endpoint."""

    def allows(self, host: str) -> bool:
        """Whether messages from that address are read; others are dropped in silence."""


class Leg:
    """One call's signalling on its endpoint: performs what its `InviteUsage` decides, tells `hear` the rest.

    `run` takes the effects of any command: `leg.run(leg.usage.accept(...))`."""

    def __init__(
        self, endpoint: "Endpoint", machine: usage.InviteUsage, flow: Flow, hear: Callable[[effects.Effect], None]
    ) -> None:
        self.endpoint, self.usage, self.flow = endpoint, machine, flow
        self._hear = hear
        came_in = machine.state == "offered"
        self._translated = came_in and machine.invite.via.host.strip("[]") != flow.host
        endpoint.attach(self)

    @property
    def key(self) -> tuple[str, str]:
        return (self.usage.invite.call_id, self.usage.local_tag)

    def run(self, wanted: list[effects.Effect]) -> None:
        for effect in wanted:
            if isinstance(effect, effects.Reply):
                self.endpoint.respond(effect.request, effect.response)
            elif isinstance(effect, effects.Send):
                self.endpoint.send(effect.request, self._flow(), self)
            elif isinstance(effect, effects.SendAck):
                self.endpoint.send_ack(effect.request, self._flow())
            elif isinstance(effect, effects.CancelInvite):
                self.endpoint.cancel(effect.invite)
            else:
                if isinstance(effect, effects.Ended):
                    self.endpoint.detach(self)
                self._hear(effect)

    def _flow(self) -> Flow:
        """Where in-dialog requests go: to the next hop where its address is plain, else back where the call is from; so
        also for a peer whose own idea of its address is not where it sends from (NAT)."""
        if self.flow.reliable or self.usage.dialog is None or self._translated:
            return self.flow
        try:
            hop = parse_uri(self.usage.dialog.next_hop())
        except ValueError:
            return self.flow
        host = hop.host.strip("[]")
        numeric = ":" in host or host.replace(".", "").isdigit()
        return Flow(self.flow.transport, host, hop.port or 5060) if numeric else self.flow


class Endpoint:
    """SIP on one port, UDP and TCP. `clock` gives monotonic seconds."""

    def __init__(
        self, acceptor: Acceptor, clock: Callable[[], float] = time.monotonic, metrics: Counts | None = None
    ) -> None:
        self.clock = clock
        self.metrics = metrics or Uncounted()
        self.transports = Transports(self)
        self._acceptor = acceptor
        self._layer = TransactionLayer()
        self._legs: dict[tuple[str, str], Leg] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._complaints = Complaints()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._draining = False

    async def open(self, host: str, port: int, setting: str = "SIP_PORT") -> None:
        """Raises `StartupError` when the port is taken."""
        await self.transports.open(host, port, setting)

    async def close(self) -> None:
        """Closes the sockets at once; end the legs first."""
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await self.transports.close()

    def sent_by(self, flow: Flow) -> str:
        """Our `host:port` as that flow's peer sees it."""
        host = self.transports.local_host(flow.host)
        return f"[{host}]:{self.transports.port}" if ":" in host else f"{host}:{self.transports.port}"

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
        self._arm()

    def detach(self, leg: Leg) -> None:
        self._legs.pop(leg.key, None)

    # ─── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def received(self, data: bytes, flow: Flow) -> None:
        """A message from the wire; whatever it holds, nothing is raised."""
        if not self.admits(flow.host):
            self.metrics.count("sip_dropped_total", reason="stranger")
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
            elif isinstance(event.owner, Leg):
                machine = event.owner.usage
                if isinstance(event, layer.Answer):
                    event.owner.run(machine.receive_response(event.request, event.response, self.clock()))
                else:
                    event.owner.run(machine.timed_out(event.request))
        self._arm()

    def _route(self, request: Request, flow: Flow) -> None:
        refusal = self._refusal(request)
        if refusal is not None:
            self.respond(request, refusal)
        elif request.to_tag:
            self._route_in_dialog(request)
        elif request.method == "INVITE" and self._is_merged(request):
            self.respond(request, request.respond(482, to_tag=new_tag(), reason="Loop Detected"))
        elif request.method == "INVITE":
            self._acceptor.offered(request, flow)
        elif request.method == "OPTIONS":
            self.respond(request, request.respond(200, *_CAPABILITIES, to_tag=new_tag()))
        elif request.method != "ACK":
            self.respond(request, request.respond(481, to_tag=new_tag()))

    def _is_merged(self, invite: Request) -> bool:
        """RFC 3261 §8.2.2.2: the same INVITE again over another path of proxies."""
        mark = (invite.call_id, invite.from_tag, invite.cseq)
        others = (leg.usage.invite for leg in self._legs.values())
        return any((other.call_id, other.from_tag, other.cseq) == mark for other in others)

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

    def send(self, request: Request, flow: Flow, owner: Leg) -> None:
        """Sends a request of a leg; over a new connection where the flow's is gone."""
        if self.transports.alive(flow):
            self._perform(self._layer.send(request, flow, self.sent_by(flow), self.clock(), owner))
            return
        task = asyncio.get_running_loop().create_task(self._send_anew(request, flow, owner))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_anew(self, request: Request, flow: Flow, owner: Leg) -> None:
        hop = parse_uri(owner.usage.dialog.next_hop()) if owner.usage.dialog else None
        try:
            host, port = (hop.host.strip("[]"), hop.port or 5060) if hop else (flow.host, flow.port)
            owner.flow = await self.transports.flow_to(flow.transport, host, port)
        except (OSError, ValueError):
            self.metrics.count("sip_dropped_total", reason="no_connection")
            owner.run(owner.usage.timed_out(request))  # §8.1.3.1: a transport error is a 503 or a time-out
            return
        self._perform(self._layer.send(request, owner.flow, self.sent_by(owner.flow), self.clock(), owner))

    def send_ack(self, ack: Request, flow: Flow) -> None:
        self._transmit(layer.with_via(ack, flow, self.sent_by(flow)), flow)

    def cancel(self, invite: Request) -> None:
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
_CAPABILITIES = (usage.ALLOW, ACCEPT, ("Supported", ", ".join(_SUPPORTED)))
