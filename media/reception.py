"""How well a stream arrives: loss and jitter as RFC 3550 counts them, and what a listener would say of it."""

import msgspec

_MAX_DROPOUT = 3000
"""RFC 3550 A.1: a larger step is another count."""
_LOSSES = {"G729": (11.0, 19.0)}
"""Equipment impairment Ie and robustness Bpl by codec (ITU-T G.113 appendix I, tables I.1 and I.3)."""
_G711_CONCEALED = (0.0, 25.1)
"""G.711 with concealment; we hold the wideband codecs to the same scale, on which nothing is better."""
_PACKET_MS = 20.0


class Quality(msgspec.Struct, frozen=True):
    """A stretch of one stream."""

    packets: int
    """That came."""
    loss: float
    """Share of those sent that did not come, 0…1."""
    jitter_ms: float
    mos: float
    """Estimate of the mean opinion score, 1…4.5."""


class Tally(msgspec.Struct, frozen=True, gc=False):
    """Counts since the first packet, at one moment."""

    expected: int = 0
    received: int = 0


class Reception:
    """One stream's arrivals. Pure."""

    def __init__(self) -> None:
        self.ssrc: int | None = None
        self.highest = 0
        """Extended sequence number."""
        self.jitter = 0.0
        """In units of the timestamp (RFC 3550 A.8)."""
        self._base = 0
        self._received = 0
        self._before = Tally()
        """Of sources that are over."""
        self._at_ms: float | None = None
        self._timestamp = 0
        self._clock_hz = 8000

    def arrived(self, ssrc: int, sequence: int, timestamp: int | None, at_ms: float, clock_hz: int) -> None:
        """`timestamp`: None where it does not tell when the packet was sent, as of a tone's."""
        step = ((sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
        if ssrc != self.ssrc or not -_MAX_DROPOUT <= step <= _MAX_DROPOUT:
            self._before = self.tally
            self.ssrc, self.highest, self._base, self._received = ssrc, sequence, sequence, 0
            self._at_ms, self.jitter, step = None, 0.0, 0
        if step > 0:
            self.highest += step
        elif self.highest + step < self._base:  # those before the first that came
            self._base = self.highest + step
        self._received += 1
        self._clock_hz = clock_hz
        if timestamp is None:
            return
        if self._at_ms is not None:
            passed = (at_ms - self._at_ms) * clock_hz / 1000
            sent = ((timestamp - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            distance = abs(passed - sent)
            self.jitter += (distance - self.jitter) / 16
        self._at_ms, self._timestamp = at_ms, timestamp

    @property
    def tally(self) -> Tally:
        expected = 0 if self.ssrc is None else self.highest - self._base + 1
        return Tally(self._before.expected + expected, self._before.received + self._received)

    @property
    def lost(self) -> int:
        """Of the present source; doubled packets may make it negative (RFC 3550 A.3)."""
        return 0 if self.ssrc is None else self.highest - self._base + 1 - self._received

    def since(self, before: Tally, codec: str) -> Quality | None:
        """What has come since; None when nothing was sent."""
        now = self.tally
        expected, received = now.expected - before.expected, now.received - before.received
        if expected <= 0 and received <= 0:
            return None
        loss = max(0.0, (expected - received) / expected) if expected > 0 else 0.0
        jitter_ms = self.jitter * 1000 / self._clock_hz
        return Quality(received, round(loss, 4), round(jitter_ms, 1), round(opinion(loss, jitter_ms, codec), 2))


def opinion(loss: float, jitter_ms: float, codec: str, round_trip_ms: float = 0.0) -> float:
    """The E-model (ITU-T G.107) with all but delay and loss at their defaults; loss is taken as random. A listener's
    jitter buffer is taken as twice the jitter deep. Who only receives knows no round trip, and counts none."""
    impairment, robustness = _LOSSES.get(codec, _G711_CONCEALED)
    percent = 100 * loss
    equipment = impairment + (95 - impairment) * percent / (percent + robustness)  # G.107 §7.4, BurstR = 1
    delay_ms = round_trip_ms / 2 + 2 * jitter_ms + _PACKET_MS
    late = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)  # R. G. Cole, J. H. Rosenbluth 2001, of G.107 §7.3
    rating = min(100.0, max(0.0, 93.2 - late - equipment))
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)  # G.107 annex B


def fraction_lost(before: Tally, now: Tally) -> int:
    """Of 256 (RFC 3550 A.3)."""
    expected = now.expected - before.expected
    lost = expected - (now.received - before.received)
    return 0 if expected <= 0 or lost <= 0 else min(255, lost * 256 // expected)
