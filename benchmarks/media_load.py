"""The far ends of media benchmarks: RTP packets made beforehand, sent in real time by a process of its own."""

import multiprocessing
import resource
import socket
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import numpy as np

from engine.facts import Pcm16
from media.codecs import PCMU
from media.rtp import RtpPacket, build_packet
from media.wav_file import read_channels

CALL = Path(__file__).parents[1] / "pipelines" / "demo_calls" / "demo_en_sales.flac"
PACKETS_PER_S = 50
VOICES = 32
"""Streams that differ; further ones send the same at another place in time."""
_SHARES = 4
"""A packet time is cut in so many, and the streams spread over them, as those of unrelated calls are."""


def voices(streams: int, seconds: int) -> list[Pcm16]:
    """Both legs of a call by turns, each stream from another moment on."""
    legs, _ = read_channels(CALL)
    return [np.roll(legs[at % 2], -at * 31_337)[: seconds * 8000] for at in range(streams)]


def packets_of(sound: Pcm16, ssrc: int) -> list[bytes]:
    return [
        build_packet(RtpPacket(0, at & 0xFFFF, at * 160, ssrc, PCMU.encode(sound[at * 160 : (at + 1) * 160])))
        for at in range(len(sound) // 160)
    ]


class Sent(msgspec.Struct, frozen=True):
    packets: int
    core_share: float
    """Of the sending process while it sent."""
    late_p99_ms: float
    """Behind its own schedule: what the receiver cannot be blamed for."""


class Load:
    """Made with the ports; `go` once they are listened to, then `result` when all is sent."""

    def __init__(self, ports: Sequence[int], seconds: int) -> None:
        """Returns when the process is ready to send: blocking, some seconds."""
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_send_all, args=(list(ports), seconds, theirs), daemon=True)
        self._process.start()
        self._ours.recv()

    def go(self) -> None:
        self._ours.send(None)

    def result(self) -> Sent:
        """Blocking."""
        sent: Sent = self._ours.recv()
        self._process.join()
        return sent


def _send_all(ports: list[int], seconds: int, to_parent: Connection) -> None:
    """In the sending process."""
    made = [packets_of(sound, at + 1) for at, sound in enumerate(voices(min(len(ports), VOICES), seconds))]
    streams = [(("127.0.0.1", port), made[at % len(made)]) for at, port in enumerate(ports)]
    shares = [streams[at::_SHARES] for at in range(_SHARES)]
    late: list[float] = []
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        to_parent.send(None)
        to_parent.recv()
        started, cpu = time.monotonic(), time.process_time()
        for at in range(seconds * PACKETS_PER_S):
            for number, share in enumerate(shares):
                due = started + (at + number / _SHARES) / PACKETS_PER_S
                time.sleep(max(0.0, due - time.monotonic()))
                late.append((time.monotonic() - due) * 1000)
                for address, packets in share:
                    sock.sendto(packets[at], address)
        used = (time.process_time() - cpu) / (time.monotonic() - started)
    to_parent.send(Sent(len(ports) * seconds * PACKETS_PER_S, round(used, 3), round(float(np.percentile(late, 99)), 1)))
