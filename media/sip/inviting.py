"""Our INVITE until its call stands (RFC 3261 §13.2, RFC 3262): challenges, forks and their 1xx, the 2xx and its ACK,
CANCEL. Pure."""

from collections.abc import Callable

from media.sip.dialog import Dialog
from media.sip.digest import Login
from media.sip.effects import CancelInvite, Effect, Ended, Established, HoldBack, Offered, Progress, Send, SendAck
from media.sip.in_dialog import ALLOW, SUPPORTED, Header, InDialog, end_reason
from media.sip.message import Headers, Request, Response
from media.sip.provisional import Forks, is_reliable


class Inviting(InDialog):
    """The part of an `InviteUsage` by which a call of ours comes to stand."""

    def __init__(
        self,
        invite: Request,
        contact: str,
        local_tag: str,
        *,
        ours: bool,
        dice: Callable[[], float],
        login: Login | None,
        session_s: int,
    ) -> None:
        super().__init__(contact, local_tag, ours=ours, dice=dice, login=login or Login(None))
        self.timer.wanted = session_s
        self.invite = invite.changed(headers=invite.headers.adding(*self.timer.ask())) if ours else invite
        self._offerless = b"v=0" not in invite.body
        self._provisional = self._cancelling = False
        self._forks = Forks()
        self._offered: set[str] = set()  # forks whose offer we have answered
        if ours:
            self._describe(tuple(invite.headers.items), invite.body)

    # ─── commands of the owner ───────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> list[Effect]:
        """Sends our INVITE."""
        return [Send(self.invite)]

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
        return [CancelInvite(self.invite) if self._provisional else HoldBack(self.invite)]

    def moved(self, request: Request) -> None:
        """It goes to a peer that has not seen it, and has not said that it works on it."""
        if request is self.invite:
            self._provisional = False

    def _early(self, tag: str) -> Dialog | None:
        """The dialog of a fork while none of them has won."""
        return self._forks.of(tag) if self.state == "inviting" else None

    def _standing(self) -> Dialog | None:
        return self.dialog or (self._forks.only() if self.state == "inviting" else None)

    def _may_update_early(self) -> bool:
        return self.state == "inviting" and self._forks.only() is not None

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
        self._note_allowed(response)
        self.timer.answered(response, now)
        if self._cancelling:
            return [SendAck(ack), *self._finish(), *self._ask("BYE"), Ended("cancelled")]
        return [SendAck(ack), Established(response=response)]


def new_invite(uri: str, local: str, remote: str, call_id: str, contact: str, *extra: Header, body: bytes) -> Request:
    """An INVITE outside of a dialog; `local` bears our tag. Without Via, as all requests here."""
    headers = [("Max-Forwards", "70"), ("From", local), ("To", remote), ("Call-ID", call_id), ("CSeq", "1 INVITE")]
    headers += [("Contact", contact), ALLOW, SUPPORTED, *extra]
    return Request(headers=Headers(headers), body=body, method="INVITE", uri=uri)
