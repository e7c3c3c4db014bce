"""One direction of a socket's sound on its way onto the call's clock.

A socket over TCP loses nothing and keeps order, so sound is never late: where silence was put because it did not come
in time, the wire's clock is moved, and the words are kept.
"""

import numpy as np
import soxr

from engine.facts import Pcm16
from media.audio import MODEL_RATE_HZ
from media.hearing import Hearing
from media.vad import RATE_HZ

SNAP_MS = 30
"""Wire timestamps are rounded and jitter; sound this near to where the last ended follows it without a seam."""
FILL_AFTER_MS = 1000.0
"""So long behind, and the time that has passed is silence: DTX, mute, pause. TCP stalls are mostly shorter."""
AHEAD_MS = 5000.0
"""Sound further ahead of the clock is a flood, or a wire clock that jumped."""
TELL_SHIFT_MS = 200


class WireClock:
    """How one socket's positions lie on the call's clock; shared by its channels, so that they stay aligned."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.offset: int | None = None
        """In samples; None before the first sound."""


class Resampled:
    """A run of sound without gaps, converted as it comes; `finish` gives what the filter still holds."""

    def __init__(self, from_hz: int, to_hz: int, start: int) -> None:
        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality="HQ") if from_hz != to_hz else None
        self.end = round(start * to_hz / from_hz)

    def put(self, samples: Pcm16, *, last: bool = False) -> tuple[int, Pcm16]:
        """Position at the new rate, and what is ready of it."""
        ready = samples if self._stream is None else np.asarray(self._stream.resample_chunk(samples, last), np.int16)
        position, self.end = self.end, self.end + len(ready)
        return position, ready


class Track:
    """Pure but for `hearing`, which it feeds. Positions are samples at the channel's rate since answer."""

    def __init__(self, stream: str, clock: WireClock, hearing: Hearing, *, ahead_ms: float = AHEAD_MS) -> None:
        self.stream, self.clock = stream, clock
        self.frontier = 0
        self.count = 0
        """Samples that came on the wire, for those that carry no time."""
        self.dropped = 0
        self.last_sound_ms: float | None = None
        self.silent_since_ms = 0.0
        self.suspended = False
        self.ahead_ms = 0.0
        self._limit_ms = ahead_ms
        self._hearing = hearing
        self._heard_hz = RATE_HZ if clock.rate_hz == RATE_HZ else MODEL_RATE_HZ
        self._ear = hearing.add_stream(stream, rate_hz=self._heard_hz)
        self._run: Resampled | None = None

    def _samples(self, ms: float) -> int:
        return int(ms * self.clock.rate_hz / 1000)

    def put(self, samples: Pcm16, wire: int | None, now_ms: float) -> int:
        """Takes sound that has just come. Returns by how many ms the wire's clock had to be moved; mostly 0."""
        self.last_sound_ms = self.silent_since_ms = now_ms
        if self.frontier > self._samples(now_ms + self._limit_ms):
            self.dropped += len(samples)
            return 0
        wire = self.count if wire is None else wire
        self.count = wire + len(samples)
        position, shift = self._position(wire, len(samples), now_ms)
        if position != self.frontier:
            self._close_run()
        self._feed(position, samples)
        self.frontier = position + len(samples)
        self.ahead_ms = max(0.0, self.frontier * 1000 / self.clock.rate_hz - now_ms)
        return shift * 1000 // self.clock.rate_hz

    def _position(self, wire: int, count: int, now_ms: float) -> tuple[int, int]:
        if self.clock.offset is None:
            self.clock.offset = max(0, self._samples(now_ms) - count) - wire
        position = wire + self.clock.offset
        if abs(position - self.frontier) <= self._samples(SNAP_MS):
            return self.frontier, 0
        wanted = position
        if position < self.frontier:
            wanted = self.frontier
        elif position > self._samples(now_ms + self._limit_ms):
            wanted = max(self.frontier, self._samples(now_ms) - count)
        self.clock.offset += wanted - position
        return wanted, wanted - position

    def _feed(self, position: int, samples: Pcm16) -> None:
        if self._run is None:
            self._run = Resampled(self.clock.rate_hz, self._heard_hz, position)
        self._put(self._run, samples, last=False)

    def _put(self, run: Resampled, samples: Pcm16, *, last: bool) -> None:
        at, ready = run.put(samples, last=last)
        if len(ready):
            self._hearing.put(self.stream, at, ready)

    def _close_run(self) -> None:
        """What the filter still holds comes out before a gap."""
        if self._run is not None and self._heard_hz != self.clock.rate_hz:
            self._put(self._run, np.empty(0, np.int16), last=True)
        self._run = None

    def fill(self, now_ms: float) -> None:
        """Takes time that has passed without sound as silence."""
        until = self._samples(now_ms - FILL_AFTER_MS)
        if until > self.frontier:
            self._close_run()
            self._ear.silence(until * self._heard_hz // self.clock.rate_hz)
            self.frontier = until

    def finish(self) -> None:
        self._close_run()
