"""Sends sound as RTP in real time: the far end of a call, for the demo's player and for tests."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Sequence

import msgspec
import numpy as np

from engine.facts import Pcm16
from media.codec import Codec
from media.codecs import CODECS
from media.rtp import RtpPacket, build_packet

Address = tuple[str, int]


class RtpLine(msgspec.Struct, frozen=True):
    """What one line sends: 8 kHz sound, one SSRC."""

    samples: Pcm16
    codec: str = "PCMU"
    payload_type: int = 0


class _Line:
    def __init__(self, line: RtpLine, sock: socket.socket, chance: random.Random) -> None:
        self.socket = sock
        self.codec: Codec = CODECS[line.codec]
        self._line = line
        # RFC 3550 §5.1: first numbers are random, so that streams cannot be mistaken for each other
        self._ssrc = chance.getrandbits(32)
        self._sequence = chance.getrandbits(16)
        self._timestamp = chance.getrandbits(32)

    def packet(self, number: int, size: int) -> bytes:
        sound = self._line.samples[number * size : (number + 1) * size]
        payload = self.codec.encode(np.pad(sound, (0, size - len(sound))))
        return build_packet(
            RtpPacket(
                self._line.payload_type,
                self._sequence + number,
                self._timestamp + number * size,
                self._ssrc,
                payload,
                marker=number == 0,
            )
        )


class RtpSender:
    """Several lines in step. Open it, tell the peer `local_ports`, `send`, `close`."""

    def __init__(
        self, lines: Sequence[RtpLine], *, host: str = "127.0.0.1", ptime_ms: int = 20, seed: int | None = None
    ) -> None:
        """Binds an even port a line. `seed` makes SSRCs and first numbers repeatable. Raises `OSError`."""
        self.started_at: float | None = None
        """Monotonic seconds of the first packet: script time 0."""
        self._ptime_ms = ptime_ms
        self._stopped = asyncio.Event()
        chance = random.Random(seed)
        self._lines: list[_Line] = []
        try:
            for line in lines:
                self._lines.append(_Line(line, _even_socket(host), chance))
        except OSError:
            self.close()
            raise
        self._packets = max(
            (-(-len(line.samples) * 1000 // (CODECS[line.codec].rate_hz * ptime_ms)) for line in lines), default=0
        )

    @property
    def local_ports(self) -> tuple[int, ...]:
        return tuple(int(line.socket.getsockname()[1]) for line in self._lines)

    async def send(self, remotes: Sequence[Address]) -> float:
        """All sound to one address a line, paced on the monotonic clock so that late wake-ups do not add up; shorter
        lines go on with silence. Returns `started_at` once all is sent or `stop` is called."""
        start = self.started_at = time.monotonic()
        for number in range(self._packets):
            delay = start + number * self._ptime_ms / 1000 - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            if self._stopped.is_set():
                break
            for line, remote in zip(self._lines, remotes, strict=True):
                size = line.codec.rate_hz * self._ptime_ms // 1000
                with contextlib.suppress(OSError):  # a full buffer or a closed port loses a packet, as networks do
                    line.socket.sendto(line.packet(number, size), remote)
        return start

    def stop(self) -> None:
        """No packet is sent after the next one."""
        self._stopped.set()

    def close(self) -> None:
        for line in self._lines:
            line.socket.close()


def _even_socket(host: str) -> socket.socket:
    """RFC 3550 §11: RTP has the even port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    passed: list[socket.socket] = []
    try:
        for _ in range(64):
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.bind((host, 0))
            if sock.getsockname()[1] % 2 == 0:
                return sock
            passed.append(sock)
        raise OSError("no even UDP port is free")
    finally:
        for sock in passed:
            sock.close()
