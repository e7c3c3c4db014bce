"""The leg that is to take the place of a call's present one: an INVITE with Replaces (RFC 3891), or our own INVITE
after a REFER (RFC 3515). The call's sound goes on in the same session, its streams keep their names."""

import secrets
from typing import Protocol

from engine.ports.intake import Participant
from media.session import StreamOffer
from media.sip import effects, usage
from media.sip.address import aor_of, parse_address
from media.sip.bodies import Unacceptable, read_body
from media.sip.digest import Login
from media.sip.endpoint import Endpoint
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Request, Response
from media.sip.referral import Target
from media.sip.sdp import Sdp, parse_sdp
from media.siprec import asserted_identity

_SDP = ("Content-Type", "application/sdp")


class Call(Protocol):
    """The call whose leg is to change."""

    def stream_by(self, theirs: Sdp) -> StreamOffer | None:
        """What the new leg's description would make of the call's stream; None: nothing of it can be heard."""

    def stream_by_answer(self, theirs: Sdp) -> StreamOffer | None:
        """Likewise its answer to our INVITE."""

    def own_answer(self, theirs: Sdp, stream: StreamOffer) -> bytes:
        """Our description for the new leg."""

    def progressed(self, takeover: "Takeover", status: int) -> None:
        """The new leg stands at that status; from 300 on it is over, and the present leg stays."""

    def succeeded(self, takeover: "Takeover") -> None:
        """The new leg stands."""

    def hear(self, effect: effects.Effect) -> None:
        """What the leg says once it is the call's own."""


class Takeover:
    """`answer` or `place` it; the call hears how it goes."""

    def __init__(
        self, call: Call, endpoint: Endpoint, invite: Request, contact: str, tag: str, flow: Flow, login: Login | None
    ) -> None:
        self._call, self._endpoint = call, endpoint
        dice = secrets.SystemRandom().random
        machine = usage.InviteUsage(invite, contact, tag, ours=login is not None, dice=dice, login=login)
        self.leg = Leg(endpoint, machine, flow, self._hear)
        self.streams: tuple[StreamOffer, ...] = ()
        self.offer: Sdp | None = None
        """The other side's description."""
        self.described = b""
        """Ours."""
        self._stands = False

    @property
    def party(self) -> Participant:
        """Who it is that we hear from now on."""
        machine = self.leg.usage
        if machine.dialog is not None and machine.invite.from_tag == machine.local_tag:
            aor, name = aor_of(parse_address(machine.invite.headers.get("To")).uri), ""
        else:
            aor, name = asserted_identity(machine.invite.headers)
        return Participant(self.streams[0].stream, 0, aor, name)

    async def answer(self) -> None:
        """The other side's INVITE with Replaces, one leg of sound. What is heard stays as it is until the new leg
        stands: the INVITE may still be cancelled (RFC 3891 §3)."""
        machine = self.leg.usage
        try:
            offer = read_body(machine.invite).sdp
            stream = self._call.stream_by(offer) if offer is not None else None
            if offer is None or stream is None:
                raise Unacceptable(488)
        except Unacceptable as error:
            self.leg.run(machine.refuse(machine.invite, error.status, *error.headers))
            return
        self.streams, self.offer = (stream,), offer
        self.described = self._call.own_answer(offer, stream)
        self.leg.run(machine.accept(machine.invite, self._endpoint.clock(), _SDP, body=self.described))

    def place(self) -> None:
        """Our INVITE."""
        self.described = self.leg.usage.invite.body
        self.leg.run(self.leg.usage.start())

    def abandon(self) -> None:
        """The call is over meanwhile."""
        self.leg.run(self.leg.usage.bye("cancelled"))

    def _hear(self, effect: effects.Effect) -> None:
        if self._stands:
            self._call.hear(effect)
        elif isinstance(effect, effects.Progress):
            self._call.progressed(self, effect.response.status)
        elif isinstance(effect, effects.Established):
            self._established(effect.response)
        elif isinstance(effect, effects.Ended):
            self._call.progressed(self, max(300, effect.response.status if effect.response else 487))

    def _established(self, response: Response | None) -> None:
        if response is not None:
            try:
                self.offer = parse_sdp(response.body)
            except ValueError:
                self.offer = None
            stream = self._call.stream_by_answer(self.offer) if self.offer else None
            self.streams = (stream,) if stream else ()
        if not self.streams:
            self.leg.run(self.leg.usage.bye("error"))
            return
        self._stands = True
        self._call.succeeded(self)


def invite_for(target: Target, referred_by: str, contact: str, tag: str, body: bytes, host: str) -> Request:
    """The INVITE that a REFER asks for (RFC 3515 §2.4.2, RFC 3892)."""
    extra = [("Referred-By", referred_by), _SDP]
    if target.replaces is not None:
        extra.append(("Replaces", target.replaces.text))
    call_id = f"{secrets.token_hex(12)}@{host}"
    local = f"<sip:welcomedly@{host}>;tag={tag}"
    return usage.new_invite(target.uri, local, f"<{target.uri}>", call_id, contact, *extra, body=body)
