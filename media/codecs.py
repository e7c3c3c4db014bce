"""Codecs of telephony: G.711 in one table look-up for all calls, linear samples, and the registry of all."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.facts import Pcm16
from media.codec import MAX_PAYLOAD_MS, Codec, Decoder
from media.compressed import G722, G729, Opus


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
    """Both laws: one byte a sample at 8 kHz. Its own decoder, since it keeps nothing."""

    rate_hz = clock_hz = 8000

    def __init__(self, name: str, table: Pcm16) -> None:
        self.name = name
        self.encoding = f"{name}/8000"
        self._decode = table
        self._encode = _encode_table(table)

    def samples_in(self, payload: bytes) -> int:
        if not 0 < len(payload) <= self.rate_hz * MAX_PAYLOAD_MS // 1000:
            raise ValueError("G.711 payload length is out of bounds")
        return len(payload)

    def decode(self, payloads: Sequence[bytes]) -> list[Pcm16]:
        """All payloads at once, each on its own: read-only views of one array, in the same order."""
        samples = self._decode[np.frombuffer(b"".join(payloads), np.uint8)]
        samples.flags.writeable = False
        views, start = [], 0
        for payload in payloads:
            views.append(samples[start : start + len(payload)])
            start += len(payload)
        return views

    def decoder(self) -> Decoder:
        return _OneByOne(self)

    def encode(self, samples: Pcm16) -> bytes:
        return self._encode[samples.view(np.uint16)].tobytes()


class _OneByOne:
    def __init__(self, codec: G711) -> None:
        self._codec = codec

    def decode(self, payload: bytes) -> Pcm16:
        return self._codec.decode([payload])[0]


class Linear16:
    """RFC 3551 §4.5.11: signed samples in network order."""

    def __init__(self, rate_hz: int) -> None:
        self.name = self.encoding = f"L16/{rate_hz}"
        self.rate_hz = self.clock_hz = rate_hz

    def samples_in(self, payload: bytes) -> int:
        if len(payload) % 2 or not 0 < len(payload) <= self.rate_hz * 2 * MAX_PAYLOAD_MS // 1000:
            raise ValueError("L16 payload length is out of bounds")
        return len(payload) // 2

    def decoder(self) -> Decoder:
        return self

    def decode(self, payload: bytes) -> Pcm16:
        return np.frombuffer(payload, ">i2").astype(np.int16)

    def encode(self, samples: Pcm16) -> bytes:
        return samples.astype(">i2").tobytes()


PCMU = G711("PCMU", _mu_law_table())
PCMA = G711("PCMA", _a_law_table())

_ALL: Sequence[Codec] = (PCMU, PCMA, Linear16(8_000), Linear16(16_000), G722(), Opus(), G729())
CODECS: Mapping[str, Codec] = {codec.name: codec for codec in _ALL}
