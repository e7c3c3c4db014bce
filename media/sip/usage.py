"""The INVITE usage of a dialog (RFC 3261 §13–15, RFC 3262), either side, as a pure machine.

Messages, commands and `now` (monotonic seconds) go in; effects come out. Here is how a call of the peer's comes and how
every call goes: our 1xx and PRACK, 2xx retransmission until ACK, CANCEL, BYE. `inviting` has how one of ours comes to
stand, and `in_dialog` what lies between.
"""

import dataclasses
from collections.abc import Callable

from media.sip.dialog import Dialog
from media.sip.digest import Login
from media.sip.effects import (
    AnswerCame,
    Asked,
    Effect,
    Ended,
    EndReason,
    Established,
    Reply,
    Unanswered,
)
from media.sip.in_dialog import ALLOW, SUPPORTED, Header
from media.sip.inviting import Inviting, new_invite
from media.sip.message import Request, Response
from media.sip.provisional import Reliable, wants_reliable
from media.sip.transaction import T1, T2

__all__ = ["ALLOW", "SUPPORTED", "InviteUsage", "new_invite"]


@dataclasses.dataclass
class _Unacknowledged:
    request: Request
    response: Response
    again_at: float
    interval: float
    until: float


class InviteUsage(Inviting):
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
        super().__init__(invite, contact, local_tag, ours=ours, dice=dice, login=login, session_s=session_s)
        self.dialog = None if ours else Dialog.of_server(invite, local_tag, contact)
        if not ours:
            self._note_allowed(invite)
        self._unacknowledged: dict[int, _Unacknowledged] = {}
        self._parting: tuple[EndReason, tuple[Header, ...]] | None = None  # a BYE that waits for the ACK
        self._reliable = Reliable(1 + int(dice() * 1_000_000))
        self._deferred: tuple[tuple[Header, ...], bytes] | None = None  # a 2xx that waits for a PRACK
        self._described_early = False  # offer and answer are done before the 2xx

    @property
    def parting(self) -> bool:
        """Whether our BYE waits for the peer's ACK."""
        return self._parting is not None and self.state == "accepted"

    # ─── commands of the owner ───────────────────────────────────────────────────────────────────────────────────────

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
            if request.method != "PRACK":
                self._retarget(request)
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
        dialog = self.dialog or self._early(request.from_tag)
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
        if entry is not None and b"v=0" not in entry.request.body and self.state == "up":
            return [AnswerCame(ack)]
        return []

    def _awaits_answer(self) -> bool:
        return any(b"v=0" not in entry.request.body for entry in self._unacknowledged.values())

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

    def _may_update_early(self) -> bool:
        return self._described_early or super()._may_update_early()

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
