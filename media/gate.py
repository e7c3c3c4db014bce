"""An energy gate before the VAD: what is no louder than the line's own noise costs no inference."""

OPEN_RATIO = 1.3
"""How much louder than the floor (in amplitude) a frame opens the gate."""
HOLD_FRAMES = 16
"""Half a second after the last loud frame it stays open: words end softly, and pauses within them are short."""
LEAST_RMS = 6.0
"""In 16 bits; G.711's own rounding of silence lies below."""
_RISE = 1.004
"""A frame: the floor doubles in about 6 s of steady noise, so that a line that grows noisy closes again."""


class EnergyGate:
    """One stream's. Pure; its floor is the least loudness of late."""

    def __init__(self) -> None:
        self._floor = LEAST_RMS
        self._held = HOLD_FRAMES

    def open(self, rms: float) -> bool:
        """Whether the VAD is to hear the next frame, of this loudness."""
        self._floor = max(LEAST_RMS, min(self._floor * _RISE, rms))
        self._held = HOLD_FRAMES if rms > self._floor * OPEN_RATIO else self._held - 1
        return self._held > 0
