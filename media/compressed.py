"""Codecs that keep a state from packet to packet, decoded by FFmpeg: G.722, Opus and G.729."""

import contextlib
from collections.abc import Callable
from typing import cast

import av
import numpy as np

from engine.facts import Pcm16
from media.audio import MODEL_RATE_HZ, Resampler
from media.codec import MAX_PAYLOAD_MS, Decoder

_OPUS_HZ = 48_000
_OPUS_MAX_MS = 120
_OPUS_FRAME = (
    *(480, 960, 1920, 2880) * 3,  # SILK: 10 to 60 ms, at three bandwidths
    *(480, 960) * 2,  # hybrid
    *(120, 240, 480, 960) * 4,  # CELT, 2.5 to 20 ms
)
"""Samples of a frame at 48 kHz by the TOC's configuration (RFC 6716 §3.1, table 2)."""
_G729_FRAME, _G729_SILENCE = 10, 2
"""Octets of 10 ms, and of annex B's description of silence, which may end a packet (RFC 3551 §4.5.6)."""


class G722:
    """64 kbit/s. RFC 3551 §4.5.2: its timestamps count 8,000 a second, by an old error; its sound has 16,000."""

    name, encoding = "G722", "G722/8000"
    clock_hz, rate_hz = 8000, MODEL_RATE_HZ

    def samples_in(self, payload: bytes) -> int:
        if not 0 < len(payload) <= 8 * MAX_PAYLOAD_MS:
            raise ValueError("G.722 payload length is out of bounds")
        return len(payload) * 2

    def decoder(self) -> Decoder:
        return _Ffmpeg("g722", 16_000, self.samples_in)

    def encode(self, samples: Pcm16) -> bytes:
        raise ValueError("G.722 is only heard")


class Opus:
    """RFC 7587: always 48,000 and two channels in SDP, whatever is sent. We hear it as mono at 16 kHz."""

    name, encoding = "opus", "opus/48000/2"
    clock_hz, rate_hz = _OPUS_HZ, MODEL_RATE_HZ

    def samples_in(self, payload: bytes) -> int:
        if not payload:
            raise ValueError("an Opus packet is empty")
        code = payload[0] & 3  # RFC 6716 §3.2: how many frames
        if code == 3 and len(payload) < 2:
            raise ValueError("an Opus packet is truncated")
        frames = (1, 2, 2, payload[1] & 0x3F if code == 3 else 0)[code]
        samples = frames * _OPUS_FRAME[payload[0] >> 3]
        if not 0 < samples <= _OPUS_HZ * _OPUS_MAX_MS // 1000:
            raise ValueError("an Opus packet's length is out of bounds")
        return samples // 3

    def decoder(self) -> Decoder:
        return _Ffmpeg("libopus", _OPUS_HZ, self.samples_in)

    def encode(self, samples: Pcm16) -> bytes:
        raise ValueError("Opus is only heard")


class G729:
    """8 kbit/s; taken where a peer offers nothing else. Annex B's silence is passed over, and refused in SDP."""

    name, encoding = "G729", "G729/8000"
    clock_hz = rate_hz = 8000

    def samples_in(self, payload: bytes) -> int:
        frames, rest = divmod(len(payload), _G729_FRAME)
        if rest not in (0, _G729_SILENCE) or frames > MAX_PAYLOAD_MS // 10 or not payload:
            raise ValueError("G.729 payload length is out of bounds")
        return frames * 80

    def decoder(self) -> Decoder:
        return _Ffmpeg("g729", 8000, self.samples_in, packet=_G729_FRAME)

    def encode(self, samples: Pcm16) -> bytes:
        raise ValueError("G.729 is only heard")


class _Ffmpeg:
    """A decoder of FFmpeg's, brought to the rate that we hear."""

    def __init__(self, name: str, rate_hz: int, samples_in: Callable[[bytes], int], packet: int = 0) -> None:
        """`packet`: octets that FFmpeg takes at a time; 0: all that an RTP packet has."""
        self._codec = cast(av.AudioCodecContext, av.CodecContext.create(name, "r"))
        self._codec.sample_rate, self._codec.layout = rate_hz, "mono"
        self._codec.thread_count = 1
        self._resampler = Resampler(rate_hz, MODEL_RATE_HZ) if rate_hz > MODEL_RATE_HZ else None
        self._samples_in = samples_in
        self._packet = packet

    def decode(self, payload: bytes) -> Pcm16:
        count = self._samples_in(payload)
        parts = [np.zeros(0, np.int16)]
        step = self._packet or len(payload)
        with contextlib.suppress(av.FFmpegError, ValueError):
            for at in range(0, len(payload) - step + 1, step):
                parts += map(_mono, self._codec.decode(av.Packet(payload[at : at + step])))
        decoded = np.concatenate(parts)
        sound = np.zeros(count if self._resampler is None else count * 3, np.int16)
        sound[: len(decoded)] = decoded[: len(sound)]
        return sound if self._resampler is None else self._resampler.put(sound)


def _mono(frame: av.AudioFrame) -> Pcm16:
    sound = frame.to_ndarray()[0]
    if sound.dtype != np.int16:
        sound = np.clip(np.rint(sound * 32768), -32768, 32767)
    return np.asarray(sound, np.int16)
