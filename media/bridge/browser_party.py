"""An agent's browser as one side of a bridged call: sound over WebRTC, all else as messages of the desk's socket.

G.711 goes through as it came. When the other side speaks the other law, each octet is looked up in a table; other
codecs are offered to the browser only where they are the other side's own. Nothing is decoded and nothing waits.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from media.bridge import laws
from media.bridge import phone_messages as say
from media.bridge.party import (
    Answered,
    Direction,
    HungUp,
    Invitation,
    PartyEvent,
    Pressed,
    Refused,
    Ringing,
    Taken,
    TransferAsked,
    Turned,
)
from media.bridge.renumbering import Renumbering
from media.codecs import CODECS
from media.rtp import RtpPacket
from media.session import AudioCodec
from media.webrtc.description import read_offer
from media.webrtc.leg import TIMES, LegState, WebRtcLeg
from media.webrtc.ports import LegPorts

State = Literal["new", "ringing", "dialling", "taken", "up", "over"]
"""`taken` is accepted by the agent, while the sound path is still being made: the caller hears the ringing until then,
so that no word is lost."""

DIALLED: tuple[AudioCodec, ...] = ("PCMU", "PCMA")
"""What a browser that dials can send and hear."""
GRACE_S = 10.0
"""For how long the other side waits for a browser that has let go of its path: one that is reloaded offers again."""


def _ignore(_: object) -> None:
    """Before a call has set who hears."""


class BrowserParty:
    """Implements `media.bridge.party.Party`. What the browser says comes to the methods at the end."""

    def __init__(
        self,
        aor: str,
        name: str,
        organisation: str,
        ports: LegPorts,
        *,
        tell: Callable[[say.ToBrowser], None],
        over: Callable[[str], None],
        grace_s: float = GRACE_S,
    ) -> None:
        """`tell` reaches the browser, or nobody while it is away; `over` is told the call's id once, at the end."""
        self.aor, self.name, self.organisation = aor, name, organisation
        self.withheld = False
        self.hear: Callable[[PartyEvent], None] = _ignore
        self.voice: Callable[[RtpPacket], None] = _ignore
        self.state: State = "new"
        self._ports, self._tell, self._over, self._grace_s = ports, tell, over, grace_s
        self._way: Literal["in", "out"] = "in"
        self._invitation: Invitation
        self._codec: AudioCodec | None = None
        """Of the call."""
        self._leg: WebRtcLeg | None = None
        self._numbers = Renumbering(8000)
        self._to_call: bytes | None = None
        self._to_browser: bytes | None = None
        self._held = False
        self._up_at = 0.0
        self._grace: asyncio.TimerHandle | None = None

    @property
    def call_id(self) -> str:
        return self._invitation.call_id

    # ─── what the call says ──────────────────────────────────────────────────────────────────────────────────────────

    def ring(self, invitation: Invitation) -> None:
        if self.state == "new":
            self._invitation, self.state = invitation, "ringing"
            self._tell(say.Incoming(invitation.call_id, invitation.from_aor, invitation.to_aor, invitation.from_name))
            self.hear(Ringing())

    def progress(self, codec: AudioCodec | None) -> bool:
        if self.state == "dialling":
            if codec is not None:
                self._agree(codec)
            self._tell(say.Progress(self.call_id, early=codec is not None))
        return False  # whatever law the other side takes at last, it is looked up for the browser

    def accept(self, codec: AudioCodec) -> None:
        if self.state == "dialling":
            self._agree(codec)
            self._stands()

    def play(self, packet: RtpPacket) -> None:
        leg = self._leg
        if leg is None or self._held or self._codec is None:
            return
        sequence, timestamp, marker = self._numbers.place(packet, time.monotonic())
        payload = packet.payload.translate(self._to_browser) if self._to_browser else packet.payload
        leg.send(RtpPacket(leg.payload_type, sequence, timestamp, leg.ssrc, payload, marker))

    def press(self, key: str, duration_ms: int) -> None:
        if self.state == "up":
            self._tell(say.Press(self.call_id, key, duration_ms))  # type: ignore[arg-type]  # RFC 4733's sixteen

    def turn(self, direction: Direction) -> None:
        if self.state == "up":
            self._tell(say.Held(self.call_id, direction))

    def transferred(self, status: int) -> None:
        if self.state == "up":
            self._tell(say.Transferred(self.call_id, status))

    def hang_up(self, reason: str, status: int = 0) -> None:
        if self.state == "new":
            self.state = "over"
        elif self.state != "over":
            self._tell(say.Ended(self.call_id, reason, status))
            self._finish()

    # ─── what the browser says ───────────────────────────────────────────────────────────────────────────────────────

    def dialled(self, invitation: Invitation) -> None:
        """The agent calls out: the exchange is asked after this."""
        self._invitation, self.state, self._way = invitation, "dialling", "out"

    def offered(self, sdp: str) -> None:
        """The sound path, or another one. Raises `ValueError` for an offer that cannot be taken, `Overloaded`."""
        offer = read_offer(sdp.encode())
        wanted = (self._codec,) if self._codec else self._invitation.codecs
        browser, call = laws.choose(wanted, tuple(offer.payloads))
        self._close_leg()
        leg = self._leg = WebRtcLeg(self._ports, offer, browser, heard=self._heard, told=lambda s: self._told(leg, s))
        self._numbers = Renumbering(CODECS[browser].clock_hz)
        if self._way == "in":
            self._codec = call
        self._translate()
        self._tell(say.Answer(self.call_id, leg.answer.decode()))

    def taken(self) -> None:
        """The agent accepts the ringing call."""
        if self.state == "ringing":
            self.state = "taken"
            if self._leg is not None and self._leg.is_open:
                self._answer()
            else:
                self.hear(Taken(TIMES.opening_s))

    def declined(self) -> None:
        if self.state in ("ringing", "taken"):
            self._refuse(603, "declined")

    def turned(self, on_hold: bool) -> None:
        """While it holds, neither side hears the other."""
        if self.state == "up" and on_hold != self._held:
            self._held = on_hold
            self.hear(Turned("inactive" if on_hold else "sendrecv"))

    def pressed(self, key: str, duration_ms: int) -> None:
        if self.state == "up":
            self.hear(Pressed(key, max(40, min(duration_ms, 5_000))))

    def transfer(self, target: str, replaces: str = "") -> None:
        if self.state == "up":
            self.hear(TransferAsked(target, replaces))

    def hung_up(self, reason: str = "bye") -> None:
        """By the agent, or because the browser is gone (`peer_vanished`)."""
        if self.state in ("ringing", "taken"):
            self._refuse(480 if reason == "peer_vanished" else 603, reason)
        elif self.state in ("dialling", "up"):
            said = "cancelled" if self.state == "dialling" and reason == "bye" else reason
            self._tell(say.Ended(self.call_id, said))
            self._finish()
            self.hear(HungUp(said))

    def standing(self) -> say.CallState | None:
        """For a browser that came back; None when there is nothing to come back to."""
        state = self.state
        if state == "new" or state == "over":
            return None
        there = self._invitation
        address, name = (there.from_aor, there.from_name) if self._way == "in" else (there.to_aor, "")
        up_s = time.monotonic() - self._up_at if state == "up" else 0.0
        return say.CallState(self.call_id, self._way, state, address, name, self._held, up_s)

    @property
    def other(self) -> str:
        """Whom the agent talks to, as dialled or as they called."""
        return self._invitation.from_aor if self._way == "in" else self._invitation.to_aor

    # ─── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _agree(self, codec: AudioCodec) -> None:
        """The other side has taken it."""
        self._codec = codec
        self._translate()

    def _translate(self) -> None:
        if self._leg is not None and self._codec is not None:
            self._to_call = laws.table(self._leg.codec, self._codec)
            self._to_browser = laws.table(self._codec, self._leg.codec)

    def _heard(self, packet: RtpPacket) -> None:
        if self.state == "up" and not self._held:
            if self._to_call:
                payload = packet.payload.translate(self._to_call)
                packet = RtpPacket(
                    packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc, payload, packet.marker
                )
            self.voice(packet)

    def _told(self, leg: WebRtcLeg, state: LegState) -> None:
        if leg is not self._leg or self.state == "over":
            return
        if state == "open":
            if self._grace is not None:
                self._grace.cancel()
            if self.state == "taken":
                self._answer()
            return
        self._leg = None
        if state == "failed":
            self._tell(say.Error("no_sound", "no sound path to the browser came about", self.call_id))
        if state == "vanished" or (state == "failed" and self.state != "up"):
            self.hung_up("peer_vanished")
        elif self.state != "ringing":
            self._grace = asyncio.get_running_loop().call_later(self._grace_s, self.hung_up, "peer_vanished")

    def _answer(self) -> None:
        codec = self._codec
        assert codec is not None  # agreed on when the path was made
        self._stands()
        self.hear(Answered(codec))

    def _stands(self) -> None:
        self.state, self._up_at = "up", time.monotonic()
        self._tell(say.CallAnswered(self.call_id))

    def _refuse(self, status: int, reason: str) -> None:
        self._tell(say.Ended(self.call_id, reason, status))
        self._finish()
        self.hear(Refused(status, reason))

    def _finish(self) -> None:
        self.state = "over"
        if self._grace is not None:
            self._grace.cancel()
        self._close_leg()
        self._over(self.call_id)

    def _close_leg(self) -> None:
        leg, self._leg = self._leg, None
        if leg is not None:
            leg.close()
