"""Codecs of telephony. A codec is a name and a function from payloads to samples; the registry is open to more."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.facts import Pcm16


class Codec(Protocol):
    name: str
    """RFC 3551 encoding name."""
    rate_hz: int

    def samples_in(self, payload: bytes) -> int:
        """How many samples a payload decodes to. Raises `ValueError` when it cannot be a payload of this codec."""

    def decode(self, payloads: Sequence[bytes]) -> list[Pcm16]:
        """All payloads at once, each on its own: arrays in the same order. They are read-only views of one array."""

    def encode(self, samples: Pcm16) -> bytes: ...


MAX_PAYLOAD_MS = 200
"""RFC 3551 §4.2: receivers should take packets of 0 to 200 ms."""


def _mu_law_table() -> Pcm16:
    """ITU-T G.711 table 2a: 8 segments with a bias of 33, bits inverted; in 14-bit steps, scaled to 16."""
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) * 2 + 33) << (code >> 4 & 7)) - 33
    return (np.where(code & 0x80, -magnitude, magnitude) * 4).astype(np.int16)


def _a_law_table() -> Pcm16:
    """ITU-T G.711 table 1a: even bits inverted, the first segment linear; in 13-bit steps, scaled to 16."""
    code = np.arange(256) ^ 0x55
    segment = code >> 4 & 7
    step = (code & 0x0F) * 2 + 1
    magnitude = np.where(segment == 0, step, (step + 32) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) * 8).astype(np.int16)


def _encode_table(decode: Pcm16) -> NDArray[np.uint8]:
    """The nearest code for each of the 65,536 samples; of two equally near ones that of the smaller magnitude."""
    order = np.argsort(decode, kind="stable")
    levels = decode[order].astype(np.int32)
    samples = np.arange(-32768, 32768)
    right = np.clip(np.searchsorted(levels, samples), 1, 255)
    left = right - 1
    below, above = samples - levels[left], levels[right] - samples
    take_left = (below < above) | ((below == above) & (samples > 0))
    nearest = order[np.where(take_left, left, right)].astype(np.uint8)
    nearest[32768] |= 0x80  # zero has two codes; senders use the positive one
    return np.roll(nearest, 32768)  # indexed by the sample's unsigned 16-bit pattern


class G711:
    """Both laws: one byte a sample at 8 kHz."""

    rate_hz = 8000

    def __init__(self, name: str, table: Pcm16) -> None:
        self.name = name
        self._decode = table
        self._encode = _encode_table(table)

    def samples_in(self, payload: bytes) -> int:
        if not 0 < len(payload) <= self.rate_hz * MAX_PAYLOAD_MS // 1000:
            raise ValueError("G.711 payload length is out of bounds")
        return len(payload)

    def decode(self, payloads: Sequence[bytes]) -> list[Pcm16]:
        samples = self._decode[np.frombuffer(b"".join(payloads), np.uint8)]
        samples.flags.writeable = False
        views, start = [], 0
        for payload in payloads:
            views.append(samples[start : start + len(payload)])
            start += len(payload)
        return views

    def encode(self, samples: Pcm16) -> bytes:
        return self._encode[samples.view(np.uint16)].tobytes()


PCMU = G711("PCMU", _mu_law_table())
PCMA = G711("PCMA", _a_law_table())

CODECS: Mapping[str, Codec] = {codec.name: codec for codec in (PCMU, PCMA)}
