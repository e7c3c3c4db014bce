"""A SIP party that we ring: a telephone, or somebody behind a trunk."""

import dataclasses
import secrets

from media.bridge.description import Description, far_line
from media.bridge.party import WITHHELD, Answered, EarlyMedia, Invitation, Refused, Ringing
from media.bridge.rtp_line import RtpLine
from media.bridge.sip_party import SDP, SipParty, Switchboard
from media.session import AudioCodec
from media.sip import effects, usage
from media.sip.digest import Login
from media.sip.endpoint import new_tag
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Response, reason_header
from media.sip.sdp import parse_sdp
from media.siprec_source import correlation_headers

_SESSION_S = 1_800
"""RFC 4028 §4's recommendation: so long at most is a peer that vanished thought to be there."""
_NOT_OURS_TO_TELL = {401, 407, 422, 482, 483, 488, 491, 493, 494}
"""Refusals of our leg that would mislead the caller about its own."""


@dataclasses.dataclass(frozen=True)
class Destination:
    """Where and as whom a SIP party is rung."""

    uri: str
    flow: Flow
    aor: str
    login: Login
    caller: str = ""
    """User that is shown as calling; empty: the caller's own."""
    protected: bool = False
    """SRTP or nothing (SDES)."""


class SipCallee(SipParty):
    """From `ring` on."""

    def __init__(self, board: Switchboard, line: RtpLine, to: Destination) -> None:
        description = Description(board.rtp_address(to.flow.host), line.number, protected=to.protected)
        super().__init__(board, line, description, to.aor, "")
        self._to = to
        self._codecs: tuple[AudioCodec, ...] = ()
        self._early = self._answered_call = False

    def ring(self, invitation: Invitation) -> None:
        if self.leg is not None or self._over:
            return
        self._codecs = invitation.codecs
        to, endpoint, tag = self._to, self._board.endpoint, new_tag()
        host = endpoint.sent_by(to.flow)
        secure = to.uri.lower().startswith("sips:")
        contact = f"<{endpoint.contact('welcomedly', to.flow, secure=secure)}>"
        user = to.caller or _user(invitation.from_aor)
        name = "" if to.caller else _display_name(invitation.from_name)
        scheme = "sips" if secure else "sip"
        # whoever passes the call on is to withhold it as well (RFC 3325 §9.3)
        privacy = (("Privacy", "id"),) if invitation.from_aor == WITHHELD and not to.caller else ()
        invite = usage.new_invite(
            to.uri,
            f"{name}<{scheme}:{user}@{host}>;tag={tag}",
            f"<{to.uri}>",
            f"{secrets.token_hex(12)}@{host}",
            contact,
            SDP,
            *correlation_headers(invitation.correlation),
            *privacy,
            body=self._description.offer(invitation.codecs),
        )
        invite = invite.changed(headers=invite.headers.setting("Max-Forwards", str(invitation.hops)))
        dice = secrets.SystemRandom().random
        machine = usage.InviteUsage(invite, contact, tag, ours=True, dice=dice, login=to.login, session_s=_SESSION_S)
        self.leg = Leg(endpoint, machine, to.flow, self._heard)
        self.leg.run(machine.start())

    def progress(self, codec: AudioCodec | None) -> bool:
        """It is the one that is rung."""
        return False

    def accept(self, codec: AudioCodec) -> None:
        """Likewise."""

    def _heard(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Progress) and not self._over:
            self._progressed(effect.response)
        elif isinstance(effect, effects.Established) and not self._over and effect.response is not None:
            self._established(effect.response)
        else:
            super()._heard(effect)

    def _progressed(self, response: Response) -> None:
        if response.status == 100:
            return
        if response.content_type == "application/sdp" and self._agree(response.body):
            assert self._codec is not None
            self._early = True
            self._tell(EarlyMedia(self._codec))
        else:
            self._tell(Ringing())

    def _established(self, response: Response) -> None:
        if not (self._agree(response.body) if response.body else self._early):
            self._finish_unheard()
            return
        assert self._codec is not None
        self._answered_call = True
        self._alive()
        self._board.stands(self)
        self._tell(Answered(self._codec))
        self._note_turn()

    def _agree(self, body: bytes) -> bool:
        try:
            far = far_line(parse_sdp(body))
            known = [codec for codec in far.numbers if codec in self._codecs] if far else []
            if far is None or not known:
                return False
            # What was heard early may be all that the caller can take by now, wherever an answer has it.
            codec = self._codec if self._codec in known else known[0]
            keys = self._description.keys(far)
        except ValueError:
            return False
        self._far, self._codec = far, codec
        self._line.agree(far, codec, keys)
        return True

    def _finish_unheard(self) -> None:
        """It answered with nothing that we could hear."""
        assert self.leg is not None
        leg = self.leg
        self._finish(Refused(480, "no usable answer"))
        leg.run(leg.usage.bye("error", reason_header(488, "no usable answer")))

    def _ended(self, effect: effects.Ended) -> None:
        if self._answered_call:
            super()._ended(effect)
            return
        self._board.gone(self)
        status = effect.response.status if effect.response else 408
        shown = status if 400 <= status < 700 and status not in _NOT_OURS_TO_TELL else 480
        self._finish(Refused(shown))


def _user(aor: str) -> str:
    """The user part, as a SIP URI may have it."""
    user = aor.partition("@")[0] if "@" in aor or "." not in aor else ""  # a host alone names nobody
    return "".join(char for char in user if char.isascii() and (char.isalnum() or char in "+-_.!~*'()")) or "anonymous"


def _display_name(name: str) -> str:
    """In front of an address, as a header may have it: a line break would be the beginning of another header."""
    shown = "".join(char for char in name if char.isprintable() and char not in '"\\').strip()
    return f'"{shown.encode().decode("latin-1")}" ' if shown else ""
