"""The transaction layer (RFC 3261 §17, §18) as a pure object: every transaction of an endpoint, found by key.

Messages, flows and `now` go in; what goes onto which flow, and what the users of transactions must hear, come out.
"""

import dataclasses
import heapq
import itertools
import secrets

from media.sip import transaction as machines
from media.sip.message import Headers, Message, Request, Response

MAX_TRANSACTIONS = 20_000
"""Over this, new requests get 503: a flood costs its sender's calls, not the memory of the engine."""


@dataclasses.dataclass(frozen=True)
class Flow:
    """Where a message came from or goes to."""

    transport: str
    """`UDP TCP TLS WS WSS`, as in Via."""
    host: str
    port: int
    connection: int = 0
    """Number of the stream connection; 0 for datagrams, or for a stream that is yet to be opened; −1 for a host whose
    name is yet to be resolved."""

    @property
    def reliable(self) -> bool:
        return self.transport != "UDP"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.transport.lower()}"


@dataclasses.dataclass(frozen=True)
class Outgoing:
    message: Message
    flow: Flow


@dataclasses.dataclass(frozen=True)
class Incoming:
    """A new request, or the ACK to a 2xx. Each comes once, however often the peer repeats it."""

    request: Request
    flow: Flow


@dataclasses.dataclass(frozen=True)
class Cancelled:
    """A CANCEL of this INVITE; it has been answered itself."""

    invite: Request


@dataclasses.dataclass(frozen=True)
class Answer:
    """To a request of ours, as given to `send`."""

    request: Request
    response: Response
    owner: object
    flow: Flow


@dataclasses.dataclass(frozen=True)
class Expired:
    """A request of ours got no final answer."""

    request: Request
    owner: object
    flow: Flow


Event = Outgoing | Incoming | Cancelled | Answer | Expired
_Server = machines.InviteServer | machines.NonInviteServer
_Client = machines.InviteClient | machines.NonInviteClient


@dataclasses.dataclass
class _Served:
    machine: _Server
    flow: Flow


@dataclasses.dataclass
class _Sent:
    machine: _Client
    flow: Flow
    request: Request
    """As the user gave it, without Via: events name it."""
    owner: object


class TransactionLayer:
    def __init__(self) -> None:
        self._servers: dict[machines.Key, _Served] = {}
        self._clients: dict[machines.Key, _Sent] = {}
        self._due: list[tuple[float, int, _Served | _Sent]] = []  # a heap; entries may be out of date, never missing
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    @property
    def waiting(self) -> bool:
        """Whether a request of ours waits for its final answer."""
        return any(sent.machine.state in ("calling", "trying", "proceeding") for sent in self._clients.values())

    # ─── from the wire ───────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, message: Message, flow: Flow, now: float) -> list[Event]:
        """A message from the wire. Answers that no transaction waits for are dropped."""
        if isinstance(message, Response):
            return self._received_response(message, now)
        request = with_source(message, flow)
        key = machines.server_key(request)
        if (served := self._servers.get(key)) is not None:
            return self._translate_server(served, served.machine.receive(request, now))
        if request.method == "ACK":
            return [Incoming(request, flow)]
        if len(self) >= MAX_TRANSACTIONS:
            return [Outgoing(request.respond(503, ("Retry-After", "10"), to_tag="busy"), flow)]
        machine: _Server
        if request.method == "INVITE":
            machine = machines.InviteServer(request, flow.reliable)
        else:
            machine = machines.NonInviteServer(request, flow.reliable)
        self._servers[key] = _Served(machine, response_flow(request, flow))
        if request.method == "CANCEL":
            return self._cancel(request, key, now)
        return [Incoming(request, flow)]

    def _cancel(self, cancel: Request, key: machines.Key, now: float) -> list[Event]:
        """§9.2: 200 when the INVITE's transaction is known, else 481."""
        invite = self._servers.get((*key[:-1], "INVITE"))
        said = invite.machine.response if invite is not None else None
        tag = said.to_tag if said is not None else ""  # §9.2: the same tag as the INVITE's answer
        response = cancel.respond(200 if invite else 481, to_tag=tag or secrets.token_hex(4))
        events = self.respond(cancel, response, now)
        if invite is not None and invite.machine.state == "proceeding":
            events.append(Cancelled(invite.machine.request))
        return events

    def _received_response(self, response: Response, now: float) -> list[Event]:
        sent = self._clients.get(machines.client_key(response))
        if sent is None or len(response.headers.all("Via")) != 1:
            return []
        return self._translate_client(sent, sent.machine.receive(response, now))

    # ─── from the user ───────────────────────────────────────────────────────────────────────────────────────────────

    def respond(self, request: Request, response: Response, now: float) -> list[Event]:
        """Answers a request that came `Incoming`. Nothing happens when its transaction is over."""
        served = self._servers.get(machines.server_key(request))
        if served is None:
            return []
        return self._translate_server(served, served.machine.respond(response, now))

    def send(self, request: Request, flow: Flow, sent_by: str, now: float, owner: object = None) -> list[Event]:
        """Starts a client transaction; `sent_by` is our `host:port` on that flow, for the Via. What comes of it names
        `owner`."""
        stamped = with_via(request, flow, sent_by)
        machine: _Client
        if request.method == "INVITE":
            machine = machines.InviteClient(stamped, flow.reliable)
        else:
            machine = machines.NonInviteClient(stamped, flow.reliable)
        sent = _Sent(machine, flow, request, owner)
        self._clients[machines.client_key(stamped)] = sent
        return self._translate_client(sent, machine.start(now))

    def cancel(self, invite: Request, now: float) -> list[Event]:
        """Sends the CANCEL of an INVITE that `send` started and that has no final answer yet."""
        for sent in list(self._clients.values()):
            if sent.request is invite and sent.machine.state in ("calling", "proceeding"):
                if isinstance(sent.machine, machines.InviteClient):
                    sent.machine.cancelled(now)
                    self._note(sent)
                cancel = machines.cancel_of(sent.machine.request)
                machine = machines.NonInviteClient(cancel, sent.flow.reliable)
                cancelling = _Sent(machine, sent.flow, cancel, None)
                self._clients[machines.client_key(cancel)] = cancelling
                return self._translate_client(cancelling, machine.start(now))
        return []

    # ─── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def deadline(self) -> float:
        """Monotonic seconds at which `tick` is wanted, or a little before; infinity for never."""
        return self._due[0][0] if self._due else float("inf")

    def tick(self, now: float) -> list[Event]:
        events: list[Event] = []
        while self._due and self._due[0][0] <= now:
            _, _, entry = heapq.heappop(self._due)
            if entry.machine.deadline > now:
                continue  # out of date: whatever moved the timer has noted it anew
            effects = entry.machine.tick(now)
            if isinstance(entry, _Served):
                events += self._translate_server(entry, effects)
            else:
                events += self._translate_client(entry, effects)
        return events

    def _note(self, entry: _Served | _Sent) -> None:
        """Keeps the heap and the tables right after a machine has moved."""
        if entry.machine.state == "terminated":
            if isinstance(entry, _Served):
                self._servers.pop(machines.server_key(entry.machine.request), None)
            else:
                self._clients.pop(machines.client_key(entry.machine.request), None)
        elif entry.machine.deadline < float("inf"):
            heapq.heappush(self._due, (entry.machine.deadline, next(self._order), entry))

    def _translate_server(self, served: _Served, effects: list[machines.Effect]) -> list[Event]:
        self._note(served)
        events: list[Event] = []
        for effect in effects:
            if isinstance(effect, machines.Transmit):
                events.append(Outgoing(effect.message, served.flow))
            elif isinstance(effect, machines.Deliver) and isinstance(effect.message, Request):
                events.append(Incoming(effect.message, served.flow))
        return events

    def _translate_client(self, sent: _Sent, effects: list[machines.Effect]) -> list[Event]:
        self._note(sent)
        events: list[Event] = []
        for effect in effects:
            if isinstance(effect, machines.Transmit):
                events.append(Outgoing(effect.message, sent.flow))
            elif isinstance(effect, machines.TimedOut):
                events.append(Expired(sent.request, sent.owner, sent.flow))
            elif isinstance(effect.message, Response):
                events.append(Answer(sent.request, effect.message, sent.owner, sent.flow))
        return events


def with_via(request: Request, flow: Flow, sent_by: str) -> Request:
    """The request with our Via on top and a new branch (§8.1.1.7); rport asks for symmetric answers (RFC 3581)."""
    via = f"SIP/2.0/{flow.transport} {sent_by};branch=z9hG4bK{secrets.token_hex(8)};rport"
    return request.changed(headers=Headers((("Via", via), *request.headers.items)))


def with_source(request: Request, flow: Flow) -> Request:
    """Notes in the topmost Via where the request really came from (§18.2.1, RFC 3581 §4)."""
    top, _, others = _first_via(request.headers.get("Via"))
    names = request.via.parameters
    if "rport" in names and not names["rport"]:
        top = _set_parameter(top, "rport", str(flow.port))
    if request.via.host.strip("[]") != flow.host or "rport" in names:
        top = f"{top};received={flow.host}"
    value = f"{top}, {others}" if others else top
    return request.changed(headers=request.headers.replacing_first("Via", value))


def response_flow(request: Request, flow: Flow) -> Flow:
    """Where answers go (§18.2.2): back on the connection; for UDP to the source with rport, else to sent-by's port."""
    if flow.reliable or "rport" in request.via.parameters:
        return flow
    return Flow(flow.transport, flow.host, request.via.port or 5060)  # maddr is for multicast, which we do not serve


def _first_via(value: str) -> tuple[str, str, str]:
    # a comma within a Via can only stand between two of them: no parameter of ours or RFC 3261's is quoted there
    top, comma, others = value.partition(",")
    return top.strip(), comma, others.strip()


def _set_parameter(via: str, name: str, value: str) -> str:
    parts = via.split(";")
    return ";".join(f"{name}={value}" if part.strip().lower() == name else part for part in parts)
