import asyncio
import socket
import time

import numpy as np

from media.codecs import PCMA, PCMU
from media.rtp import RtpPacket, parse_packet
from media.rtp_sender import RtpLine, RtpSender


def receiver() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(1)
    return sock


async def received(sock: socket.socket, count: int) -> list[RtpPacket]:
    return [parse_packet(await asyncio.to_thread(sock.recv, 2048)) for _ in range(count)]


async def test_lines_go_in_step_each_with_its_own_source() -> None:
    sound = np.arange(0, 8000, 10).astype(np.int16)
    with receiver() as one, receiver() as two:
        sender = RtpSender([RtpLine(sound), RtpLine(sound[:200], "PCMA", 8)], seed=1)
        assert all(port % 2 == 0 for port in sender.local_ports)
        before = time.monotonic()
        started = await sender.send([one.getsockname(), two.getsockname()])
        assert before <= started == sender.started_at
        assert time.monotonic() - started >= 0.08
        first, second = await received(one, 5), await received(two, 5)
        sender.close()
    assert [packet.sequence - first[0].sequence for packet in first] == list(range(5))
    assert [packet.timestamp - first[0].timestamp for packet in first] == [0, 160, 320, 480, 640]
    assert [packet.marker for packet in first] == [True, False, False, False, False]
    assert len({packet.ssrc for packet in first}) == len({packet.ssrc for packet in second}) == 1
    assert first[0].ssrc != second[0].ssrc
    assert b"".join(packet.payload for packet in first) == PCMU.encode(sound)
    assert b"".join(packet.payload for packet in second) == PCMA.encode(np.pad(sound[:200], (0, 600)))


async def test_it_stops_when_told() -> None:
    with receiver() as one:
        sender = RtpSender([RtpLine(np.zeros(80_000, np.int16))], ptime_ms=30, seed=1)
        task = asyncio.create_task(sender.send([one.getsockname()]))
        (packet,) = await received(one, 1)
        sender.stop()
        await task
        sender.close()
    assert len(packet.payload) == 240
