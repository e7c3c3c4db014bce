"""Sends an announcement from a stream's own port, to whoever sends that stream."""

import contextlib
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr
import structlog

from engine.facts import CallEvent, Fact, Pcm16
from engine.ports.intake import MediaNotice
from media.announcement import RATE_HZ, Announcement, chime
from media.rtp import build_packet
from media.rtp_port import RtpPort
from media.rtp_stream import RtpStream
from media.session import AudioCodec
from media.wav_file import NotAudioError, read_channels

log = structlog.get_logger()

LONGEST_S = 60
"""Of a notice; more is a mistake, and is cut."""
_STARTS, _STOPS = ("recording.started", "recording.resumed"), ("recording.paused", "recording.failed")
HEEDED = (*_STARTS, *_STOPS)
"""Names of the facts that `Speaker.told` goes by: the newest alone holds."""


def notice_sound(files: Sequence[str]) -> tuple[Pcm16, bool]:
    """The first of the files that is there, at 8 kHz, and whether it has words: without any it is the bundled tone.
    Blocking."""
    for name in files:
        if Path(name).is_file():
            try:
                channels, rate_hz = read_channels(Path(name))
            except NotAudioError as error:
                log.error("notice.unreadable", file=name, error=str(error))
                continue
            mono = np.mean(np.stack(channels), axis=0)
            sound = np.asarray(soxr.resample(mono, rate_hz, RATE_HZ).round(), np.int16)
            return sound[: LONGEST_S * RATE_HZ], True
    return chime(), False


class Speaker:
    """One call's. Raises `ValueError` where the stream's codec is one that we only hear."""

    def __init__(
        self, stream: RtpStream, port: RtpPort, notice: Pcm16, *, words: bool, beep_every_s: int, peer_host: str
    ) -> None:
        """`words`: the notice says something. `peer_host` is where the signalling comes from."""
        chance = random.SystemRandom()
        self._stream, self._port, self._peer_host = stream, port, peer_host
        self._announcement = Announcement(
            notice,
            stream.offer.codec,
            stream.offer.payload_type,
            beep_every_s=beep_every_s,
            ssrc=stream.reporter.ssrc,
            sequence=chance.getrandbits(15),
            timestamp=chance.getrandbits(32),
        )
        self._agreed: tuple[AudioCodec, int] = (stream.offer.codec, stream.offer.payload_type)
        self._mute = False
        self._words = words
        self._told_over = not self._announcement.notice_ms
        self._recording = False

    def told(self, facts: Sequence[Fact]) -> None:
        """Beeps go with the recording."""
        for fact in facts:
            if isinstance(fact, CallEvent) and fact.name in HEEDED:
                self._recording = fact.name in _STARTS

    def speak(self, now_ms: float, *, held: bool) -> MediaNotice | None:
        """Sends what is due; once, says that the notice has been played."""
        address = self._stream.rtp_address(self._peer_host)
        heard = address is not None and self._stream.offer.listens and not held and self._agree()
        for packet in self._announcement.due(now_ms, heard=heard, beeping=self._recording):
            assert address is not None
            self._stream.sent.count(packet, time.time())
            with contextlib.suppress(OSError):  # a full buffer or a closed port loses a packet, as networks do
                self._port.sockets[0].sendto(self._stream.protect(build_packet(packet)), address)
        if self._told_over or not self._announcement.notice_over:
            return None
        self._told_over = True
        data = {"what": "words" if self._words else "tone", "length_ms": self._announcement.notice_ms}
        return MediaNotice(round(now_ms), "notice.played", self._stream.offer.stream, data)

    def _agree(self) -> bool:
        """Whether we can speak in the codec that is agreed on now."""
        agreed = (self._stream.offer.codec, self._stream.offer.payload_type)
        if agreed != self._agreed:
            self._agreed = agreed
            try:
                self._announcement.recode(*agreed)
                self._mute = False
            except ValueError:
                log.warning("notice.silenced", codec=agreed[0])
                self._mute = True
        return not self._mute
