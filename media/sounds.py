"""What is no voice: tones and music stand still in pitch for a quarter of a second, voices glide. Pure."""

import numpy as np
from numpy.typing import NDArray

from engine.facts import Pcm16, Samples

RATE_HZ = 8000
_WINDOW = 1024
"""128 ms: lines of 8 Hz, so that a voice's glide leaves its line."""
_HOP = 512
_STILL_FRAMES = 3
"""A line that peaks in so many frames on end (256 ms) stands still."""
_LOWEST = 8
"""First line that counts, 62 Hz: mains hum and the rumble of a line are under speech, too."""
_LOUD = 1e-3
"""Frames 30 dB below the loudest are pauses."""
_STANDING = 0.6
"""Share of the power in standing lines: of 536 stretches of speech (four languages) 1 % reached 0.46."""
_MOVING = 0.3
"""A frame with less of its power in standing lines may be of a voice."""
_MOVING_SHARE = 0.5
_AUDIBLE = 200.0
"""RMS in 16 bits (−44 dBFS): a line that hums more softly is a line."""
MUSIC_MS = 1500
"""Sound that each look for music takes in."""
_STARTS_S = 4
_ENDS_S = 3
_TAPER = np.hanning(_WINDOW).astype(np.float32)


def is_tone(pcm: Pcm16) -> bool:
    """Whether a stretch of 8 kHz sound is a tone or music and nothing beside it: ringback, busy, keys, beeps, a fax,
    hold music. Sung words and a voice over music are not. False for silence and for less than a quarter of a second."""
    if len(pcm) < _WINDOW + (_STILL_FRAMES - 1) * _HOP:
        return False
    power = _power(pcm)
    total = power.sum(axis=1)
    if not total.max() > 0:
        return False
    still = (power * _standing(power)).sum(axis=1)
    loud = total > _LOUD * total.max()
    moving = still[loud] < _MOVING * total[loud]
    return bool(still[loud].sum() >= _STANDING * total[loud].sum() and moving.mean() < _MOVING_SHARE)


class Music:
    """Whether music, or a tone that lasts, is on a stream: asked once a second. A ringback's pauses keep it from being
    taken for either."""

    def __init__(self) -> None:
        self.playing = False
        self._seconds = 0
        """In a row that speak for a change."""

    def next_second(self, pcm: Pcm16) -> bool:
        """The stream's last `MUSIC_MS` at 8 kHz, or nothing while somebody speaks. Whether `playing` has changed."""
        tone = bool(len(pcm)) and float(np.square(pcm, dtype=np.float32).mean()) > _AUDIBLE**2 and is_tone(pcm)
        self._seconds = self._seconds + 1 if tone is not self.playing else 0
        if self._seconds < (_ENDS_S if self.playing else _STARTS_S):
            return False
        self.playing, self._seconds = tone, 0
        return True


def _power(pcm: Pcm16) -> Samples:
    """float32[frames, lines]."""
    frames = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float32) / 32768, _WINDOW)[::_HOP]
    spectrum = np.abs(np.fft.rfft(frames * _TAPER, axis=1)[:, _LOWEST:])
    return np.square(spectrum, dtype=np.float32)


def _standing(power: Samples) -> NDArray[np.bool_]:
    """Which lines belong to a peak that stands still, its lobe of two lines on each side included."""
    peaks = np.zeros(power.shape, np.bool_)
    peaks[:, 1:-1] = (power[:, 1:-1] > power[:, :-2]) & (power[:, 1:-1] >= power[:, 2:])
    runs = np.asarray(np.lib.stride_tricks.sliding_window_view(peaks, _STILL_FRAMES, axis=0).all(axis=-1))
    still = np.zeros(power.shape, np.bool_)
    for at in range(_STILL_FRAMES):
        still[at : at + len(runs)] |= runs
    lobes = still.copy()
    for reach in (1, 2):
        lobes[:, reach:] |= still[:, :-reach]
        lobes[:, :-reach] |= still[:, reach:]
    return lobes
