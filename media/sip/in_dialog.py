"""What goes on within a dialog that stands, either side alike: offers and glare (RFC 3261 §14, RFC 3311), the session
timer (RFC 4028), REFER and its NOTIFYs (RFC 3515), probes, and challenges to our requests. Pure."""

from collections.abc import Callable
from typing import Literal

from media.sip.dialog import Dialog
from media.sip.digest import Login
from media.sip.effects import (
    Answered,
    Asked,
    Effect,
    Ended,
    EndReason,
    Informed,
    Notified,
    Offered,
    Referred,
    Refreshed,
    Reply,
    Send,
    SendAck,
    Unanswered,
)
from media.sip.message import Headers, Request, Response, reason_header
from media.sip.referral import Referral, parse_refer, read_notify
from media.sip.session_timer import SessionTimer

Header = tuple[str, str]
Body = bytes | Callable[[], bytes]
"""A function's is made when it is sent, and made anew when the offer must be sent again: it then has the next version
in `o=`, and says what holds by then (§14.1)."""
ALLOW: Header = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REFER, NOTIFY")
SUPPORTED: Header = ("Supported", "timer, 100rel, replaces")
_Wanted = tuple[str, Body, tuple[Header, ...]]
"""Method, body and other headers of an offer of ours."""


class InDialog:
    """The part of an `InviteUsage` that serves while the call stands."""

    def __init__(self, contact: str, local_tag: str, *, ours: bool, dice: Callable[[], float], login: Login) -> None:
        self.state: Literal["inviting", "offered", "accepted", "up", "ended"] = "inviting" if ours else "offered"
        self.dialog: Dialog | None = None
        self.local_tag = local_tag
        self._contact, self._ours, self._dice, self._login = contact, ours, dice, login
        self.timer = SessionTimer()
        self._acks: dict[int, Request] = {}
        self._asking: Request | None = None  # the peer's INVITE, UPDATE or PRACK that we have not answered
        self._pending: Request | None = None  # our re-INVITE or UPDATE that has no final answer
        self._wanted: _Wanted = ("", b"", ())  # what it was made of
        self._retry: tuple[float, _Wanted] | None = None
        self._refresh: Request | None = None  # our session refresh that has no final answer
        self._description: tuple[tuple[Header, ...], bytes] = ((), b"")  # our SDP as it stands
        self._updates = True  # whether the peer takes UPDATE, as far as we know
        self._referring: Request | None = None
        self._referral: Referral | None = None

    # ─── commands of the owner ───────────────────────────────────────────────────────────────────────────────────────

    def reinvite(self, body: Body = b"", *extra: Header) -> list[Effect]:
        """Without a body it asks for the peer's offer (`Offered`). Raises `ValueError` while another offer is open or
        the call is not up (§14.1)."""
        return self._offer(("INVITE", body, extra))

    def update(self, body: Body = b"", *extra: Header) -> list[Effect]:
        """RFC 3311. For an offer or, as SIPREC does, for metadata alone."""
        return self._offer(("UPDATE", body, extra))

    def probe(self) -> list[Effect]:
        """An OPTIONS within the dialog: a peer that is gone does not answer it, or with 481."""
        return self._ask("OPTIONS") if self.state == "up" else []

    def inform(self, content_type: str, body: bytes) -> list[Effect]:
        """An INFO (RFC 6086). Its answer changes nothing."""
        return self._ask("INFO", ("Content-Type", content_type), body=body) if self.state == "up" else []

    def refer(self, target: str, *extra: Header) -> list[Effect]:
        """Asks the peer to call somebody: `target` is `referral.refer_to(...)`. `Answered`, then `Notified`."""
        return self._ask("REFER", ("Refer-To", target), *extra) if self.state == "up" else []

    def awaits_us(self, request: Request) -> bool:
        """Whether what was `Asked` is to be answered yet: the peer may have cancelled it, or the call be over."""
        return request is self._asking

    def accept_refer(self, request: Request, now: float) -> list[Effect]:
        """We will call whom the peer `Referred` us to: 202 and a first NOTIFY (RFC 3515 §2.4.4)."""
        if request is not self._referring or self.dialog is None:
            return []
        self._referring, earlier = None, self._referral
        self._referral = Referral(request, now, later=earlier is not None)
        silent = (("Refer-Sub", "false"),) if self._referral.silent else ()
        response = request.respond(202, ("Contact", self._contact), *silent, to_tag=self.local_tag)
        return [Reply(request, response), *self.tell_referrer(100, now)]

    def tell_referrer(self, status: int, now: float) -> list[Effect]:
        """How our call on the peer's behalf goes; a final status ends it."""
        if self._referral is None or self.dialog is None or self.state == "ended":
            return []
        notify = self._referral.notify(self.dialog, status, now)
        return [] if notify is None else [Send(self._with_login(notify))]

    def _ask(self, method: str, *extra: Header, body: bytes = b"") -> list[Effect]:
        return [] if self.dialog is None else [Send(self._with_login(self.dialog.request(method, *extra, body=body)))]

    def _with_login(self, request: Request) -> Request:
        return request.changed(headers=self._login.headers(request))

    def _offer(self, wanted: _Wanted) -> list[Effect]:
        method, body, extra = wanted
        dialog = self._standing()
        if dialog is None or not (self.state == "up" or (method == "UPDATE" and self._may_update_early())):
            raise ValueError("the call is not up")
        if self._is_busy():
            raise ValueError("another offer is open")
        made = body() if callable(body) else body
        request = dialog.request(method, ALLOW, SUPPORTED, *self.timer.ask(), *extra, body=made)
        self._pending, self._wanted = self._with_login(request), wanted
        return [Send(self._pending)]

    def _is_busy(self) -> bool:
        """Another offer or refresh is under way, in either direction."""
        return bool(self._pending or self._asking or self._retry or self._refresh) or self._awaits_answer()

    def _awaits_answer(self) -> bool:
        """Our 2xx bears an offer, which the ACK will answer."""
        return False

    def _standing(self) -> Dialog | None:
        """The dialog, or the early one where there is one alone."""
        return self.dialog

    def _may_update_early(self) -> bool:
        return False

    def _describe(self, headers: tuple[Header, ...], body: bytes) -> None:
        if body.startswith(b"v=0"):
            self._description = (tuple(item for item in headers if item[0].lower() == "content-type"), body)

    # ─── what the peer asks ──────────────────────────────────────────────────────────────────────────────────────────

    def _serve(self, request: Request, now: float) -> list[Effect]:
        """A request within the dialog that is neither ACK, BYE nor PRACK."""
        if request.method in ("INVITE", "UPDATE"):
            return self._asked(request, now)
        if request.method == "REFER":
            return self._referred(request)
        if request.method == "NOTIFY":
            return self._notified(request)
        if request.method == "OPTIONS":
            return [Reply(request, request.respond(200, ALLOW, SUPPORTED))]
        if request.method == "INFO":
            return [Reply(request, request.respond(200, ALLOW, SUPPORTED)), Informed(request)]
        return [Reply(request, request.respond(405, ALLOW))]

    def _asked(self, request: Request, now: float) -> list[Effect]:
        open_to = [ours for ours in (self._pending, self._refresh) if ours is not None and _offers(ours)]
        if _offers(request) and (open_to or self._awaits_answer()):
            return [Reply(request, request.respond(491))]  # §14.2, RFC 3311 §5.2: glare
        early = self.state in ("inviting", "offered") and not self._may_update_early()
        if self._asking is not None or early:
            seconds = str(int(self._dice() * 10))
            return [Reply(request, request.respond(500, ("Retry-After", seconds)))]
        if objection := self.timer.objection(request):
            return [Reply(request, request.respond(422, *objection))]
        if request.method == "UPDATE" and not request.body:  # RFC 4028 §7.4: a refresh and nothing else
            self._retarget(request)
            headers = (("Contact", self._contact), ALLOW, SUPPORTED, *self.timer.answer(request, now))
            return [Reply(request, request.respond(200, *headers)), Refreshed()]
        self._asking = request
        return [Asked(request)]

    def _note_allowed(self, message: Request | Response) -> None:
        """Whether the peer takes UPDATE, where it says what it takes (RFC 3311 §4)."""
        if "Allow" in message.headers:
            self._updates = "UPDATE" in message.headers.listed("Allow")

    def _retarget(self, accepted: Request | Response) -> None:
        """§12.2.1.2, §12.2.2: what is refused moves nobody."""
        if self.dialog is not None:
            self.dialog.refresh_target(accepted)

    def _referred(self, request: Request) -> list[Effect]:
        busy = self._referring is not None or (self._referral is not None and not self._referral.done)
        if self.state != "up" or busy:
            return [Reply(request, request.respond(491))]
        try:
            parse_refer(request)
        except ValueError as error:
            return [Reply(request, request.respond(400, reason=f"Bad Request: {error}"))]
        self._referring = request
        return [Referred(request)]

    def _notified(self, request: Request) -> list[Effect]:
        told = read_notify(request)
        if told is None:
            return [Reply(request, request.respond(489))]
        return [Reply(request, request.respond(200)), Notified(*told)]

    # ─── answers to our requests ─────────────────────────────────────────────────────────────────────────────────────

    def _request_answered(self, request: Request, response: Response, now: float) -> list[Effect]:
        """The final answer to a request other than INVITE."""
        again = self._again(request, response)
        if again is not None:
            return [Send(again)]
        if request is self._refresh:
            return self._refresh_answered(response, now)
        if request is self._pending:
            self._pending = None
            if response.status == 491:
                return self._back_off(now)
        if request.method not in ("UPDATE", "OPTIONS", "REFER") or self.state == "ended":
            return []
        if response.status == 408 and request.method == "OPTIONS":
            return [Unanswered(request)]
        if response.status in (408, 481):  # §12.2.1.2: the peer knows the dialog no more
            return [*self._finish(), Ended("peer_vanished")]
        if request.method == "UPDATE" and response.success:
            self._renewed(request, response, now)
        return [Answered(request, response)]

    def _renewed(self, request: Request, response: Response, now: float) -> None:
        self._describe(tuple(request.headers.items), request.body)  # §14.1: one that is refused describes nothing
        self.timer.answered(response, now)
        self._retarget(response)

    def _again(self, request: Request, response: Response) -> Request | None:
        """The request anew, where its answer says what it lacked: credentials, or a longer session interval."""
        if response.status == 422 and request.method in ("INVITE", "UPDATE") and self.timer.too_small(response):
            bare = request.headers.without("Session-Expires").without("Min-SE")
            headers: Headers | None = bare.adding(*self.timer.ask())
        else:
            headers = self._login.answer(request, response)
        dialog = self._standing()
        if headers is None or dialog is None or (self.state == "ended" and request.method != "BYE"):
            return None
        again = dialog.again(request, headers)
        self._pending = again if request is self._pending else self._pending
        self._refresh = again if request is self._refresh else self._refresh
        return again

    def _reinvite_accepted(self, request: Request, response: Response, now: float) -> list[Effect]:
        if (ack := self._acks.get(request.cseq)) is not None:
            return [SendAck(ack)]
        if self.dialog is None:
            return []
        if b"v=0" not in request.body and b"v=0" in response.body and self.state != "ended":
            return [] if request is not self._pending else [Offered(request, response)]
        return self._acknowledge(request, response, now)

    def _acknowledge(self, request: Request, response: Response, now: float, body: bytes = b"") -> list[Effect]:
        ack = self._ack(request, body)
        refreshed = request is self._refresh
        self._pending = None if request is self._pending else self._pending
        self._refresh = None if refreshed else self._refresh
        self._renewed(request, response, now)
        told: Effect = Refreshed() if refreshed else Answered(request, response)
        return [SendAck(ack)] if self.state == "ended" else [SendAck(ack), told]

    def _ack(self, request: Request, body: bytes) -> Request:
        assert self.dialog is not None
        # §22.1: the ACK carries the INVITE's credentials
        extra = [item for item in request.headers.items if item[0] in ("Authorization", "Proxy-Authorization")]
        if body:
            extra.append(("Content-Type", "application/sdp"))
        ack = self._acks[request.cseq] = self.dialog.ack(request.cseq, *extra, body=body)
        while len(self._acks) > 8:  # for 64·T1 a 2xx may come again; nobody changes a call nine times in that
            del self._acks[next(iter(self._acks))]
        return ack

    def _reinvite_refused(self, request: Request, response: Response, now: float) -> list[Effect]:
        if not response.final or self.state == "ended":
            return []
        again = self._again(request, response)
        if again is not None:
            return [Send(again)]
        if request is self._refresh:
            return self._refresh_answered(response, now)
        if request is self._pending:
            self._pending = None
            if response.status == 491:
                return self._back_off(now)
        if response.status in (408, 481):
            return self._vanished()
        return [Answered(request, response)]

    def _vanished(self, *extra: Header) -> list[Effect]:
        return [*self._finish(), *self._ask("BYE", *extra), Ended("peer_vanished")]

    def _back_off(self, now: float) -> list[Effect]:
        """§14.1: 2.1–4 s for the owner of the Call-ID, 0–2 s for the other side."""
        wait = 2.1 + 1.9 * self._dice() if self._ours else 2.0 * self._dice()
        self._retry = (now + wait, self._wanted)
        return []

    # ─── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _dialog_deadline(self) -> float:
        session = self.timer.deadline if self.state == "up" else float("inf")
        return min(session, self._retry[0] if self._retry else float("inf"))

    def _dialog_tick(self, now: float) -> list[Effect]:
        if self.state != "up":
            return []
        if now >= self.timer.over_at:  # RFC 4028 §10
            self.timer.interval = 0
            return self._vanished(reason_header(408, "session expired"))
        effects: list[Effect] = []
        if self._retry is not None and now >= self._retry[0]:
            wanted, self._retry = self._retry[1], None
            if self._is_busy():
                self._retry = (now + 1.0, wanted)
            else:
                effects += self._offer(wanted)
        if now >= self.timer.refresh_at:
            effects += self._refresh_session(now)
        return effects

    def _refresh_session(self, now: float) -> list[Effect]:
        """RFC 4028 §7.4: an UPDATE without a body, or a re-INVITE with our SDP as it stands."""
        if self._is_busy() or self.dialog is None:
            self.timer.postpone(now, 1.0)
            return []
        self.timer.postpone(now, 40.0)
        method, (extra, body) = ("UPDATE", ((), b"")) if self._updates else ("INVITE", self._description)
        request = self.dialog.request(method, ALLOW, SUPPORTED, *self.timer.ask(), *extra, body=body)
        self._refresh = self._with_login(request)
        return [Send(self._refresh)]

    def _refresh_answered(self, response: Response, now: float) -> list[Effect]:
        request, self._refresh = self._refresh, None
        if request is not None and response.success:
            self._renewed(request, response, now)
            return [Refreshed()]
        if response.status in (408, 481):
            return self._vanished()
        if response.status in (405, 501) and request is not None and request.method == "UPDATE":
            self._updates = False
            return self._refresh_session(now)
        self.timer.postpone(now, 2.1 + 1.9 * self._dice())
        return []

    def _finish(self) -> list[Effect]:
        asking, self._asking = self._asking, None
        referring, self._referring = self._referring, None
        self.state = "ended"
        self._pending = self._retry = self._refresh = None
        left = [one for one in (asking, referring) if one is not None]
        return [Reply(one, one.respond(487)) for one in left]


def _offers(request: Request) -> bool:
    """Whether descriptions are exchanged by it; an UPDATE may bear something else, or nothing (RFC 3311 §5.1)."""
    return request.method == "INVITE" or b"v=0" in request.body


def end_reason(cancelling: bool, status: int) -> EndReason:
    return "cancelled" if cancelling and status == 487 else "rejected"
