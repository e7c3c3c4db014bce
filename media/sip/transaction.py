"""The four transaction machines of RFC 3261 §17 with RFC 6026's Accepted state, as pure objects.

Each takes messages and `now` (monotonic seconds) and returns effects; `deadline` is when it next wants `tick`.
`reliable` says that the transport retransmits by itself (TCP, TLS, WebSocket). A transaction with state `terminated` is
to be forgotten.
"""

import dataclasses
from typing import Literal

from media.sip.message import Headers, Message, Request, Response

T1 = 0.5
"""Round-trip estimate, seconds (RFC 3261 §17.1.1.1)."""
T2 = 4.0
T4 = 5.0
_FOREVER = float("inf")

State = Literal["calling", "trying", "proceeding", "accepted", "completed", "confirmed", "terminated"]


@dataclasses.dataclass(frozen=True)
class Transmit:
    """Put this message onto the wire."""

    message: Message


@dataclasses.dataclass(frozen=True)
class Deliver:
    """Hand this message to the transaction user."""

    message: Message


@dataclasses.dataclass(frozen=True)
class TimedOut:
    """No answer came (client), or no ACK to a non-2xx answer (server)."""


Effect = Transmit | Deliver | TimedOut
Key = tuple[str, ...]


def server_key(request: Request) -> Key:
    """RFC 3261 §17.2.3: by branch, sent-by and method (an ACK matches its INVITE); without the magic cookie by the
    RFC 2543 fields."""
    method = "INVITE" if request.method == "ACK" else request.method
    via = request.via
    sent_by = f"{via.host.lower()}:{via.port or 5060}"
    if len(request.branch) > 7 and request.branch.startswith("z9hG4bK"):
        return (request.branch, sent_by, method)
    return ("2543", request.call_id, request.from_tag, str(request.cseq), sent_by, method)


def client_key(message: Message) -> Key:
    """RFC 3261 §17.1.3: by branch and the CSeq's method."""
    return (message.branch, message.cseq_method)


class _Machine:
    response: Response | None = None
    """The latest answer that a server transaction gave."""

    def __init__(self, request: Request, reliable: bool, state: State) -> None:
        self.request = request
        self.state: State = state
        self._reliable = reliable
        self._timers: dict[str, float] = {}

    @property
    def deadline(self) -> float:
        """Monotonic seconds of the next timer; infinity when none runs."""
        return min(self._timers.values(), default=_FOREVER)

    def _due(self, now: float) -> list[str]:
        names = sorted((at, name) for name, at in self._timers.items() if at <= now)
        for _, name in names:
            del self._timers[name]
        return [name for _, name in names]

    def _enter(self, state: State, **timers: float) -> None:
        self.state = state
        self._timers = dict(timers)


class InviteServer(_Machine):
    """§17.2.1. Made for a new INVITE, which the maker delivers to the user itself.

    After a 2xx the user retransmits it (§13.3.1.4); retransmitted INVITEs are absorbed for 64·T1 (RFC 6026 §8.7)."""

    def __init__(self, request: Request, reliable: bool) -> None:
        super().__init__(request, reliable, "proceeding")
        self._interval = T1

    def receive(self, request: Request, now: float) -> list[Effect]:
        """A request with this transaction's key: the INVITE again, or the ACK."""
        if request.method == "ACK":
            if self.state == "completed":
                self._enter("confirmed", i=now + (0.0 if self._reliable else T4))
            elif self.state == "accepted":
                return [Deliver(request)]
            return []
        if self.state in ("proceeding", "completed") and self.response is not None:
            return [Transmit(self.response)]
        return []

    def respond(self, response: Response, now: float) -> list[Effect]:
        """The user's answer. In the accepted state a 2xx is passed on: the user's own retransmission."""
        if self.state == "accepted" and response.success:
            return [Transmit(response)]
        if self.state != "proceeding":
            return []
        self.response = response
        if response.success:
            self._enter("accepted", l=now + 64 * T1)
        elif response.final:
            self._enter("completed", h=now + 64 * T1)
            if not self._reliable:
                self._timers["g"] = now + self._interval
        return [Transmit(response)]

    def tick(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._due(now):
            if name == "g" and self.response is not None:
                self._interval = min(2 * self._interval, T2)
                self._timers["g"] = now + self._interval
                effects.append(Transmit(self.response))
            elif name == "h":
                self._enter("terminated")
                return [TimedOut()]
            elif name in ("i", "l"):
                self._enter("terminated")
        return effects


class NonInviteServer(_Machine):
    """§17.2.2."""

    def __init__(self, request: Request, reliable: bool) -> None:
        super().__init__(request, reliable, "trying")

    def receive(self, request: Request, now: float) -> list[Effect]:
        """The request again."""
        return [Transmit(self.response)] if self.response is not None else []

    def respond(self, response: Response, now: float) -> list[Effect]:
        if self.state not in ("trying", "proceeding"):
            return []
        self.response = response
        if response.final:
            self._enter("completed", j=now + (0.0 if self._reliable else 64 * T1))
        else:
            self.state = "proceeding"
        return [Transmit(response)]

    def tick(self, now: float) -> list[Effect]:
        if "j" in self._due(now):
            self._enter("terminated")
        return []


class InviteClient(_Machine):
    """§17.1.1 with RFC 6026 §8.4: every 2xx, also a retransmitted one, is delivered for 64·T1; the user sends ACK."""

    def __init__(self, request: Request, reliable: bool) -> None:
        super().__init__(request, reliable, "calling")
        self._interval = T1
        self._ack: Request | None = None

    def start(self, now: float) -> list[Effect]:
        self._timers = {"b": now + 64 * T1}
        if not self._reliable:
            self._timers["a"] = now + self._interval
        return [Transmit(self.request)]

    def receive(self, response: Response, now: float) -> list[Effect]:
        if self.state == "completed":
            refused = response.status >= 300 and self._ack is not None
            return [Transmit(self._ack)] if refused and self._ack else []
        if self.state == "accepted":
            return [Deliver(response)] if response.success else []
        if self.state not in ("calling", "proceeding"):
            return []
        if response.success:
            self._enter("accepted", m=now + 64 * T1)
            return [Deliver(response)]
        if response.final:
            self._ack = ack_of_refusal(self.request, response)
            self._enter("completed", d=now + (0.0 if self._reliable else 64 * T1))
            return [Transmit(self._ack), Deliver(response)]
        if self.state == "calling":
            self._enter("proceeding")
        return [Deliver(response)]

    def cancelled(self, now: float) -> None:
        """A CANCEL goes out for it: without a final answer within 64·T1 it is over (§9.1)."""
        self._timers["b"] = now + 64 * T1

    def tick(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._due(now):
            if name == "a":
                self._interval *= 2
                self._timers["a"] = now + self._interval
                effects.append(Transmit(self.request))
            elif name == "b":
                self._enter("terminated")
                return [TimedOut()]
            elif name in ("d", "m"):
                self._enter("terminated")
        return effects


class NonInviteClient(_Machine):
    """§17.1.2."""

    def __init__(self, request: Request, reliable: bool) -> None:
        super().__init__(request, reliable, "trying")
        self._interval = T1

    def start(self, now: float) -> list[Effect]:
        self._timers = {"f": now + 64 * T1}
        if not self._reliable:
            self._timers["e"] = now + self._interval
        return [Transmit(self.request)]

    def receive(self, response: Response, now: float) -> list[Effect]:
        if self.state not in ("trying", "proceeding"):
            return []
        if response.final:
            self._enter("completed", k=now + (0.0 if self._reliable else T4))
        else:
            self.state = "proceeding"
        return [Deliver(response)]

    def tick(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._due(now):
            if name == "e":
                self._interval = T2 if self.state == "proceeding" else min(2 * self._interval, T2)
                self._timers["e"] = now + self._interval
                effects.append(Transmit(self.request))
            elif name == "f":
                self._enter("terminated")
                return [TimedOut()]
            elif name == "k":
                self._enter("terminated")
        return effects


def ack_of_refusal(invite: Request, response: Response) -> Request:
    """The ACK to a 3xx–6xx: same branch and Route, To of the response (§17.1.1.3)."""
    headers = [("Via", invite.headers.get("Via")), ("Max-Forwards", "70")]
    headers += [("Route", value) for value in invite.headers.all("Route")]
    headers += [("From", invite.headers.get("From")), ("To", response.headers.get("To"))]
    headers += [("Call-ID", invite.call_id), ("CSeq", f"{invite.cseq} ACK")]
    return Request(headers=Headers(headers), method="ACK", uri=invite.uri)


def cancel_of(invite: Request) -> Request:
    """§9.1: the CANCEL of a pending INVITE, with the same branch."""
    headers = [("Via", invite.headers.get("Via")), ("Max-Forwards", "70")]
    headers += [("Route", value) for value in invite.headers.all("Route")]
    headers += [(name, invite.headers.get(name)) for name in ("From", "To", "Call-ID")]
    headers.append(("CSeq", f"{invite.cseq} CANCEL"))
    return Request(headers=Headers(headers), method="CANCEL", uri=invite.uri)
