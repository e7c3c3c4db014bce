"""A party that is a SIP leg: what holds for those that ring us and for those that we ring, once the call stands."""

import re
from collections.abc import Callable
from typing import Protocol

from media.bridge.description import Description, FarLine, far_line, meeting
from media.bridge.party import Direction, HungUp, PartyEvent, Pressed, TransferAsked, Turned
from media.bridge.rtp_line import RtpLine, ignore
from media.bridge.telephone_events import info_body, read_info
from media.rtp import RtpPacket
from media.session import AudioCodec
from media.sip import effects
from media.sip.bodies import Unacceptable, read_body
from media.sip.endpoint import Endpoint
from media.sip.leg import Leg
from media.sip.liveness import Liveness
from media.sip.message import Request, Response, reason_header
from media.sip.referral import Replaces, parse_refer
from media.sip.sdp import Sdp, parse_sdp
from media.srtp import agreed_keys

SDP = ("Content-Type", "application/sdp")
_CAUSES = {"shutdown": 503, "error": 500, "peer_vanished": 408, "rejected": 480, "no_ack": 408}
_OFFERS = 5
"""How often a turn is offered to a peer that refuses it."""
_AGAIN_S = 2.0
"""Before it is offered again, where the refusal names no time."""
_LATEST_S = 30.0
"""However late the refusal names: meanwhile people who mean to talk hear nothing."""


class Switchboard(Protocol):
    """What holds the parties (`media.bridge.exchange`)."""

    endpoint: Endpoint

    def rtp_address(self, peer_host: str) -> str:
        """Our address for `c=`, towards that peer."""

    def call_of(self, replaces: Replaces) -> str:
        """Id of the bridged call whose leg that is; empty: none."""

    def stands(self, party: "SipParty") -> None:
        """Its dialog is established, or has changed."""

    def gone(self, party: "SipParty") -> None:
        """Its signalling is over."""


class SipParty:
    """Common to both kinds. Its RTP line is closed when it ends."""

    def __init__(self, board: Switchboard, line: RtpLine, description: Description, aor: str, name: str) -> None:
        self.aor, self.name, self.organisation = aor, name, ""
        self.withheld = False
        self.hear: Callable[[PartyEvent], None] = ignore
        self.leg: Leg | None = None
        self._board, self._line, self._description = board, line, description
        self._far: FarLine | None = None
        self._codec: AudioCodec | None = None
        self._turned: Direction = "sendrecv"
        """As the peer has turned by itself."""
        self._wanted: Direction = "sendrecv"
        """As the other side of the call has turned."""
        self._told: Direction = "sendrecv"
        """What of that the peer was told."""
        self._agreed: Direction = "sendrecv"
        """What of that it has taken."""
        self._refusals, self._again_at = 0, 0.0
        self._liveness = Liveness()
        self._over = False
        line.pressed = self._pressed

    @property
    def voice(self) -> Callable[[RtpPacket], None]:
        return self._line.voice

    @voice.setter
    def voice(self, heard: Callable[[RtpPacket], None]) -> None:
        self._line.voice = heard

    # ─── the call's commands ─────────────────────────────────────────────────────────────────────────────────────────

    def play(self, packet: RtpPacket) -> None:
        self._line.play(packet)

    def press(self, key: str, duration_ms: int) -> None:
        if self._line.takes_keys:
            self._line.press(key, duration_ms)
        elif self.leg is not None and not self._over:
            self.leg.run(self.leg.usage.inform("application/dtmf-relay", info_body(key, duration_ms)))

    def turn(self, direction: Direction) -> None:
        self._wanted = direction
        self._refusals, self._again_at = 0, 0.0
        self._turn_peer()

    def transferred(self, status: int) -> None:
        if self.leg is not None and status > 100:  # that one went with the 202
            self.leg.run(self.leg.usage.tell_referrer(status, self._now()))

    def hang_up(self, reason: str, status: int = 0) -> None:
        if self._over:
            return
        self._over = True
        self._line.close()
        if self.leg is not None:
            self._end(self.leg, status, reason_header(status or _CAUSES.get(reason, 200), reason))

    def _end(self, leg: Leg, status: int, reason: tuple[str, str]) -> None:
        leg.run(leg.usage.bye("bye", reason))

    def tick(self, now: float, silence_s: float, dead_s: float) -> None:
        """Tells the peer what it could not be told before, and probes one that has fallen silent."""
        if self._over or self.leg is None or self.leg.usage.state != "up":
            return
        self._turn_peer()
        self._liveness.check(self.leg, self._line.last_packet_at, now, silence_s, dead_s)

    def _now(self) -> float:
        return self._board.endpoint.clock()

    # ─── what the peer's signalling says ─────────────────────────────────────────────────────────────────────────────

    def _tell(self, event: PartyEvent) -> None:
        if not self._over:
            self.hear(event)

    def _pressed(self, key: str, duration_ms: int) -> None:
        self._tell(Pressed(key, duration_ms))

    def _heard(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Ended):
            self._ended(effect)
        elif self._over:
            self._decline(effect)
        elif isinstance(effect, effects.Asked):
            self._asked(effect.request)
        elif isinstance(effect, effects.Answered):
            self._answered(effect)
        elif isinstance(effect, effects.AnswerCame):
            self._answer_came(effect.request)
        elif isinstance(effect, effects.Referred):
            self._referred(effect.request)
        elif isinstance(effect, effects.Informed):
            pressed = read_info(effect.request.content_type, effect.request.body)
            if pressed is not None:
                self._pressed(*pressed)
        elif isinstance(effect, effects.Refreshed):
            self._alive()
            self._board.stands(self)
        elif isinstance(effect, effects.Unanswered):
            self._unanswered()

    def _decline(self, effect: effects.Effect) -> None:
        """The peer asks while we hang up."""
        if self.leg is not None and isinstance(effect, effects.Asked | effects.Referred):
            self.leg.run(self.leg.usage.refuse(effect.request, 487))

    def _asked(self, request: Request) -> None:
        """A re-INVITE or UPDATE: hold, another address, a refresh, or a question for our description."""
        assert self.leg is not None
        machine, now = self.leg.usage, self._now()
        try:
            offer = read_body(request).sdp
            if offer is not None:
                body = self._take_offer(offer)
            else:
                body = b"" if request.method == "UPDATE" else self._say_turn()
        except Unacceptable as error:
            self.leg.run(machine.refuse(request, error.status, *error.headers))
            return
        self._alive()
        self.leg.run(machine.accept(request, now, *((SDP,) if body else ()), body=body))
        self._board.stands(self)
        if offer is not None:
            self._note_turn()

    def _take_offer(self, offer: Sdp) -> bytes:
        """Our answer. Raises `Unacceptable`."""
        far = far_line(offer)
        if far is None or self._codec is None or self._codec not in far.numbers:
            raise Unacceptable(488)
        try:
            direction = meeting(far.direction, self._wanted)
            answer, keys = self._description.answer(offer, far, self._codec, direction, self._line.keys)
        except ValueError:
            raise Unacceptable(488) from None
        self._told = self._agreed = self._wanted
        self._far = far
        self._line.agree(far, self._codec, keys)
        return answer

    def _note_turn(self) -> None:
        """The peer's own part in the direction: it cannot but mirror what it was told."""
        if self._far is None:
            return
        told_sends, told_hears = self._told in ("sendrecv", "sendonly"), self._told in ("sendrecv", "recvonly")
        sends = self._far.direction in ("sendrecv", "sendonly") or not told_hears
        hears = self._far.direction in ("sendrecv", "recvonly") or not told_sends
        turned: Direction = "sendrecv" if sends and hears else "sendonly" if sends else "recvonly"
        turned = turned if sends or hears else "inactive"
        if turned != self._turned:
            self._turned = turned
            self._tell(Turned(turned))

    def _turn_peer(self) -> None:
        """Offers the other side's direction, unless it is told already. While another offer is open, or once it was
        refused: later."""
        if self._wanted == self._told or self._over or self.leg is None or self.leg.usage.state != "up":
            return
        if self._refusals >= _OFFERS or self._now() < self._again_at:
            return
        try:
            wanted = self.leg.usage.reinvite(self._say_turn, SDP)
        except ValueError:
            return
        self.leg.run(wanted)

    def _say_turn(self) -> bytes:
        """An offer of ours within the call."""
        self._told = self._wanted
        return self._description.again(self._told)

    def _answer_came(self, ack: Request) -> None:
        """To our offer in the 2xx to a re-INVITE without one (RFC 3261 §14.2): a hold or its end, as by an offer."""
        self._agreed = self._told
        self._take_answer(ack.body)
        self._board.stands(self)
        self._note_turn()
        self._turn_peer()

    def _answered(self, effect: effects.Answered) -> None:
        self._alive()
        if effect.request.method == "INVITE":
            if effect.response.success:
                self._agreed = self._told
                self._take_answer(effect.response.body)
            else:
                self._refused(effect.response)
        self._board.stands(self)
        self._turn_peer()

    def _refused(self, response: Response) -> None:
        """What stood before stands (RFC 3261 §14.1): a hold or its end that is not offered again leaves silence."""
        self._told = self._agreed
        self._refusals += 1
        self._again_at = self._now() + again_s(response)

    def _take_answer(self, body: bytes) -> None:
        """To an offer within the call; what cannot be read changes nothing."""
        try:
            far = far_line(parse_sdp(body))
            if far is None or self._codec is None or self._codec not in far.numbers:
                return
        except ValueError:
            return
        keys = self._line.keys
        self._far = far
        self._line.agree(far, self._codec, (agreed_keys(keys.ours, far.crypto) or keys) if keys else None)

    def _referred(self, request: Request) -> None:
        assert self.leg is not None
        target = parse_refer(request)  # checked by the usage
        call_id = self._board.call_of(target.replaces) if target.replaces else ""
        if not target.uri.lower().startswith(("sip:", "sips:", "tel:")) or (target.replaces and not call_id):
            self.leg.run(self.leg.usage.refuse(request, 603))
            return
        self.leg.run(self.leg.usage.accept_refer(request, self._now()))
        self._tell(TransferAsked(target.uri, call_id))

    # ─── life and end ────────────────────────────────────────────────────────────────────────────────────────────────

    def _alive(self) -> None:
        self._liveness.answered(self._now())

    def _unanswered(self) -> None:
        if self.leg is not None:
            self._liveness.unanswered(self.leg, self._line.last_packet_at)

    def _ended(self, effect: effects.Ended) -> None:
        self._board.gone(self)
        self._finish(HungUp(_WORDS.get(effect.reason, effect.reason)))

    def _finish(self, event: PartyEvent) -> None:
        self._line.close()
        if not self._over:
            self._over = True
            self.hear(event)


def again_s(refusal: Response) -> float:
    """Seconds until a turn that was refused so is offered again."""
    named = re.match(r"\d{1,5}", refusal.headers.get("Retry-After").strip())
    return min(max(1.0, float(named[0])), _LATEST_S) if named else _AGAIN_S


_WORDS = {"no_ack": "peer_vanished", "timeout": "peer_vanished", "rejected": "error"}
"""Ends of a SIP dialog in the words of parties."""
