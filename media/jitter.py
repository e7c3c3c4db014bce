"""Puts packets of one source back into order, waiting only where one is missing.

We write sound down and do not play it, so no packet waits for a playout time: one that comes in order leaves at once.
Only when a number is missing do the packets after it wait, `hold_ms` at most, for it to come. The first packet waits as
long, since those before it may still come. What comes later than that is told apart: it is written down, not heard.
"""

import msgspec

from media.rtp import RtpPacket, sequence_distance, timestamp_distance

HOLD_MS = 60.0
CAPACITY = 64
"""Packets that wait at most: over a second of 20 ms ones."""
MAX_DROPOUT = 3000
MAX_MISORDER = 100
"""RFC 3550 appendix A.1: beyond these, two packets in sequence mean that the source began anew; and so do two that have
come before by their numbers, but later than all by their timestamps."""


class Arrived(msgspec.Struct, frozen=True, gc=False):
    packet: RtpPacket
    at_ms: float
    """When it came, on any steady clock that the caller keeps to."""


class Released(msgspec.Struct, frozen=True, gc=False):
    """The next packet in order of sequence."""

    packet: RtpPacket
    at_ms: float
    lost: int = 0
    """How many numbers before it never came. 0 with a jump of the timestamp is silence (DTX), not loss."""
    late: bool = False
    """It came after those that follow it had been released: too late to be heard, in time to be written down."""


class JitterBuffer:
    """Pure; the caller's clock is its time."""

    def __init__(self, hold_ms: float = HOLD_MS) -> None:
        self._hold_ms = hold_ms
        self._waiting: dict[int, Arrived] = {}
        self._next: int | None = None
        """Unwrapped sequence number that is due; None until the first packet is released."""
        self._highest = 0
        self._latest = 0
        """The furthest timestamp of the packets released."""
        self._stray: Arrived | None = None
        self._missing: dict[int, None] = {}
        """Numbers given up, oldest first: they may still come."""
        self._late: list[Released] = []
        self.lost = 0
        self.late = 0
        self.duplicates = 0

    def push(self, packet: RtpPacket, at_ms: float) -> None:
        arrived = Arrived(packet, at_ms)
        if self._next is None and not self._waiting:
            self._highest = packet.sequence
        ahead = sequence_distance(packet.sequence, self._highest & 0xFFFF)
        number = self._highest + ahead
        if ahead > MAX_DROPOUT or ahead < -MAX_MISORDER:
            self._restart(arrived)
        elif self._next is not None and number < self._next:
            if number not in self._missing and timestamp_distance(packet.timestamp, self._latest) > 0:
                self._restart(arrived)
                return
            self.late += 1
            if number in self._missing:
                del self._missing[number]
                self._late.append(Released(packet, at_ms, late=True))
        elif number in self._waiting:
            self.duplicates += 1
        else:
            self._waiting[number] = arrived
            self._highest = max(self._highest, number)

    @property
    def waits(self) -> bool:
        """Whether there is anything to `pop`, now or later."""
        return bool(self._waiting or self._late)

    def pass_by(self, packet: RtpPacket) -> bool:
        """The packet is the next, and nothing waits: it has left at once. Otherwise `push` it."""
        number = self._next
        if number is None or self._waiting or self._late or packet.sequence != number & 0xFFFF:
            return False
        self._highest, self._next = number, number + 1
        if timestamp_distance(packet.timestamp, self._latest) > 0:
            self._latest = packet.timestamp
        return True

    def pop(self, now_ms: float) -> list[Released]:
        """What is in order by now, or has waited long enough; before it, what came too late for that."""
        released, self._late = self._late, []
        while self._waiting:
            number = self._next if self._next is not None and self._next in self._waiting else min(self._waiting)
            if number != self._next and not self._overdue(now_ms):
                break
            released.append(self._release(number))
        return released

    def flush(self) -> list[Released]:
        """Everything that waits, in order: the source has ended."""
        late, self._late = self._late, []
        return late + [self._release(number) for number in sorted(self._waiting)]

    def restart(self) -> None:
        """Another source's packets come next; what waited has been flushed."""
        self._waiting.clear()
        self._missing.clear()
        self._next = self._stray = None

    def _overdue(self, now_ms: float) -> bool:
        oldest = next(iter(self._waiting.values()))  # dicts keep the order of arrival
        return now_ms - oldest.at_ms >= self._hold_ms or len(self._waiting) >= CAPACITY

    def _release(self, number: int) -> Released:
        arrived = self._waiting.pop(number)
        gap = 0 if self._next is None else number - self._next
        if self._next is None or timestamp_distance(arrived.packet.timestamp, self._latest) > 0:
            self._latest = arrived.packet.timestamp
        lost = gap if gap <= MAX_DROPOUT else 0
        self.lost += lost
        self._give_up(range(number - lost, number)[-MAX_MISORDER:])
        self._next = number + 1
        return Released(arrived.packet, arrived.at_ms, lost)

    def _give_up(self, numbers: range) -> None:
        self._missing |= dict.fromkeys(numbers)
        for _ in range(len(self._missing) - MAX_MISORDER):
            del self._missing[next(iter(self._missing))]

    def _restart(self, arrived: Arrived) -> None:
        """RFC 3550 A.1: a far number counts when the next one follows it."""
        stray, self._stray = self._stray, arrived
        sequence = arrived.packet.sequence
        if stray is None or sequence != (stray.packet.sequence + 1) & 0xFFFF:
            return
        number = max(self._highest, self._next or 0) + 1
        # Unwrapped numbers go on: what still waits goes out first, the new ones follow.
        number += sequence_distance(stray.packet.sequence, number & 0xFFFF) & 0xFFFF
        if not self._waiting:
            self._next = number
        self._waiting[number], self._waiting[number + 1] = stray, arrived
        self._highest, self._stray = number + 1, None
        self._latest = arrived.packet.timestamp
