"""How windows of speech are padded, searched and doubted. Depends on the sound alone, never on load."""

import math
from collections.abc import Iterator

import msgspec
import numpy as np

from engine.facts import Samples
from engine.ports.hearing import ListenKind

RATE_HZ = 16_000
PAUSE_S = 0.4
"""Stands for the pause between two segments that are heard together, however long it was."""
OWN_PADDING_S = 1.75
"""So much of the silence behind speech a CPU encodes with it, so that no word ends at the edge (`models.decoder`)."""
_FULL_WINDOW_S = 30.0
_LONGEST_SPEECH_S = 28.0


class Decoding(msgspec.Struct, frozen=True):
    """The defaults are what `benchmarks/accuracy.py` showed to pay."""

    pad_s: float = 6.0
    """Silence after the speech: under 5 s base begins to loop."""
    partial_pad_s: float = 4.0
    """The same of partials, which are heard anew a moment later: a fifth cheaper, 1 word in 250 more is wrong."""
    short_speech_s: float = 2.0
    short_window_s: float = 12.0
    """Speech shorter than `short_speech_s` is misheard in a short window, so it gets this one; partials do without."""
    context_window_s: float = 11.0
    """Least window of a segment heard after those before it, which keeps even short speech from being misheard."""
    context_pad_s: float = 2.0
    """Silence after a segment that is heard after those before it: with so much speech there is less to loop over."""
    sure_log_probability: float = -0.4
    """Words of a greedy search that are clearer than this stay; others are searched for with a beam."""
    redo_window_s: float = 15.0
    beam: int = 3
    """Of finals and speculation whose words are in doubt, or digits. All else is greedy."""
    redo_log_probability: float = -1.0
    redo_compression: float = 2.4
    spelt_numbers: bool = True
    """Numbers come as words, the spoken form: tokens with digits, % and currency signs are never chosen."""
    prompted: bool = False
    """Finals with a `ListenJob.prompt` are decoded a second time behind it, and the likelier holds."""

    def context_s(self, speech_s: float) -> float:
        """Length of the window for a segment and what was said before it, `speech_s` together: a multiple of 0.5 s."""
        return min(_FULL_WINDOW_S, math.ceil(2 * max(self.context_window_s, speech_s + self.context_pad_s)) / 2)

    def window_s(self, speech_s: float, kind: ListenKind = "final") -> float:
        """Length of the window that so much speech is heard in, padding included: a multiple of 0.5 s, 30 s at most."""
        window = speech_s + (self.partial_pad_s if kind == "partial" else self.pad_s)
        if speech_s < self.short_speech_s and kind != "partial":
            window = max(window, self.short_window_s)
        return min(_FULL_WINDOW_S, math.ceil(2 * window) / 2)


def cut_to_fit(speech: Samples) -> Iterator[Samples]:
    """Parts of at most 28 s in order, each cut at the quietest 100 ms of the last third that it could have."""
    longest, step = int(_LONGEST_SPEECH_S * RATE_HZ), RATE_HZ // 10
    while len(speech) > longest:
        third = speech[longest * 2 // 3 : longest]
        power = np.square(third[: len(third) // step * step]).reshape(-1, step).mean(axis=1)
        at = longest * 2 // 3 + int(power.argmin()) * step + step // 2
        yield speech[:at]
        speech = speech[at:]
    yield speech
