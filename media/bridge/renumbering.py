"""The numbers of one outgoing RTP stream, whatever sources feed it in turn (RFC 3550 §5.1)."""

import random

from media.rtp import RtpPacket, sequence_distance

_STEP_S = 0.02
"""At least so far apart are the last packet of a source and the first of the next one."""


class Renumbering:
    """Keeps one SSRC, and sequence numbers and timestamps that go on when the source changes. Gaps and order within a
    source stay as they came, so that the receiver conceals and reorders by the truth. Pure; times are seconds."""

    def __init__(self, clock_hz: int, chance: random.Random | None = None) -> None:
        chance = chance or random.SystemRandom()
        self.ssrc = chance.getrandbits(32)
        self.clock_hz = clock_hz
        """Of the codec; may change with it."""
        self._sequence, self._timestamp = chance.getrandbits(16), chance.getrandbits(32)
        self._at: float | None = None
        self._source: int | None = None
        self._shift = self._lift = 0

    def place(self, packet: RtpPacket, now: float) -> tuple[int, int, bool]:
        """Sequence number, timestamp, and whether a talkspurt begins here."""
        begins = packet.ssrc != self._source
        if begins:
            sequence, timestamp = self.insert(now)
            self._source = packet.ssrc
            self._shift, self._lift = sequence - packet.sequence, timestamp - packet.timestamp
        sequence = (packet.sequence + self._shift) & 0xFFFF
        timestamp = (packet.timestamp + self._lift) & 0xFFFFFFFF
        if sequence_distance(sequence, self._sequence) > 0:
            self._sequence, self._timestamp, self._at = sequence, timestamp, now
        return sequence, timestamp, begins or packet.marker

    def insert(self, now: float) -> tuple[int, int]:
        """Numbers of a packet of our own; what comes from a source after it begins anew."""
        if self._at is not None:
            self._timestamp += round(max(_STEP_S, now - self._at) * self.clock_hz)
        self._sequence, self._timestamp = (self._sequence + 1) & 0xFFFF, self._timestamp & 0xFFFFFFFF
        self._at, self._source = now, None
        return self._sequence, self._timestamp

    def follow(self) -> int:
        """Sequence number of one more packet of our own with the timestamp of the one before (RFC 4733 §2.5.1.2)."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        return self._sequence
