"""The INVITE usage of a dialog (RFC 3261 §13–15, RFC 3262), either side, as a pure machine.

Messages, commands and `now` (monotonic seconds) go in; effects come out. Here is how a call comes and goes: 1xx and
PRACK, 2xx retransmission until ACK, ACK to every 2xx, forks, CANCEL, BYE. `in_dialog` has what lies between.
"""

import dataclasses
from collections.abc import Callable

from media.sip.dialog import Dialog
from media.sip.digest import Login
from media.sip.effects import (
    AnswerCame,
    Asked,
    CancelInvite,
    Effect,
    Ended,
    EndReason,
    Established,
    Offered,
    Progress,
    Reply,
    Send,
    SendAck,
    Unanswered,
)
from media.sip.in_dialog import ALLOW, SUPPORTED, Header, InDialog, end_reason
from media.sip.message import Headers, Request, Response
from media.sip.provisional import Forks, Reliable, is_reliable, wants_reliable
from media.sip.transaction import T1, T2

__all__ = ["ALLOW", "SUPPORTED", "InviteUsage", "new_invite"]


@dataclasses.dataclass
class _Unacknowledged:
    request: Request
    response: Response
    again_at: float
    interval: float
    until: float


class InviteUsage(InDialog):
    """One call's signalling. `state` goes `inviting` (ours) or `offered` (theirs) → `accepted` → `up` → `ended`."""

    def __init__(
        self,
        invite: Request,
        contact: str,
        local_tag: str,
        *,
        ours: bool,
        dice: Callable[[], float],
        login: Login | None = None,
        session_s: int = 0,
    ) -> None:
        """`dice` gives 0…1 for back-off. For an INVITE of ours `local_tag` is its From tag, `login` answers challenges,
        and `session_s` is the session interval to ask for (RFC 4028), 0 for none."""
        super().__init__(contact, local_tag, ours=ours, dice=dice, login=login or Login(None))
        self.timer.wanted = session_s
        self.invite = invite.changed(headers=invite.headers.adding(*self.timer.ask())) if ours else invite
        self._offerless = b"v=0" not in invite.body
        self.dialog = None if ours else Dialog.of_server(invite, local_tag, contact)
        self._unacknowledged: dict[int, _Unacknowledged] = {}
        self._provisional = self._cancelling = False
        self._parting: tuple[EndReason, tuple[Header, ...]] | None = None  # a BYE that waits for the ACK
        self._reliable = Reliable(1 + int(dice() * 1_000_000))
        self._deferred: tuple[tuple[Header, ...], bytes] | None = None  # a 2xx that waits for a PRACK
        self._described_early = False  # offer and answer are done before the 2xx
        self._forks = Forks()
        self._offered: set[str] = set()  # forks whose offer we have answered
        if ours:
            self._describe(tuple(invite.headers.items), invite.body)

    @property
    def parting(self) -> bool:
        """Whether our BYE waits for the peer's ACK."""
        return self._parting is not None and self.state == "accepted"

    # ─── commands of the owner ───────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> list[Effect]:
        """Sends our INVITE."""
        return [Send(self.invite)]

    def ring(
        self, status: int = 180, *extra: Header, now: float = 0.0, body: bytes = b"", reliable: bool = False
    ) -> list[Effect]:
        """A 1xx; `reliable`, and whenever the peer requires it, until PRACK where the peer can (RFC 3262 §3)."""
        if self.state != "offered":
            return []
        contact = () if status == 100 else (("Contact", self._contact), ALLOW)
        response = self.invite.respond(status, *contact, *extra, body=body, to_tag=self.local_tag)
        required = "100rel" in (token.lower() for token in self.invite.headers.listed("Require"))
        if status > 100 and (required or (reliable and wants_reliable(self.invite))):
            return [Reply(self.invite, one) for one in self._reliable.send(response, now)]
        return [Reply(self.invite, response)]

    def accept(self, request: Request, now: float, *extra: Header, body: bytes = b"") -> list[Effect]:
        """2xx to the INVITE, or to a re-INVITE, UPDATE or PRACK that was `Asked`."""
        if self.state == "ended" or (request is not self.invite and request is not self._asking):
            return []
        if request is self.invite:
            if self.state != "offered":
                return []
            if self._reliable.described:  # RFC 3262 §3: not before the PRACK of a description
                self._deferred = (extra, body)
                return []
            self._reliable.stop()
            self.state = "accepted"
        else:
            self._asking = None
        self._describe(extra, body)
        timer = self.timer.answer(request, now) if request.method in ("INVITE", "UPDATE") else ()
        headers = (("Contact", self._contact), ALLOW, SUPPORTED, *timer, *extra)
        response = request.respond(200, *headers, body=body, to_tag=self.local_tag)
        if request.method == "INVITE":
            # RFC 3261 §13.3.1.4: the 2xx goes again until the ACK, whatever the transport
            entry = _Unacknowledged(request, response, now + T1, T1, now + 64 * T1)
            self._unacknowledged[request.cseq] = entry
        return [Reply(request, response)]

    def refuse(self, request: Request, status: int, *extra: Header, reason: str = "") -> list[Effect]:
        """The answer to an INVITE, or to what was `Asked` or `Referred`."""
        response = request.respond(status, *extra, to_tag=self.local_tag, reason=reason)
        if request is self.invite and self.state == "offered":
            return [Reply(request, response), *self._finish(), Ended("rejected", response)]
        if request is self._asking:
            self._asking = None
            return [Reply(request, response)]
        if request is self._referring:
            self._referring = None
            return [Reply(request, response)]
        return []

    def answer(self, request: Request, response: Response, now: float, body: bytes) -> list[Effect]:
        """Our SDP to what was `Offered`: in PRACK, or in ACK."""
        if not response.final:
            self._offered.add(response.to_tag)
            return self._prack(response, body)
        if self.dialog is None or self.state == "ended" or request.cseq in self._acks:
            return []
        self._describe((("Content-Type", "application/sdp"),), body)
        if request is not self.invite:
            return self._acknowledge(request, response, now, body)
        return self._stand(response, now, body)

    def cancel(self) -> list[Effect]:
        """Takes our INVITE back; waits for a provisional answer where none came yet (§9.1)."""
        if self.state != "inviting":
            return []
        if self.dialog is not None:  # it was answered, and our SDP is missing
            ack = self._ack(self.invite, b"")
            return [SendAck(ack), *self._finish(), *self._ask("BYE"), Ended("cancelled")]
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
        return [*self._finish(), *self._ask("BYE", *extra), Ended(reason)]

    # ─── what the peer sends ─────────────────────────────────────────────────────────────────────────────────────────

    def receive_request(self, request: Request, now: float) -> list[Effect]:
        """A request within the dialog; retransmissions never come here."""
        if request.method == "ACK":
            return self._acknowledged(request)
        dialog = self._forks.of(request.from_tag) if self.state == "inviting" and not self.dialog else self.dialog
        if dialog is None or self.state == "ended":
            return [Reply(request, request.respond(481, to_tag=self.local_tag))]
        if not dialog.takes(request):
            return [Reply(request, request.respond(500))]
        if request.method == "BYE":
            return self._hung_up(request)
        if request.method == "PRACK":
            return self._pracked(request, now)
        return self._serve(request, now)

    def cancelled(self, invite: Request) -> list[Effect]:
        """The peer's CANCEL of its INVITE, or of its re-INVITE; the endpoint has answered the CANCEL itself."""
        if self.state == "offered" and invite is self.invite:
            refusal = self.invite.respond(487, to_tag=self.local_tag)
            return [Reply(self.invite, refusal), *self._finish(), Ended("cancelled")]
        if self._asking is not None and invite is self._asking:
            asking, self._asking = self._asking, None
            return [Reply(asking, asking.respond(487))]
        return []

    def _acknowledged(self, ack: Request) -> list[Effect]:
        entry = self._unacknowledged.pop(ack.cseq, None)
        if self.state == "accepted" and ack.cseq == self.invite.cseq:
            self.state = "up"
            return self.bye(self._parting[0], *self._parting[1]) if self._parting else [Established(ack=ack)]
        if entry is not None and not entry.request.body and self.state == "up":
            return [AnswerCame(ack)]
        return []

    def _hung_up(self, bye: Request) -> list[Effect]:
        if self.state == "inviting":  # §15: the called side may not, before its 2xx
            return [Reply(bye, bye.respond(481))]
        effects: list[Effect] = [Reply(bye, bye.respond(200))]
        if self.state == "accepted" and self._parting is None:  # the ACK was lost: the call stood, however briefly
            effects.append(Established())
        if self.state == "offered":  # §15: a caller may only CANCEL before the dialog stands, and some send BYE
            effects.append(Reply(self.invite, self.invite.respond(487, to_tag=self.local_tag)))
        return [*effects, *self._finish(), Ended("bye")]

    def _pracked(self, prack: Request, now: float) -> list[Effect]:
        acknowledged, following = self._reliable.acknowledged(prack, now)
        if acknowledged is None:
            return [Reply(prack, prack.respond(481))]
        effects: list[Effect] = []
        first = bool(acknowledged.body) and not self._described_early
        self._described_early = self._described_early or bool(acknowledged.body)
        if b"v=0" in prack.body and first and self._offerless:
            effects = [Reply(prack, prack.respond(200)), AnswerCame(prack)]
        elif b"v=0" in prack.body and self._asking is None:
            self._asking = prack
            effects = [Asked(prack)]
        else:
            effects = [Reply(prack, prack.respond(200))]
        effects += [Reply(self.invite, one) for one in following]
        if self._deferred is not None and not self._reliable.described:
            (extra, body), self._deferred = self._deferred, None
            effects += self.accept(self.invite, now, *extra, body=body)
        return effects

    def _standing(self) -> Dialog | None:
        return self.dialog or (self._forks.only() if self.state == "inviting" else None)

    def _may_update_early(self) -> bool:
        return self._described_early or (self.state == "inviting" and self._forks.only() is not None)

    # ─── answers to our requests ─────────────────────────────────────────────────────────────────────────────────────

    def receive_response(self, request: Request, response: Response, now: float) -> list[Effect]:
        """An answer to a request of ours; `request` is the one that `Send` carried."""
        if request.method != "INVITE":
            return self._request_answered(request, response, now) if response.final else []
        if not self._ours or request.cseq != self.invite.cseq:
            handle = self._reinvite_accepted if response.success else self._reinvite_refused
            return handle(request, response, now)
        if response.success:
            return self._invite_accepted(response, now)
        if not response.final:
            return self._progressed(response)
        if self.state != "inviting":
            return []
        again = None if self._cancelling else self._invite_again(response)
        if again is not None:
            return again
        self.state = "ended"
        return [Ended(end_reason(self._cancelling, response.status), response)]

    def _invite_again(self, response: Response) -> list[Effect] | None:
        headers = self._login.answer(self.invite, response)
        if headers is None and response.status == 422 and self.timer.too_small(response):  # RFC 4028 §7.3
            bare = self.invite.headers.without("Session-Expires").without("Min-SE")
            headers = bare.adding(*self.timer.ask())
        if headers is None:
            return None
        # §8.1.3.5: the same dialog identifiers, one CSeq on
        self.invite = self.invite.changed(headers=headers.setting("CSeq", f"{self.invite.cseq + 1} INVITE"))
        self._provisional = False
        return [Send(self.invite)]

    def _progressed(self, response: Response) -> list[Effect]:
        if self.state != "inviting" or self.dialog is not None:
            return []
        first, self._provisional = not self._provisional, True
        effects: list[Effect] = [CancelInvite(self.invite)] if first and self._cancelling else []
        dialog = self._forks.note(self.invite, response, self._contact)
        if dialog is None or not is_reliable(response):
            return [*effects, Progress(response)]
        if not self._forks.in_order(response):
            return effects
        if self._offerless and b"v=0" in response.body and response.to_tag not in self._offered:
            return [*effects, Offered(self.invite, response), Progress(response)]
        return [*effects, *self._prack(response), Progress(response)]

    def _prack(self, response: Response, body: bytes = b"") -> list[Effect]:
        dialog = self._forks.of(response.to_tag)
        if dialog is None:
            return []
        headers = [("RAck", f"{response.headers.get('RSeq').strip()} {response.cseq} INVITE")]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return [Send(self._with_login(dialog.request("PRACK", *headers, body=body)))]

    def _invite_accepted(self, response: Response, now: float) -> list[Effect]:
        request = self.invite
        if self.dialog is not None and response.to_tag != self.dialog.remote_tag:
            stray = Dialog.of_client(request, response, self._contact)  # a fork that answered too (§13.2.2.4)
            return [SendAck(stray.ack(request.cseq)), Send(stray.request("BYE"))]
        if (ack := self._acks.get(request.cseq)) is not None:
            return [SendAck(ack)]
        if self.dialog is not None or self.state == "ended":
            return []
        self.dialog = Dialog.of_client(request, response, self._contact)
        early = self._forks.of(response.to_tag)
        if early is not None:  # the early dialog goes on, with the route set of the 2xx
            self.dialog.local_cseq, self.dialog.remote_cseq = early.local_cseq, early.remote_cseq
        unanswered = self._offerless and b"v=0" in response.body and response.to_tag not in self._offered
        if unanswered and not self._cancelling:
            return [Offered(request, response)]
        return self._stand(response, now)

    def _stand(self, response: Response, now: float, body: bytes = b"") -> list[Effect]:
        ack = self._ack(self.invite, body)
        self.state = "up"
        self.timer.answered(response, now)
        if self._cancelling:
            return [SendAck(ack), *self.bye("cancelled")]
        return [SendAck(ack), Established(response=response)]

    # ─── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def deadline(self) -> float:
        """Monotonic seconds at which `tick` is wanted; infinity for never."""
        times = [min(entry.again_at, entry.until) for entry in self._unacknowledged.values()]
        return min([*times, self._reliable.deadline, self._dialog_deadline()])

    def tick(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for entry in list(self._unacknowledged.values()):
            if now >= entry.until:
                return [*effects, *self._never_acknowledged(entry)]
            if now >= entry.again_at:
                entry.interval = min(2 * entry.interval, T2)
                entry.again_at = now + entry.interval
                effects.append(Reply(entry.request, entry.response))
        if now >= self._reliable.given_up:  # RFC 3262 §3: a 5xx when no PRACK comes
            self._reliable.stop()
            return [*effects, *self.refuse(self.invite, 504)]
        effects += [Reply(self.invite, one) for one in self._reliable.tick(now)]
        return [*effects, *self._dialog_tick(now)]

    def _never_acknowledged(self, entry: _Unacknowledged) -> list[Effect]:
        del self._unacknowledged[entry.request.cseq]
        self.state = "up"
        reason, extra = self._parting or ("no_ack", ())
        return self.bye(reason, *extra)

    def timed_out(self, request: Request) -> list[Effect]:
        """A request of ours got no final answer."""
        if self.state == "ended" or request.method in ("BYE", "CANCEL", "PRACK", "NOTIFY", "INFO"):
            return []
        if request.method == "OPTIONS":
            return [Unanswered(request)]
        if request is self.invite:
            self.state = "ended"
            return [Ended("cancelled" if self._cancelling else "timeout")]
        if request.method == "INVITE" and self.state != "inviting":  # §14.1: as if by 408, so BYE
            return self._vanished()
        return [*self._finish(), Ended("peer_vanished")]

    def _finish(self) -> list[Effect]:
        self._unacknowledged.clear()
        self._reliable.stop()
        self._deferred = None
        return super()._finish()


def new_invite(uri: str, local: str, remote: str, call_id: str, contact: str, *extra: Header, body: bytes) -> Request:
    """An INVITE outside of a dialog; `local` bears our tag. Without Via, as all requests here."""
    headers = [("Max-Forwards", "70"), ("From", local), ("To", remote), ("Call-ID", call_id), ("CSeq", "1 INVITE")]
    headers += [("Contact", contact), ALLOW, SUPPORTED, *extra]
    return Request(headers=Headers(headers), body=body, method="INVITE", uri=uri)
