"""The INVITE usage of a dialog (RFC 3261 §13–15, RFC 3311), either side, as a pure machine.

Messages, commands and `now` (monotonic seconds) go in; effects come out. It owns what lies above transactions: 2xx
retransmission until ACK, ACK to every 2xx, CANCEL, glare, re-INVITE and UPDATE with offers, BYE, probes.
"""

import dataclasses
from collections.abc import Callable
from typing import Literal

from media.sip.dialog import Dialog
from media.sip.effects import (
    Answered,
    Asked,
    CancelInvite,
    Effect,
    Ended,
    EndReason,
    Established,
    Progress,
    Reply,
    Send,
    SendAck,
    Unanswered,
)
from media.sip.message import Headers, Request, Response
from media.sip.transaction import T1, T2

Header = tuple[str, str]
ALLOW: Header = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO")


@dataclasses.dataclass
class _Unacknowledged:
    request: Request
    response: Response
    again_at: float
    interval: float
    until: float


class InviteUsage:
    """One call's signalling. `state` goes `inviting` (ours) or `offered` (theirs) → `accepted` → `up` → `ended`."""

    def __init__(self, invite: Request, contact: str, local_tag: str, *, ours: bool, dice: Callable[[], float]) -> None:
        """`dice` gives 0…1 for back-off. For an INVITE of ours `local_tag` is its From tag."""
        self.invite = invite
        self.state: Literal["inviting", "offered", "accepted", "up", "ended"] = "inviting" if ours else "offered"
        self.dialog: Dialog | None = None if ours else Dialog.of_server(invite, local_tag, contact)
        self.local_tag = local_tag
        self._contact, self._ours, self._dice = contact, ours, dice
        self._unacknowledged: dict[int, _Unacknowledged] = {}
        self._acks: dict[int, Request] = {}
        self._asking: Request | None = None  # the peer's INVITE or UPDATE that we have not answered
        self._pending: Request | None = None  # our re-INVITE or UPDATE with an offer that has no final answer
        self._retry: tuple[float, Request] | None = None
        self._provisional = self._cancelling = False
        self._parting: tuple[EndReason, tuple[Header, ...]] | None = None  # a BYE that waits for the ACK

    @property
    def parting(self) -> bool:
        """Whether our BYE waits for the peer's ACK."""
        return self._parting is not None and self.state == "accepted"

    # ─── commands of the owner ───────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> list[Effect]:
        """Sends our INVITE."""
        return [Send(self.invite)]

    def ring(self, status: int = 180) -> list[Effect]:
        if self.state != "offered":
            return []
        extra = () if status == 100 else (("Contact", self._contact),)
        return [Reply(self.invite, self.invite.respond(status, *extra, to_tag=self.local_tag))]

    def accept(self, request: Request, now: float, *extra: Header, body: bytes = b"") -> list[Effect]:
        """2xx to the INVITE, or to a re-INVITE or UPDATE that was `Asked`."""
        if self.state == "ended" or (request is not self.invite and request is not self._asking):
            return []
        response = request.respond(200, ("Contact", self._contact), ALLOW, *extra, body=body, to_tag=self.local_tag)
        if request is self.invite:
            self.state = "accepted"
        else:
            self._asking = None
        if request.method == "INVITE":
            # RFC 3261 §13.3.1.4: the 2xx goes again until the ACK, whatever the transport
            entry = _Unacknowledged(request, response, now + T1, T1, now + 64 * T1)
            self._unacknowledged[request.cseq] = entry
        return [Reply(request, response)]

    def refuse(self, request: Request, status: int, *extra: Header, reason: str = "") -> list[Effect]:
        response = request.respond(status, *extra, to_tag=self.local_tag, reason=reason)
        if request is self.invite and self.state == "offered":
            self.state = "ended"
            return [Reply(request, response), Ended("rejected", response)]
        if request is self._asking:
            self._asking = None
            return [Reply(request, response)]
        return []

    def cancel(self) -> list[Effect]:
        """Takes our INVITE back; waits for a provisional answer where none came yet (§9.1)."""
        if self.state != "inviting":
            return []
        self._cancelling = True
        return [CancelInvite(self.invite)] if self._provisional else []

    def bye(self, reason: EndReason, *extra: Header) -> list[Effect]:
        """Ends the call from our side, at whatever point it is; `Ended` may come later, as CANCEL or ACK want it."""
        if self.state == "inviting":
            return self.cancel()
        if self.state == "offered":
            return self.refuse(self.invite, 503, *extra)
        if self.state == "ended" or self.dialog is None:
            return []
        if self.state == "accepted":  # §15: not before the ACK, or before it is clear that none comes
            self._parting = (reason, extra)
            return []
        return [*self._finish(), Send(self.dialog.request("BYE", *extra)), Ended(reason)]

    def reinvite(self, body: bytes, *extra: Header) -> list[Effect]:
        """Raises `ValueError` while another offer is open or the call is not up (§14.1)."""
        return self._offer("INVITE", body, extra)

    def update(self, body: bytes, *extra: Header) -> list[Effect]:
        """RFC 3311. For an offer or, as SIPREC does, for metadata alone."""
        return self._offer("UPDATE", body, extra)

    def probe(self) -> list[Effect]:
        """An OPTIONS within the dialog: a peer that is gone does not answer it, or with 481."""
        return [Send(self.dialog.request("OPTIONS"))] if self.dialog and self.state == "up" else []

    def _offer(self, method: str, body: bytes, extra: tuple[Header, ...]) -> list[Effect]:
        if self.dialog is None or self.state != "up":
            raise ValueError("the call is not up")
        if self._pending or self._asking or self._retry:
            raise ValueError("another offer is open")
        request = self.dialog.request(method, *extra, body=body)
        self._pending = request
        return [Send(request)]

    # ─── what the peer sends ─────────────────────────────────────────────────────────────────────────────────────────

    def receive_request(self, request: Request, now: float) -> list[Effect]:
        """A request within the dialog; retransmissions never come here."""
        if request.method == "ACK":
            return self._acknowledged(request)
        if self.dialog is None or self.state in ("inviting", "ended"):
            return [Reply(request, request.respond(481, to_tag=self.local_tag))]
        if not self.dialog.takes(request):
            return [Reply(request, request.respond(500))]
        if request.method == "BYE":
            return self._hung_up(request)
        if request.method in ("INVITE", "UPDATE"):
            return self._asked(request)
        if request.method in ("OPTIONS", "INFO"):
            return [Reply(request, request.respond(200, ALLOW))]
        return [Reply(request, request.respond(405, ALLOW))]

    def cancelled(self, invite: Request) -> list[Effect]:
        """The peer's CANCEL of its INVITE, or of its re-INVITE; the endpoint has answered the CANCEL itself."""
        if self.state == "offered" and invite is self.invite:
            self.state = "ended"
            return [Reply(self.invite, self.invite.respond(487, to_tag=self.local_tag)), Ended("cancelled")]
        if self._asking is not None and invite is self._asking:
            asking, self._asking = self._asking, None
            return [Reply(asking, asking.respond(487))]
        return []

    def _acknowledged(self, ack: Request) -> list[Effect]:
        self._unacknowledged.pop(ack.cseq, None)
        if self.state == "accepted" and ack.cseq == self.invite.cseq:
            self.state = "up"
            return self.bye(self._parting[0], *self._parting[1]) if self._parting else [Established(ack=ack)]
        return []

    def _hung_up(self, bye: Request) -> list[Effect]:
        effects: list[Effect] = [Reply(bye, bye.respond(200))]
        if self.state == "offered":  # §15: a caller may only CANCEL before the dialog stands, and some send BYE
            effects.append(Reply(self.invite, self.invite.respond(487, to_tag=self.local_tag)))
        return [*effects, *self._finish(), Ended("bye")]

    def _asked(self, request: Request) -> list[Effect]:
        offers = request.method == "INVITE" or b"v=0" in request.body
        if offers and self._pending is not None:
            return [Reply(request, request.respond(491))]  # §14.2, RFC 3311 §5.2: glare
        if self._asking is not None or self.state == "offered":
            seconds = str(int(self._dice() * 10))
            return [Reply(request, request.respond(500, ("Retry-After", seconds)))]
        if self.dialog is not None:
            self.dialog.refresh_target(request)
        self._asking = request
        return [Asked(request)]

    def receive_response(self, request: Request, response: Response, now: float) -> list[Effect]:
        """An answer to a request of ours; `request` is the one that `Send` carried."""
        if request.method == "INVITE":
            return self._invite_answered(request, response, now)
        if not response.final:
            return []
        if request is self._pending:
            self._pending = None
        if request.method in ("UPDATE", "OPTIONS") and self.state != "ended":
            if response.status == 491:
                return self._back_off(request, now)
            if response.status == 408 and request.method == "OPTIONS":
                return [Unanswered(request)]
            if response.status in (408, 481):  # §12.2.1.2: the peer knows the dialog no more
                return [*self._finish(), Ended("peer_vanished")]
            return [Answered(request, response)]
        return []

    def _invite_answered(self, request: Request, response: Response, now: float) -> list[Effect]:
        if response.success:
            return self._invite_accepted(request, response)
        if request is not self.invite:
            return self._reinvite_refused(request, response, now)
        if not response.final:
            first, self._provisional = not self._provisional, True
            cancel: list[Effect] = [CancelInvite(request)] if first and self._cancelling else []
            return [*cancel, Progress(response)]
        if self.state != "inviting":
            return []
        self.state = "ended"
        return [Ended("cancelled" if self._cancelling and response.status == 487 else "rejected", response)]

    def _invite_accepted(self, request: Request, response: Response) -> list[Effect]:
        if request is self.invite and self.dialog is not None and response.to_tag != self.dialog.remote_tag:
            stray = Dialog.of_client(request, response, self._contact)  # a fork that answered too (§13.2.2.4)
            return [SendAck(stray.ack(request.cseq)), Send(stray.request("BYE"))]
        if (ack := self._acks.get(request.cseq)) is not None:
            return [SendAck(ack)]
        if request is self.invite:
            self.dialog = Dialog.of_client(request, response, self._contact)
        if self.dialog is None:
            return []
        self.dialog.refresh_target(response)
        ack = self._acks[request.cseq] = self.dialog.ack(request.cseq)
        if request is not self.invite:
            self._pending = None if request is self._pending else self._pending
            return [SendAck(ack), Answered(request, response)]
        self.state = "up"
        if self._cancelling:
            return [SendAck(ack), *self.bye("cancelled")]
        return [SendAck(ack), Established(response=response)]

    def _reinvite_refused(self, request: Request, response: Response, now: float) -> list[Effect]:
        if not response.final or self.state == "ended":
            return []
        if request is self._pending:
            self._pending = None
        if response.status == 491:
            return self._back_off(request, now)
        if response.status in (408, 481):
            return self.bye("peer_vanished")
        return [Answered(request, response)]

    def _back_off(self, request: Request, now: float) -> list[Effect]:
        """§14.1: 2.1–4 s for the owner of the Call-ID, 0–2 s for the other side."""
        wait = 2.1 + 1.9 * self._dice() if self._ours else 2.0 * self._dice()
        self._retry = (now + wait, request)
        return []

    # ─── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def deadline(self) -> float:
        """Monotonic seconds at which `tick` is wanted; infinity for never."""
        times = [min(entry.again_at, entry.until) for entry in self._unacknowledged.values()]
        return min([*times, *([self._retry[0]] if self._retry else [])], default=float("inf"))

    def tick(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for entry in list(self._unacknowledged.values()):
            if now >= entry.until:
                return [*effects, *self._never_acknowledged(entry)]
            if now >= entry.again_at:
                entry.interval = min(2 * entry.interval, T2)
                entry.again_at = now + entry.interval
                effects.append(Reply(entry.request, entry.response))
        if self._retry is not None and now >= self._retry[0] and self.dialog is not None:
            old, self._retry = self._retry[1], None
            if self._asking is None and self.state == "up":
                fixed = {"max-forwards", "route", "from", "to", "call-id", "cseq", "contact", "via"}
                extra = [item for item in old.headers.items if item[0].lower() not in fixed]
                effects += self._offer(old.method, old.body, tuple(extra))
        return effects

    def _never_acknowledged(self, entry: _Unacknowledged) -> list[Effect]:
        del self._unacknowledged[entry.request.cseq]
        self.state = "up"
        reason, extra = self._parting or ("no_ack", ())
        return self.bye(reason, *extra)

    def timed_out(self, request: Request) -> list[Effect]:
        """A request of ours got no final answer."""
        if self.state == "ended" or request.method in ("BYE", "CANCEL"):
            return []
        if request.method == "OPTIONS":
            return [Unanswered(request)]
        if request is self.invite:
            self.state = "ended"
            return [Ended("cancelled" if self._cancelling else "timeout")]
        return [*self._finish(), Ended("peer_vanished")]

    def _finish(self) -> list[Effect]:
        asking, self._asking = self._asking, None
        self.state = "ended"
        self._unacknowledged.clear()
        self._pending = self._retry = None
        return [Reply(asking, asking.respond(487))] if asking is not None else []


def new_invite(uri: str, local: str, remote: str, call_id: str, contact: str, *extra: Header, body: bytes) -> Request:
    """An INVITE outside of a dialog; `local` bears our tag. Without Via, as all requests here."""
    headers = [("Max-Forwards", "70"), ("From", local), ("To", remote), ("Call-ID", call_id), ("CSeq", "1 INVITE")]
    headers += [("Contact", contact), ALLOW, *extra]
    return Request(headers=Headers(headers), body=body, method="INVITE", uri=uri)
