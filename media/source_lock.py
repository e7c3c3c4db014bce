"""Whose packets a port listens to: one source (address and SSRC) at a time, by its packets, not by the offer alone.

Late packets of a port's previous call (RTP bleed), strangers and random bytes must not be heard; a peer that moves or
starts a new SSRC without signalling must be, and without losing its first packets. So a newcomer's packets are kept
until it is accepted or has gone.
"""

from collections import deque

import msgspec

from media.jitter import Arrived
from media.rtp import RtpPacket, sequence_distance

Address = tuple[str, int]
Source = tuple[Address, int]
"""Address and SSRC."""

FIRST_PACKETS = 2
"""RFC 3550 A.1 MIN_SEQUENTIAL: so many in sequence make a source, where none is heard yet or the offer named it."""
TAKEOVER_PACKETS = 3
"""From the address that is heard already, once the source before has fallen silent."""
STRANGER_PACKETS = 50
"""From anywhere else: a second of sound. So many of the source that is heard also end what signalling unlocked."""
SILENT_MS = 60.0
"""So long without a packet is a source silent, for a takeover from its own address."""
GONE_MS = 1000.0
"""So long without a packet is a source gone, for strangers, if it came from where the offer said."""
MAX_NEWCOMERS = 64
"""A flood of made-up sources must be faster than this between two packets of the real one to keep it out."""
MAX_KEPT = 64
"""Packets of one newcomer; somewhat over `STRANGER_PACKETS`."""


class _Newcomer(msgspec.Struct):
    kept: deque[Arrived]
    count: int = 0
    """Packets in sequence so far."""


class SourceLock:
    """Pure; call `unlock` when signalling says that the source may move."""

    def __init__(self, offered: Address | None) -> None:
        self.source: Source | None = None
        self.dropped = 0
        """Packets of sources that were not (or not yet) accepted and are forgotten."""
        self._offered = offered
        self._last_ms = 0.0
        self._newcomers: dict[Source, _Newcomer] = {}
        self._left: set[Source] = set()
        self._unlocked = 0
        """For how many more packets of the source that is heard."""

    def unlock(self, offered: Address | None, *, anew: bool = False) -> None:
        """Signalling renewed the stream. Where it names another address, or begins it `anew` (other keys), the source
        goes on being heard, but any other may take over at once, until that one has been heard for a second."""
        if offered == self._offered and not anew:
            return
        self._offered = offered
        self._left.clear()
        self._newcomers.clear()
        self._unlocked = STRANGER_PACKETS

    def hears(self, ssrc: int, address: Address, now_ms: float) -> bool:
        """A packet of the source that is heard: it is to be heard, too. Otherwise ask `accept`."""
        if self.source is None or ssrc != self.source[1] or address != self.source[0]:
            return False
        self._last_ms = now_ms
        if self._unlocked:
            self._unlocked -= 1
        return True

    def accept(self, packet: RtpPacket, address: Address, now_ms: float) -> list[Arrived]:
        """The packets to be heard now: none, this one, or a new source's kept ones too; then `source` has changed."""
        if self.hears(packet.ssrc, address, now_ms):
            return [Arrived(packet, now_ms)]
        source = (address, packet.ssrc)
        newcomer = self._newcomer(source)
        self._keep(newcomer, Arrived(packet, now_ms))
        if newcomer.count < self._needed(source, now_ms):
            return []
        return self._promote(source, now_ms)

    def _newcomer(self, source: Source) -> _Newcomer:
        if source not in self._newcomers:
            if len(self._newcomers) >= MAX_NEWCOMERS:  # strangers crowd each other out, never the one that is heard
                oldest = self._newcomers.pop(next(iter(self._newcomers)))
                self.dropped += len(oldest.kept)
            self._newcomers[source] = _Newcomer(deque(maxlen=MAX_KEPT))
        return self._newcomers[source]

    def _keep(self, newcomer: _Newcomer, arrived: Arrived) -> None:
        if newcomer.kept:
            step = sequence_distance(arrived.packet.sequence, newcomer.kept[-1].packet.sequence)
            if not -STRANGER_PACKETS < step < STRANGER_PACKETS:
                self.dropped += len(newcomer.kept)
                newcomer.kept.clear()
                newcomer.count = 0
        if len(newcomer.kept) == MAX_KEPT:
            self.dropped += 1
        newcomer.kept.append(arrived)
        newcomer.count += 1

    def _needed(self, source: Source, now_ms: float) -> float:
        if self.source is None or self._unlocked or (self._named(source) and not self._named(self.source)):
            return FIRST_PACKETS
        silent_ms = now_ms - self._last_ms
        if source[0] == self.source[0] and silent_ms >= SILENT_MS:
            return TAKEOVER_PACKETS
        if silent_ms < GONE_MS and (self._named(self.source) or source in self._left):
            return float("inf")
        return STRANGER_PACKETS

    def _named(self, source: Source) -> bool:
        return source[0] == self._offered

    def _promote(self, source: Source, now_ms: float) -> list[Arrived]:
        kept = list(self._newcomers.pop(source).kept)
        if self.source is not None:
            self._left.add(self.source)
            # While the one before was still heard, the newcomer's packets would lie over its own.
            kept = [arrived for arrived in kept if arrived.at_ms > self._last_ms] or kept[-1:]
        self.dropped += sum(len(newcomer.kept) for newcomer in self._newcomers.values())
        self._newcomers.clear()
        self._unlocked = 0
        self.source, self._last_ms = source, now_ms
        return kept
