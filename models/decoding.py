"""How windows of speech are padded, searched and doubted. Depends on the sound alone, never on load."""

import math

import msgspec

from engine.ports import ListenKind

_FULL_WINDOW_S = 30.0


class Decoding(msgspec.Struct, frozen=True):
    """The defaults are what `benchmarks/accuracy.py` showed to pay."""

    pad_s: float = 6.0
    """Silence after the speech: under 5 s base begins to loop."""
    short_speech_s: float = 2.0
    short_window_s: float = 15.0
    """Speech shorter than `short_speech_s` is misheard in a short window, so it gets this one; partials do without."""
    redo_window_s: float = 15.0
    beam: int = 5
    """Of finals and speculation. Partials are greedy."""
    redo_log_probability: float = -1.0
    redo_compression: float = 2.4
    spelt_numbers: bool = True
    """Numbers come as words, the spoken form: tokens with digits, % and currency signs are never chosen."""

    def window_s(self, speech_s: float, kind: ListenKind = "final") -> float:
        """Length of the window that so much speech is heard in, padding included: a multiple of 0.5 s, 30 s at most."""
        window = speech_s + self.pad_s
        if speech_s < self.short_speech_s and kind != "partial":
            window = max(window, self.short_window_s)
        return min(_FULL_WINDOW_S, math.ceil(2 * window) / 2)
