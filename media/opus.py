"""Speech as Opus (RFC 6716): 20 ms packets of one or two channels, cheap enough for every call at once."""

from fractions import Fraction
from typing import Final

import av
import numpy as np

from engine.facts import Pcm16

RATE_HZ: Final = 16_000
FRAME: Final = RATE_HZ // 50
"""20 ms, samples a channel."""
PRE_SKIP: Final = 312
"""Samples at 48 kHz that libopus looks ahead with `voip`: the decoder drops them (RFC 7845 §4.2)."""
BITS_A_SECOND: Final = 20_000
"""A channel; wideband speech is transparent to most ears from here on."""
COMPLEXITY: Final = 1
"""Of 10: about 1 % of a core for a call of two channels, half of what 3 costs at the same rate."""


class OpusEncoder:
    """Sound in pieces of any length, packets out. Blocking; not thread-safe."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self._layout = "mono" if channels == 1 else "stereo"
        self._codec = av.CodecContext.create("libopus", "w")
        self._codec.sample_rate = RATE_HZ
        self._codec.layout = self._layout
        self._codec.format = "s16"
        self._codec.bit_rate = BITS_A_SECOND * channels
        self._codec.time_base = Fraction(1, RATE_HZ)
        # Family 255 codes each channel as a stream of its own; coupled stereo would leak one speaker into the other.
        families = {} if channels == 1 else {"mapping_family": "255"}
        self._codec.options = {"application": "voip", "compression_level": str(COMPLEXITY), **families}
        self._codec.open()
        self._rest = np.zeros((0, channels), np.int16)
        self._fed = 0

    def encode(self, sound: Pcm16) -> list[bytes]:
        """`sound`: int16[samples, channels]. Less than a frame waits for the next call."""
        sound = np.concatenate((self._rest, sound))
        whole = len(sound) // FRAME * FRAME
        self._rest = sound[whole:]
        return [packet for at in range(0, whole, FRAME) for packet in self._frame(sound[at : at + FRAME])]

    def flush(self) -> list[bytes]:
        """The last sound, with silence to the end of its frame and for the look-ahead."""
        short = -(len(self._rest) + PRE_SKIP // 3) % FRAME + PRE_SKIP // 3
        packets = self.encode(np.zeros((short, self.channels), np.int16))
        return packets + [bytes(packet) for packet in self._codec.encode(None)]

    def _frame(self, sound: Pcm16) -> list[bytes]:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound).reshape(1, -1), "s16", self._layout)
        frame.sample_rate, frame.pts = RATE_HZ, self._fed
        self._fed += FRAME
        return [bytes(packet) for packet in self._codec.encode(frame)]
