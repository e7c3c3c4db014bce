"""A SIP party that rings us."""

import re
import secrets

from media.bridge.description import Description, far_line, meeting
from media.bridge.party import HungUp, Invitation
from media.bridge.rtp_line import RtpLine
from media.bridge.sip_party import SDP, SipParty, Switchboard
from media.session import AudioCodec
from media.sip import effects, usage
from media.sip.bodies import Unacceptable, read_body
from media.sip.endpoint import new_tag
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Request
from media.sip.sdp import Sdp, parse_sdp
from media.srtp import choose_keys

_BY_DEFAULT: tuple[AudioCodec, ...] = ("PCMU", "PCMA")
"""What a caller without an offer is taken to speak."""


class SipCaller(SipParty):
    """From its INVITE on."""

    def __init__(self, board: Switchboard, line: RtpLine, invite: Request, flow: Flow, aor: str, name: str) -> None:
        super().__init__(board, line, Description(board.rtp_address(flow.host), line.number), aor, name)
        self.withheld = _withholds(invite)
        secure = invite.uri.lower().startswith("sips:")
        contact = f"<{board.endpoint.contact('welcomedly', flow, secure=secure)}>"
        self._machine = usage.InviteUsage(invite, contact, new_tag(), ours=False, dice=secrets.SystemRandom().random)
        self.leg = Leg(board.endpoint, self._machine, flow, self._heard)
        self._offer: Sdp | None = None
        self._described = b""

    def codecs(self) -> tuple[AudioCodec, ...]:
        """What it can send and hear, its best first; it is told to wait. Raises `Unacceptable` when its INVITE cannot
        be taken."""
        invite = self._machine.invite
        self._run(self._machine.ring(100))
        if objection := self._machine.timer.objection(invite):
            raise Unacceptable(422, *objection)
        self._offer = read_body(invite).sdp
        if self._offer is None:
            return _BY_DEFAULT
        self._far = far_line(self._offer)
        if self._far is None:
            raise Unacceptable(488, ("Warning", '304 welcomedly "an audio codec that we know is needed"'))
        if self._far.protected and choose_keys(self._far.crypto) is None:
            raise Unacceptable(488, ("Warning", '304 welcomedly "a key by SDES that we know is needed"'))
        return tuple(self._far.numbers)

    def refuse(self, status: int, *headers: tuple[str, str]) -> None:
        """Answers its INVITE when no call is made of it."""
        self._over = True
        self._line.close()
        self._run(self._machine.refuse(self._machine.invite, status, *headers))

    def ring(self, invitation: Invitation) -> None:
        """It is the one that rings."""

    def progress(self, codec: AudioCodec | None) -> bool:
        if self._over:
            return False
        if codec is not None and self._offer is not None and self._describe(codec):
            self._run(self._machine.ring(183, SDP, now=self._now(), body=self._described, reliable=True))
            return True
        if not self._described:
            self._run(self._machine.ring(180))
        return False

    def accept(self, codec: AudioCodec) -> None:
        if not self._over and self._describe(codec):
            self._run(self._machine.accept(self._machine.invite, self._now(), SDP, body=self._described))
            self._board.stands(self)

    def _describe(self, codec: AudioCodec) -> bool:
        """Our description, once and for all before the call stands; False: the party is gone, since none fits."""
        if self._described:
            return True
        self._codec = codec
        if self._offer is None or self._far is None:
            self._described = self._description.offer((codec,))
            return True
        direction = meeting(self._far.direction, "sendrecv")
        try:
            self._described, keys = self._description.answer(self._offer, self._far, codec, direction)
        except ValueError:
            self._run(self._machine.refuse(self._machine.invite, 488))
            return False
        self._line.agree(self._far, codec, keys)
        return True

    def _run(self, wanted: list[effects.Effect]) -> None:
        assert self.leg is not None
        self.leg.run(wanted)

    def _end(self, leg: Leg, status: int, reason: tuple[str, str]) -> None:
        if self._machine.state == "offered":
            self._run(self._machine.refuse(self._machine.invite, status or 480, reason))
        else:
            super()._end(leg, status, reason)

    def _heard(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Established) and not self._over:
            self._established(effect)
        else:
            super()._heard(effect)

    def _established(self, effect: effects.Established) -> None:
        self._alive()
        if self._offer is None:
            self._take_first_answer(effect.ack.body if effect.ack else b"")
        self._note_turn()
        self._turn_peer()

    def _take_first_answer(self, body: bytes) -> None:
        try:
            far = far_line(parse_sdp(body))
        except ValueError:
            far = None
        if far is None or self._codec is None or self._codec not in far.numbers:
            self.hear(HungUp("error"))
            self.hang_up("error", 488)
            return
        self._far = far
        self._line.agree(far, self._codec, None)


def _withholds(invite: Request) -> bool:
    """RFC 3323 §4.2, RFC 3325 §9.3."""
    asked = {word.strip().lower() for value in invite.headers.all("Privacy") for word in re.split("[;,]", value)}
    return not asked.isdisjoint(("id", "user", "header"))
