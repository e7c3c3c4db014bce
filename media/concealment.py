"""Lost packets: the last pitch period goes on and fades, as in ITU-T G.711 appendix I; after 60 ms there is silence."""

import numpy as np

from engine.facts import Pcm16

CONCEALED_MS = 60
"""Appendix I fades to silence by 60 ms; longer losses hold speech that nobody can guess."""
_PITCH_MIN, _PITCH_MAX = 40, 120
"""66 to 200 Hz at 8 kHz (appendix I §I.2.2)."""
HISTORY_MS = 45
"""Sound before the loss that the pitch is looked for in."""


def conceal(history: Pcm16, count: int, rate_hz: int = 8000) -> Pcm16:
    """`count` samples to follow `history`, fading linearly from its loudness to silence at 60 ms. `rate_hz` is a
    multiple of 8,000."""
    per_ms = rate_hz // 1000
    longest = CONCEALED_MS * per_ms
    if len(history) < HISTORY_MS * per_ms:
        return np.zeros(count, np.int16)
    tail = history[-HISTORY_MS * per_ms :].astype(np.float32)
    period = tail[-_pitch(tail, per_ms // 8) :]
    heard = min(count, longest)
    fade = 1 - np.arange(heard, dtype=np.float32) / longest
    repeated = np.zeros(count, np.int16)
    repeated[:heard] = np.resize(period, heard) * fade
    return repeated


def _pitch(tail: np.typing.NDArray[np.float32], scale: int) -> int:
    """The lag at which the last 20 ms look most like what came before them (normalised correlation)."""
    size = 160 * scale
    now = tail[-size:]
    lags = np.arange(_PITCH_MIN, _PITCH_MAX + 1) * scale
    before = np.lib.stride_tricks.sliding_window_view(tail, size)[len(tail) - size - lags]
    likeness = before @ now / np.sqrt(np.einsum("ij,ij->i", before, before) + 1)
    return int(lags[np.argmax(likeness)])
