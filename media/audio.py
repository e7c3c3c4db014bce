"""Sound of one stream by media time, and its one conversion to the 16 kHz that speech models want."""

from typing import Protocol

import numpy as np

from engine.facts import Pcm16, Samples

MODEL_RATE_HZ = 16_000
RING_SECONDS = 45
"""More than the 40 s that readers are promised, for what is read while new sound comes in."""

_REACH = 12
"""Input samples on each side that an interpolated sample rests on."""


def _half_band() -> Samples:
    """Taps that give the sample half-way between two: a sinc under a Kaiser window, unit gain at 0 Hz."""
    offsets = np.arange(-_REACH, _REACH) + 0.5
    taps = np.sinc(offsets) * np.kaiser(2 * _REACH, 5.0)
    return np.asarray(taps / taps.sum(), np.float32)


_HALF_BAND = _half_band()


def double_rate(samples: Pcm16) -> Pcm16:
    """Twice the rate: the input's own samples with one interpolated after each.

    The first and last `2 * _REACH` samples of the result lack neighbours; give a margin and cut it off.
    """
    between = np.convolve(samples.astype(np.float32), _HALF_BAND, "full")[_REACH : _REACH + len(samples)]
    doubled = np.empty(2 * len(samples), np.int16)
    doubled[0::2] = samples
    doubled[1::2] = np.clip(np.rint(between), -32768, 32767)
    return doubled


class Halver:
    """Half the rate of a stream that comes piece by piece, without holes. What it gives is in place: sample n of the
    result is the moment of sample 2n of the input, and no piece's edge is heard. Pure."""

    def __init__(self) -> None:
        self._kept = np.zeros(2 * _REACH, np.float32)
        """Input that the next sample of the result still rests on; begins at an even position."""

    def put(self, samples: Pcm16) -> Pcm16:
        """What can be told by now: 1.5 ms of the input wait for their neighbours."""
        heard = np.concatenate([self._kept, samples])
        count = max(0, len(heard) // 2 - 2 * _REACH + 1)
        self._kept = heard[2 * count :]
        if not count:
            return np.empty(0, np.int16)
        pairs = heard[: 2 * (count + 2 * _REACH - 1)].reshape(-1, 2)
        between = np.convolve(pairs[:, 1], _HALF_BAND, "valid")
        return np.clip(np.rint((pairs[_REACH : _REACH + count, 0] + between) / 2), -32768, 32767).astype(np.int16)

    def flush(self) -> Pcm16:
        """The end: silence follows."""
        return self.put(np.zeros(2 * (_REACH - 1) + len(self._kept) % 2, np.int16))


class Resampler:
    """From one rate to another as sound comes, packet by packet: each piece gives exactly as many samples as its length
    says, with the sound 12 samples of the lower rate late. Down by a whole number, or up by two. Pure."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._down = max(1, from_hz // to_hz)
        self._double = to_hz == 2 * from_hz
        if not self._double and self._down * to_hz != from_hz:
            raise ValueError(f"sound of {from_hz} Hz cannot be brought to {to_hz}")
        self._taps = _low_pass(self._down)
        self._before = np.zeros(2 * _REACH if self._double else len(self._taps) - 1, np.float32)

    def put(self, samples: Pcm16) -> Pcm16:
        if not len(samples):
            return samples
        heard = np.concatenate([self._before, samples])
        if self._double:
            self._before = heard[-2 * _REACH :]
            return double_rate(heard)[2 * _REACH : 2 * (_REACH + len(samples))]
        self._before = heard[len(heard) - len(self._taps) + 1 :]
        windows = np.lib.stride_tricks.sliding_window_view(heard, len(self._taps))[:: self._down]
        return np.clip(np.rint(windows @ self._taps), -32768, 32767).astype(np.int16)


def _low_pass(down: int) -> Samples:
    """Taps that keep what the lower rate can carry; a single 1 where nothing is to be done."""
    if down == 1:
        return np.ones(1, np.float32)
    offsets = np.arange(-_REACH * down, _REACH * down + 1) / down
    taps = np.sinc(offsets * 0.9) * np.kaiser(len(offsets), 6.0)
    return np.asarray(taps / taps.sum(), np.float32)


class SampleSource(Protocol):
    """Sound by position: samples since answer at the source's own rate."""

    rate_hz: int

    @property
    def start(self) -> int:
        """Position of the oldest sample that is still there."""

    def read(self, position: int, count: int) -> Pcm16:
        """Zeros where nothing is (any more)."""


def window_16k(source: SampleSource, start_ms: int, end_ms: int) -> Pcm16:
    """16 kHz mono of [start_ms, end_ms). A sample's value does not depend on the window that it is read through, save
    within 1.5 ms of the newest sound."""
    if source.rate_hz == MODEL_RATE_HZ:
        return source.read(start_ms * 16, max(0, end_ms - start_ms) * 16)
    if source.rate_hz * 2 != MODEL_RATE_HZ:
        raise ValueError(f"sound of {source.rate_hz} Hz cannot be windowed")
    count = max(0, end_ms - start_ms) * 8
    narrow = source.read(start_ms * 8 - _REACH, count + 2 * _REACH)
    return double_rate(narrow)[2 * _REACH : 2 * (_REACH + count)]


def kept_from_ms(source: SampleSource) -> int:
    """From where on all that was heard is still there."""
    return -(-source.start * 1000 // source.rate_hz)


class AudioRing:
    """The last `seconds` of a stream. Memory is fixed; what is overwritten or was never written reads as zeros."""

    def __init__(self, rate_hz: int, seconds: int = RING_SECONDS) -> None:
        self.rate_hz = rate_hz
        self.end = 0
        """Position after the newest sample."""
        self._ring = np.zeros(rate_hz * seconds, np.int16)

    @property
    def start(self) -> int:
        """See `SampleSource`; 0 until something was overwritten."""
        return max(0, self.end - len(self._ring))

    def write(self, position: int, samples: Pcm16) -> None:
        """Later than `end`: the gap becomes zeros. Earlier: overwrites what was there, as far back as the ring goes."""
        if position > self.end:
            self._fill(self.end, position)
        at, stop = position % len(self._ring), position + len(samples)
        if position >= self.end and at + len(samples) <= len(self._ring):  # nearly always
            self._ring[at : at + len(samples)] = samples
        else:
            self._put(position, samples)
        if stop > self.end:
            self.end = stop

    def pull(self, by: int) -> None:
        """All sound lies `by` samples earlier than was thought."""
        sound = self.read(by, max(0, self.end - by))
        self.end = 0
        self.write(0, sound)

    def read(self, position: int, count: int) -> Pcm16:
        found = np.zeros(count, np.int16)
        start = max(position, self.end - len(self._ring), 0)
        stop = min(position + count, self.end)
        if stop > start:
            at, wanted = start % len(self._ring), stop - start
            first = self._ring[at : at + wanted]
            into = found[start - position :]
            into[: len(first)] = first
            into[len(first) : wanted] = self._ring[: wanted - len(first)]
        return found

    def _fill(self, start: int, stop: int) -> None:
        start = max(start, stop - len(self._ring))
        self._put(start, np.zeros(stop - start, np.int16))

    def _put(self, position: int, samples: Pcm16) -> None:
        oldest = max(0, max(self.end, position + len(samples)) - len(self._ring))
        if position < oldest:
            samples = samples[oldest - position :]
            position = oldest
        at = position % len(self._ring)
        first = samples[: len(self._ring) - at]
        self._ring[at : at + len(first)] = first
        rest = samples[len(first) :]
        self._ring[: len(rest)] = rest


class Recording:
    """A whole recording in memory, read like a ring that forgets nothing."""

    def __init__(self, samples: Pcm16, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._samples = samples
        self.start = 0

    def read(self, position: int, count: int) -> Pcm16:
        found = np.zeros(count, np.int16)
        start, stop = max(position, 0), min(position + count, len(self._samples))
        if stop > start:
            found[start - position : stop - position] = self._samples[start:stop]
        return found
