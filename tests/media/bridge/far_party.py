"""Somebody on the other side of a bridged call who is no browser: writes down what is said, and speaks when told to."""

import asyncio
from collections.abc import Callable

from media.bridge.party import Answered, Direction, Invitation, PartyEvent, Ringing
from media.rtp import RtpPacket
from media.session import AudioCodec


class FarParty:
    """Implements `media.bridge.party.Party`."""

    def __init__(self, aor: str, codec: AudioCodec = "PCMU") -> None:
        self.aor, self.name, self.organisation = aor, "", ""
        self.withheld = False
        self.hear: Callable[[PartyEvent], None] = lambda event: None
        self.voice: Callable[[RtpPacket], None] = lambda packet: None
        self.invitation: Invitation | None = None
        self.accepted: AudioCodec | None = None
        self.played: list[RtpPacket] = []
        self.keys: list[str] = []
        self.turns: list[Direction] = []
        self.progressed = 0
        self.over: tuple[str, int] | None = None
        self._codec = codec
        self._changed = asyncio.Event()

    def ring(self, invitation: Invitation) -> None:
        self.invitation = invitation
        self.hear(Ringing())
        self._changed.set()

    def answer(self) -> None:
        self.hear(Answered(self._codec))

    def progress(self, codec: AudioCodec | None) -> bool:
        self.progressed += 1
        self._changed.set()
        return False

    def accept(self, codec: AudioCodec) -> None:
        self.accepted = codec
        self._changed.set()

    def play(self, packet: RtpPacket) -> None:
        self.played.append(packet)
        self._changed.set()

    def press(self, key: str, duration_ms: int) -> None:
        self.keys.append(key)
        self._changed.set()

    def turn(self, direction: Direction) -> None:
        self.turns.append(direction)
        self._changed.set()

    def transferred(self, status: int) -> None: ...

    def hang_up(self, reason: str, status: int = 0) -> None:
        self.over = (reason, status)
        self._changed.set()

    def speak(self, payloads: list[bytes], first: int = 0) -> None:
        """Packets of 20 ms, at once."""
        for number, payload in enumerate(payloads, first):
            self.voice(RtpPacket(8, number, number * 160, 77, payload))

    async def until(self, test: Callable[["FarParty"], bool]) -> None:
        async with asyncio.timeout(15.0):
            while not test(self):
                self._changed.clear()
                await self._changed.wait()
