"""Lost packets: the last pitch period goes on and fades, as in ITU-T G.711 appendix I; after 60 ms there is silence."""

import numpy as np

from engine.facts import Pcm16

CONCEALED_MS = 60
"""Appendix I fades to silence by 60 ms; longer losses hold speech that nobody can guess."""
_PITCH_MIN, _PITCH_MAX = 40, 120
"""66 to 200 Hz at 8 kHz (appendix I §I.2.2)."""
HISTORY = 3 * _PITCH_MAX
"""Samples before the loss that the pitch is looked for in."""


def conceal(history: Pcm16, count: int) -> Pcm16:
    """`count` samples at 8 kHz to follow `history`, fading linearly from its loudness to silence at 60 ms."""
    longest = CONCEALED_MS * 8
    if len(history) < HISTORY:
        return np.zeros(count, np.int16)
    tail = history[-HISTORY:].astype(np.float32)
    period = tail[-_pitch(tail) :]
    heard = min(count, longest)
    fade = 1 - np.arange(heard, dtype=np.float32) / longest
    repeated = np.zeros(count, np.int16)
    repeated[:heard] = np.resize(period, heard) * fade
    return repeated


def _pitch(tail: np.typing.NDArray[np.float32]) -> int:
    """The lag at which the last 20 ms look most like what came before them (normalised correlation)."""
    now = tail[-160:]
    lags = np.arange(_PITCH_MIN, _PITCH_MAX + 1)
    before = np.lib.stride_tricks.sliding_window_view(tail, 160)[len(tail) - 160 - lags]
    likeness = before @ now / np.sqrt(np.einsum("ij,ij->i", before, before) + 1)
    return int(lags[np.argmax(likeness)])
