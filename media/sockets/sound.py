"""Payloads of sockets as samples: G.711 and linear sound of either byte order, by the names that platforms use."""

from typing import Literal

import msgspec
import numpy as np

from engine.facts import Pcm16
from media.codecs import PCMA, PCMU
from media.sockets.wire import Malformed

Encoding = Literal["PCMU", "PCMA", "L16"]
RATES = (8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000)

_NAMES: dict[str, Encoding] = {
    "audio/x-mulaw": "PCMU",
    "audio/mulaw": "PCMU",
    "audio/pcmu": "PCMU",
    "mulaw": "PCMU",
    "ulaw": "PCMU",
    "pcmu": "PCMU",
    "audio/x-alaw": "PCMA",
    "audio/alaw": "PCMA",
    "audio/pcma": "PCMA",
    "alaw": "PCMA",
    "pcma": "PCMA",
    "audio/x-l16": "L16",
    "audio/l16": "L16",
    "l16": "L16",
    "raw/slin": "L16",
    "base64": "L16",
    "slin": "L16",
    "slin16": "L16",
}


class Format(msgspec.Struct, frozen=True):
    encoding: Encoding
    rate_hz: int = 8000
    channels: int = 1
    big_endian: bool = False

    def decode(self, payload: bytes) -> list[Pcm16]:
        """Samples of each channel, from interleaved payload. Raises `Malformed` for a part of a sample."""
        width = (2 if self.encoding == "L16" else 1) * self.channels
        if not payload or len(payload) % width:
            raise Malformed("a payload is no whole number of samples")
        if self.encoding == "L16":
            samples = np.frombuffer(payload, ">i2" if self.big_endian else "<i2").astype(np.int16)
        else:
            samples = (PCMU if self.encoding == "PCMU" else PCMA).decode([payload])[0]
        return [np.ascontiguousarray(samples[at :: self.channels]) for at in range(self.channels)]


def format_of(name: object, rate_hz: object = 8000, channels: int = 1, *, big_endian: bool = False) -> Format:
    """By a platform's name for it. Raises `Malformed` for what we cannot decode."""
    encoding = _NAMES.get(name.strip().lower()) if isinstance(name, str) else None
    rate = int(rate_hz) if isinstance(rate_hz, int) or (isinstance(rate_hz, str) and rate_hz.isdecimal()) else 0
    if encoding is None or rate not in RATES or (encoding != "L16" and rate != 8000):
        raise Malformed("the encoding or its rate is not one that we decode")
    return Format(encoding, rate, channels, big_endian)
