"""Two people's telephone sound for the clients to send, and how well a session heard it."""

from functools import cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from engine.facts import Pcm16
from media.wav_file import read_channels

CALL = Path(__file__).parents[2] / "data" / "call_15s.flac"
SECONDS = 4
FRAME = 160
"""20 ms at 8 kHz."""


def to_ulaw(samples: Pcm16) -> bytes:
    """ITU-T G.711 by its formula: sign, exponent of the biased magnitude, four bits of mantissa, all inverted."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32_635) + 132
    exponent = np.maximum(np.floor(np.log2(magnitude)).astype(np.int32) - 7, 0)
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    return bytes((~(sign | exponent << 4 | mantissa) & 0xFF).astype(np.uint8))


def from_ulaw(data: bytes) -> Pcm16:
    code = ~np.frombuffer(data, np.uint8).astype(np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


@cache
def voices() -> tuple[Pcm16, Pcm16]:
    """The customer's and the agent's first seconds at 8 kHz, as G.711 has them; both are loud enough to compare."""
    channels, rate = read_channels(CALL)
    both = [np.asarray(soxr.resample(channel, rate, 8000), np.int16) for channel in channels]
    both = [both[0], both[-1] if len(both) > 1 else both[0][::-1].copy()]
    cut = []
    for samples in both:
        energy = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
        start = int(np.argmax(energy[8000 * SECONDS :] - energy[: -8000 * SECONDS]))
        cut.append(from_ulaw(to_ulaw(samples[start : start + 8000 * SECONDS])))
    return cut[0], cut[1]


def wide(samples: Pcm16, rate: int = 16_000) -> Pcm16:
    return np.asarray(soxr.resample(samples, 8000, rate), np.int16)


def correlation(heard: NDArray[np.int16], sent: Pcm16) -> float:
    """Of what `session.audio` gave (16 kHz) with what was sent (8 kHz), at no shift."""
    reference = wide(sent)[: len(heard)].astype(np.float64)
    one = heard[: len(reference)].astype(np.float64)
    if not one.any():
        return 0.0
    return float(np.corrcoef(one, reference)[0, 1])


def best_correlation(heard: NDArray[np.int16], sent: Pcm16) -> float:
    """As `correlation`, at the shift that fits best: the arrival of a first packet is not known to the millisecond."""
    one, reference = heard.astype(np.float64), wide(sent).astype(np.float64)
    size = len(one) + len(reference)
    products = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(reference, size)), size)
    shift = int(np.argmax(products[: max(1, len(one) - len(reference))]))
    part = one[shift : shift + len(reference)]
    return float(np.corrcoef(part, reference[: len(part)])[0, 1]) if part.any() else 0.0
