"""The last 45 s of many streams in memory that two processes see: a worker writes, the engine reads.

The engine owns it, so that what was said stays readable when a worker dies. A ring holds sound at its stream's own
rate, as `media.audio.AudioRing` does.
"""

import mmap
import os

import numpy as np
from numpy.typing import NDArray

from engine.child import anonymous_file
from engine.facts import Pcm16
from media.audio import MODEL_RATE_HZ, RING_SECONDS, AudioRing
from media.srtp import Newest

_HEAD = 4096
_STRIDE = _HEAD + -(-RING_SECONDS * MODEL_RATE_HZ * 2 // 4096) * 4096
"""Whole pages, so that a ring can be given back to the system alone."""


class SharedRing(AudioRing):
    """A ring at a place in shared memory. What it holds already counts."""

    def __init__(self, rate_hz: int, samples: Pcm16, end: NDArray[np.int64], told: NDArray[np.float64]) -> None:
        self.rate_hz = rate_hz
        self._ring = samples[: rate_hz * RING_SECONDS]
        self._shared_end, self._told = end, told
        self.end = int(end[0])

    def clear(self) -> None:
        """A new stream begins: whatever was here is not its sound."""
        self.end = 0
        self._shared_end[0] = 0
        self.tell(0.0, 0.0)

    def write(self, position: int, samples: Pcm16) -> None:
        super().write(position, samples)
        self._shared_end[0] = self.end  # after the samples: who reads up to there finds them

    def pull(self, by: int) -> None:
        super().pull(by)
        self._shared_end[0] = self.end

    @property
    def start(self) -> int:
        self.end = int(self._shared_end[0])
        return super().start

    def read(self, position: int, count: int) -> Pcm16:
        self.end = int(self._shared_end[0])
        return super().read(position, count)

    def tell(self, last_packet_s: float, ahead_ms: float, newest: Newest | None = None) -> None:
        """How the stream stands (`last_packet_s` on the monotonic clock; 0: none yet). `newest`: of a protected one."""
        self._told[:] = last_packet_s, ahead_ms, *(newest or (0, 0))

    @property
    def last_packet_s(self) -> float:
        return float(self._told[0])

    @property
    def ahead_ms(self) -> float:
        return float(self._told[1])

    @property
    def newest(self) -> Newest | None:
        ssrc, index = int(self._told[2]), int(self._told[3])
        return (ssrc, index) if ssrc or index else None

    def kept(self) -> AudioRing:
        """Its sound in memory of one's own, for when the place is given back."""
        self.end = int(self._shared_end[0])
        copy = AudioRing(self.rate_hz)
        copy.write(max(0, self.end - len(self._ring)), self.read(max(0, self.end - len(self._ring)), len(self._ring)))
        copy.end = self.end
        return copy


class SharedRings:
    def __init__(self, fd: int, count: int) -> None:
        """Maps what `create` made, perhaps in another process."""
        self.fd, self.count = fd, count
        self._memory = mmap.mmap(fd, count * _STRIDE)

    @classmethod
    def create(cls, count: int) -> "SharedRings":
        return cls(anonymous_file("sound", count * _STRIDE), count)

    def ring(self, place: int, rate_hz: int) -> SharedRing:
        at = place * _STRIDE
        end = np.frombuffer(self._memory, np.int64, 1, at)
        told = np.frombuffer(self._memory, np.float64, 4, at + 8)
        samples = np.frombuffer(self._memory, np.int16, RING_SECONDS * MODEL_RATE_HZ, at + _HEAD)
        return SharedRing(rate_hz, samples, end, told)

    def wipe(self, place: int) -> None:
        """What was said does not wait for the next call to overwrite it, and its memory goes back to the system."""
        at = place * _STRIDE
        if hasattr(mmap, "MADV_REMOVE"):
            self._memory.madvise(mmap.MADV_REMOVE, at, _STRIDE)
        else:
            self._memory[at : at + _STRIDE] = bytes(_STRIDE)

    def close(self) -> None:
        """Frees it once no ring of it is left."""
        os.close(self.fd)
