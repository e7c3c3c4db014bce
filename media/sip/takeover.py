"""The leg that is to take the place of a call's present one: an INVITE with Replaces (RFC 3891), or our own INVITE
after a REFER (RFC 3515). The call's sound goes on in the same session, its streams keep their names."""

import secrets
from typing import Protocol

from engine.errors import Overloaded
from engine.ports.intake import Participant
from media.session import MediaSession, StreamOffer
from media.sip import effects, usage
from media.sip.address import aor_of, parse_address
from media.sip.bodies import Unacceptable, read_body
from media.sip.digest import Login
from media.sip.endpoint import Endpoint
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Request, Response
from media.sip.negotiation import Answerer, negotiate
from media.sip.referral import Target
from media.sip.sdp import Sdp, parse_sdp
from media.siprec import asserted_identity

_SDP = ("Content-Type", "application/sdp")


class Call(Protocol):
    """The call whose leg is to change."""

    @property
    def session(self) -> MediaSession | None: ...

    @property
    def answerer(self) -> Answerer: ...

    @property
    def names(self) -> dict[int, str]: ...

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
        return Participant(self.streams[0].stream, self.streams[0].position, aor, name)

    async def answer(self) -> None:
        """The other side's INVITE with Replaces, one leg of sound."""
        machine, session = self.leg.usage, self._call.session
        try:
            offer = read_body(machine.invite).sdp
            if offer is None or session is None:
                raise Unacceptable(488)
            self.streams, self.offer = negotiate(offer, self._call.names, lines=1), offer
            if not self.streams:
                raise Unacceptable(488)
            await session.update(self.streams)
        except Unacceptable as error:
            self.leg.run(machine.refuse(machine.invite, error.status, *error.headers))
            return
        except Overloaded:
            self.leg.run(machine.refuse(machine.invite, 503, ("Retry-After", "10")))
            return
        self.described = self._call.answerer.answer(offer, self.streams, session.local_ports()).to_bytes()
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
            self.streams = negotiate(self.offer, self._call.names, lines=1) if self.offer else ()
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
