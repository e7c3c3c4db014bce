"""What the far end of a call is played: a notice at its start, then beeps; as RTP packets, by time. Pure."""

from collections.abc import Sequence
from typing import cast

import av
import numpy as np
import soxr

from engine.facts import Pcm16
from media.codecs import CODECS
from media.rtp import RtpPacket
from media.session import AudioCodec

RATE_HZ = 8_000
"""Of the sound that is given."""
PTIME_MS = 20
BEEP_HZ, BEEP_MS = 1_400, 500
"""The tone that says a call is being recorded (47 CFR 64.501(b) has its pitch)."""
_LEVEL = 0.12
"""Of full scale, −18 dBm0: heard beside a voice without covering it."""
_BEHIND = 10
"""Packets that may go out at once after the loop was busy; more would be noise to the peer's jitter buffer, and what is
left to say waits instead."""
_ENCODERS = {"G722": ("g722", 16_000), "opus": ("libopus", 48_000)}


def tone(hz: float, ms: int) -> Pcm16:
    """A sine that begins and ends softly."""
    count = ms * RATE_HZ // 1000
    wave = np.sin(2 * np.pi * hz * np.arange(count) / RATE_HZ) * _LEVEL * 32767
    edge = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / (RATE_HZ * 0.01))
    return (wave * edge).astype(np.int16)


def chime() -> Pcm16:
    """Two notes, for a campaign that has no words of its own: a sound is heard, and nothing is said."""
    return np.concatenate([tone(880, 300), np.zeros(RATE_HZ // 20, np.int16), tone(660, 400)])


def encoded(codec: AudioCodec, sound: Pcm16) -> list[bytes]:
    """Payloads of 20 ms; the last is filled with silence. Raises `ValueError` for codecs that we only hear (G.729)."""
    size = RATE_HZ * PTIME_MS // 1000
    sound = np.concatenate([sound, np.zeros(-len(sound) % size, np.int16)])
    if codec in _ENCODERS:
        return _by_ffmpeg(*_ENCODERS[codec], sound)
    rate_hz = CODECS[codec].rate_hz
    wide = sound if rate_hz == RATE_HZ else np.asarray(soxr.resample(sound, RATE_HZ, rate_hz), np.int16)
    step = rate_hz * PTIME_MS // 1000
    return [CODECS[codec].encode(wide[at : at + step]) for at in range(0, len(wide), step)]


def _by_ffmpeg(name: str, rate_hz: int, sound: Pcm16) -> list[bytes]:
    encoder = cast(av.AudioCodecContext, av.CodecContext.create(name, "w"))
    encoder.sample_rate, encoder.layout, encoder.format = rate_hz, "mono", "s16"
    encoder.bit_rate = 64_000 if name == "g722" else 24_000
    wide = np.asarray(soxr.resample(sound, RATE_HZ, rate_hz), np.int16)
    step = rate_hz * PTIME_MS // 1000
    payloads: list[bytes] = []
    for at in range(0, len(wide), step):
        frame = av.AudioFrame.from_ndarray(wide[at : at + step].reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = rate_hz, at
        payloads += [bytes(packet) for packet in encoder.encode(frame)]
    return [*payloads, *(bytes(packet) for packet in encoder.encode(None))]


class Announcement:
    """One call's. The numbers of its packets go on through silence, as RFC 3550 §5.1 wants them."""

    def __init__(
        self,
        notice: Pcm16,
        codec: AudioCodec,
        payload_type: int,
        *,
        beep_every_s: int = 0,
        ssrc: int,
        sequence: int = 0,
        timestamp: int = 0,
    ) -> None:
        """`beep_every_s`: from the start of one beep to the next, 0 for none. Raises `ValueError` as `encoded` does."""
        self.notice_ms = len(notice) * 1000 // RATE_HZ
        self._notice_sound, self._beep_sound = notice, tone(BEEP_HZ, BEEP_MS) if beep_every_s else notice[:0]
        self._every = max(beep_every_s * 1000 // PTIME_MS, 0)
        self._ssrc, self._sequence, self._timestamp = ssrc, sequence, timestamp
        self._said = 0
        """Payloads of the notice that are out."""
        self._since_beep = 0
        self._slot: int | None = None
        """Time, in payloads; None before the first."""
        self._silent = True
        self.recode(codec, payload_type)

    @property
    def notice_over(self) -> bool:
        return self._said >= len(self._notice)

    def recode(self, codec: AudioCodec, payload_type: int) -> None:
        """Another codec was agreed on. Raises `ValueError` likewise, and then nothing has changed."""
        notice, beep = encoded(codec, self._notice_sound), encoded(codec, self._beep_sound)
        self._notice: Sequence[bytes] = notice
        self._beep: Sequence[bytes] = beep
        self._codec, self._payload_type = codec, payload_type
        self._step = CODECS[codec].clock_hz * PTIME_MS // 1000

    def due(self, now_ms: float, *, heard: bool = True, beeping: bool = True) -> list[RtpPacket]:
        """What is to go out by now, in order. While nobody would hear it the notice waits; `beeping`: the call is being
        recorded."""
        now = int(now_ms // PTIME_MS)
        if self._slot is None:
            self._slot = now - 1
        if now - self._slot > _BEHIND:
            self._silent = True
            self._pass(now - self._slot - 1)
        packets: list[RtpPacket] = []
        while self._slot < now:
            payload = self._next(beeping) if heard else None
            if payload is not None:
                packets.append(self._packet(payload))
            self._silent = payload is None
            self._pass(1)
        return packets

    def _pass(self, slots: int) -> None:
        assert self._slot is not None
        self._slot += slots
        self._timestamp = (self._timestamp + slots * self._step) & 0xFFFFFFFF

    def _next(self, beeping: bool) -> bytes | None:
        if not self.notice_over:
            self._said += 1
            return self._notice[self._said - 1]
        if not self._every or not beeping:
            self._since_beep = 0
            return None
        self._since_beep = self._since_beep % self._every + 1
        place = self._since_beep - 1 - (self._every - len(self._beep))
        return self._beep[place] if place >= 0 else None

    def _packet(self, payload: bytes) -> RtpPacket:
        self._sequence = (self._sequence + 1) & 0xFFFF
        return RtpPacket(self._payload_type, self._sequence, self._timestamp, self._ssrc, payload, marker=self._silent)
