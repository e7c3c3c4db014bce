"""Brings a leg to the loudness that the VAD knows: lines differ by 30 dB, and it misses words on the quiet ones."""

TARGET_PEAK = 12_000.0
MAX_GAIN = 16.0
"""24 dB: a line's own noise, raised so far, is still no speech to the VAD."""
HALF_LIFE_FRAMES = 310
"""About 10 s: pauses between words do not raise the noise, a quiet speaker after a loud one is heard soon."""

_DECAY = 0.5 ** (1 / HALF_LIFE_FRAMES)


class Level:
    """Follows the peaks of one leg: up at once, down slowly. Pure."""

    def __init__(self) -> None:
        self._peak = TARGET_PEAK / MAX_GAIN

    def gain(self, peak: int) -> float:
        """What to multiply the next frame with, whose own largest sample is `peak`: 1 to `MAX_GAIN`. The frame is never
        raised above the target."""
        self._peak = max(peak, self._peak * _DECAY, TARGET_PEAK / MAX_GAIN)
        return max(1.0, TARGET_PEAK / self._peak)
