"""Transfers of one plain call: by the peer's REFER (RFC 3515), or by another's INVITE with Replaces (RFC 3891)."""

from typing import Protocol

from media.session import StreamOffer
from media.sip import effects
from media.sip.address import parse_address
from media.sip.agreement import Agreement
from media.sip.digest import Login
from media.sip.endpoint import Endpoint, new_tag
from media.sip.hop import hop_of
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Request, reason_header
from media.sip.referral import EXPIRES_S, parse_refer
from media.sip.sdp import Sdp
from media.sip.takeover import Takeover, invite_for


class Owner(Protocol):
    """The server that keeps the call."""

    endpoint: Endpoint

    def login_at(self, host: str) -> Login:
        """Our answers to the challenges of the trunk at that address."""


class Call(Protocol):
    """The call that is transferred."""

    leg: Leg
    agreement: Agreement

    @property
    def cannot_move(self) -> int: ...

    def own_offer(self) -> bytes: ...

    def own_answer(self, theirs: Sdp, stream: StreamOffer) -> bytes: ...

    def moved(self, takeover: Takeover) -> None: ...

    def unmoved(self) -> None:
        """The other leg has come to nothing."""

    def hear(self, effect: effects.Effect) -> None: ...


class Transfers:
    """One at a time. The call's present leg stays until the new one stands."""

    def __init__(self, call: Call, owner: Owner) -> None:
        self._call, self._owner = call, owner
        self._pending: Takeover | None = None
        self._until = 0.0

    @property
    def pending(self) -> bool:
        return self._pending is not None

    def stream_by(self, theirs: Sdp) -> StreamOffer | None:
        return self._call.agreement.stream_by(theirs)

    def stream_by_answer(self, theirs: Sdp) -> StreamOffer | None:
        return self._call.agreement.stream_by_answer(theirs)

    def own_answer(self, theirs: Sdp, stream: StreamOffer) -> bytes:
        return self._call.own_answer(theirs, stream)

    def hear(self, effect: effects.Effect) -> None:
        self._call.hear(effect)

    def take_over(self, invite: Request, flow: Flow) -> Takeover | None:
        """The leg of an INVITE that names this call, to be answered; None: it has been refused."""
        endpoint = self._owner.endpoint
        refusal = self._call.cannot_move or (491 if self._pending else 0)
        if refusal:
            endpoint.respond(invite, invite.respond(refusal, to_tag=new_tag()))
            return None
        contact = f"<{endpoint.contact('welcomedly', flow)}>"
        return self._begin(Takeover(self, endpoint, invite, contact, new_tag(), flow, None))

    def refer(self, request: Request) -> None:
        """We call whom the peer names. The call stays on the trunk unless the target is a peer that we allow. Our offer
        has no handshake, without which a line with one has no port."""
        call, endpoint, target = self._call, self._owner.endpoint, parse_refer(request)
        refusal = call.cannot_move or (491 if self._pending else 0)
        if refusal or call.agreement.by_handshake or not target.uri.lower().startswith(("sip:", "sips:")):
            call.leg.run(call.leg.usage.refuse(request, refusal or 603))
            return
        hop = hop_of(target.uri, call.leg.flow.transport)
        direct = hop.numeric and endpoint.admits(hop.host)
        flow = Flow(hop.transport, hop.host, hop.port) if direct else call.leg.flow
        contact, tag = f"<{endpoint.contact('welcomedly', flow)}>", new_tag()
        referred_by = f"<{parse_address(request.headers.get('From')).uri}>"
        invite = invite_for(target, referred_by, contact, tag, call.own_offer(), endpoint.sent_by(flow))
        call.leg.run(call.leg.usage.accept_refer(request, endpoint.clock()))
        login = self._owner.login_at(flow.host)
        self._begin(Takeover(self, endpoint, invite, contact, tag, flow, login)).place()

    def _begin(self, takeover: Takeover) -> Takeover:
        self._pending, self._until = takeover, self._owner.endpoint.clock() + EXPIRES_S
        return takeover

    def check(self, now: float) -> None:
        """Gives up one that takes longer than may be, for a call that waits for nothing else."""
        if self._pending is not None and now >= self._until:
            self._until = float("inf")
            self._pending.abandon()

    def progressed(self, takeover: Takeover, status: int) -> None:
        if status > 100:
            self._tell(self._call.leg, status)
        if status >= 300:
            self._pending = None
            self._call.unmoved()

    def succeeded(self, takeover: Takeover) -> None:
        self._pending, before = None, self._call.leg
        self._tell(before, 200)
        before.hear = lambda effect: None  # its end is not the call's
        self._call.moved(takeover)
        before.run(before.usage.bye("bye", reason_header(200, "call transferred")))

    def _tell(self, leg: Leg, status: int) -> None:
        leg.run(leg.usage.tell_referrer(status, self._owner.endpoint.clock()))

    def abandon(self) -> None:
        """The call is over."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.abandon()
