"""One party's packets on real sockets: whose are taken, where ours go, what is reported."""

import asyncio
import socket
import time
from collections.abc import Iterator

import msgspec
import pytest

from engine.errors import Overloaded
from media.bridge.description import FarLine
from media.bridge.rtp_line import RtpLine, RtpLines
from media.bridge.telephone_events import event_payloads
from media.ports import PortRange
from media.rtcp import parse_reports
from media.rtp import RtpPacket, build_packet, parse_packet
from media.source_lock import Address
from media.srtp import SrtpKeys, SrtpReader, SrtpWriter, new_key


class Peer:
    """A socket that speaks RTP."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    @property
    def address(self) -> Address:
        host, port = self.socket.getsockname()
        return host, port

    def say(self, line: RtpLine, *numbers: int, kind: int = 0, ssrc: int = 5) -> None:
        for number in numbers:
            packet = RtpPacket(kind, number, 160 * number, ssrc, bytes([number]) * 160)
            self.socket.sendto(build_packet(packet), ("127.0.0.1", line.number))

    async def hear(self) -> bytes:
        async with asyncio.timeout(5.0):
            return await asyncio.get_running_loop().sock_recv(self.socket, 2048)


@pytest.fixture
def peers() -> Iterator[tuple[Peer, Peer]]:
    both = Peer(), Peer()
    yield both
    for peer in both:
        peer.socket.close()


def far(address: Address, event: int = 101, event_hz: int = 8000) -> FarLine:
    return FarLine(0, {"PCMU": 0}, "sendrecv", *address, events={"PCMU": event}, event_clocks={event: event_hz})


class Ear:
    """Keeps what a line hears."""

    def __init__(self, line: RtpLine) -> None:
        self._packets: asyncio.Queue[RtpPacket] = asyncio.Queue()
        line.voice = self._packets.put_nowait

    async def hear(self, count: int) -> list[RtpPacket]:
        """The next so many."""
        async with asyncio.timeout(5.0):
            return [await self._packets.get() for _ in range(count)]


async def test_strangers_and_other_payloads_are_not_heard(peers: tuple[Peer, Peer]) -> None:
    lines = RtpLines("127.0.0.1", PortRange(26_500, 26_503))
    line = lines.open()
    ear = Ear(line)
    line.agree(far(peers[0].address), "PCMU", None)
    peers[0].say(line, 1, 2)
    peers[1].say(line, 3, 4, ssrc=6)
    peers[0].say(line, 5, kind=8)
    peers[0].socket.sendto(b"no packet", ("127.0.0.1", line.number))
    peers[0].say(line, 6)
    assert [packet.sequence for packet in await ear.hear(3)] == [1, 2, 6]
    lines.close()


async def test_sound_goes_to_where_the_peer_really_is(peers: tuple[Peer, Peer]) -> None:
    lines = RtpLines("127.0.0.1", PortRange(26_500, 26_503))
    line = lines.open()
    ear = Ear(line)
    line.agree(far(peers[0].address), "PCMU", None)
    line.play(RtpPacket(8, 9, 1440, 77, b"a" * 160))
    first = parse_packet(await peers[0].hear())
    assert (first.payload_type, first.payload) == (0, b"a" * 160)
    peers[1].say(line, *range(1, 60))  # a second of it: the address in its description was that of its network
    await ear.hear(50)
    line.play(RtpPacket(8, 10, 1600, 77, b"b" * 160))
    second = parse_packet(await peers[1].hear())
    assert (second.ssrc, second.sequence) == (first.ssrc, (first.sequence + 1) & 0xFFFF)
    lines.close()


async def test_after_a_hold_of_old_sound_goes_to_where_the_peer_really_is(peers: tuple[Peer, Peer]) -> None:
    lines = RtpLines("127.0.0.1", PortRange(26_500, 26_503))
    line = lines.open()
    ear = Ear(line)
    described = far(peers[0].address)  # as its own network knows it
    line.agree(described, "PCMU", None)
    peers[1].say(line, 1, 2)
    await ear.hear(2)
    line.agree(msgspec.structs.replace(described, host="", direction="inactive"), "PCMU", None)  # c=0.0.0.0
    line.play(RtpPacket(8, 9, 1440, 77, b"lost" * 40))
    line.agree(described, "PCMU", None)
    peers[1].say(line, 3)
    await ear.hear(1)
    line.play(RtpPacket(8, 10, 1600, 77, b"b" * 160))
    assert parse_packet(await peers[1].hear()).payload == b"b" * 160
    lines.close()


async def test_peer_that_names_another_address_and_still_sends_from_the_old_one(peers: tuple[Peer, Peer]) -> None:
    lines = RtpLines("127.0.0.1", PortRange(26_500, 26_503))
    line = lines.open()
    ear = Ear(line)
    line.agree(far(peers[0].address), "PCMU", None)
    peers[0].say(line, 1, 2)
    await ear.hear(2)
    line.agree(far(peers[1].address), "PCMU", None)

    async def sound_goes_to(peer: Peer, number: int, after_s: float) -> None:
        packet = build_packet(RtpPacket(0, number, 160 * number, 5, b"a" * 160))
        line._take(packet, peers[0].address, time.monotonic() + after_s)
        await ear.hear(1)
        line.play(RtpPacket(8, number, 160 * number, 77, bytes([number]) * 160))
        assert parse_packet(await peer.hear()).payload[0] == number

    await sound_goes_to(peers[1], 3, 0.0)  # a packet that was under way tells nothing
    await sound_goes_to(peers[0], 4, 1.0)
    peers[1].say(line, 5, 6)  # now it has moved
    await ear.hear(1)
    line.play(RtpPacket(8, 7, 1120, 77, b"c" * 160))
    assert parse_packet(await peers[1].hear()).payload == b"c" * 160
    lines.close()


@pytest.mark.parametrize(("number", "clock_hz"), [(96, 8000), (101, 8000), (96, 48_000), (110, 48_000)])
async def test_keys_of_a_peer_that_answered_with_another_number_or_clock(
    peers: tuple[Peer, Peer], number: int, clock_hz: int
) -> None:
    lines = RtpLines("127.0.0.1", PortRange(26_500, 26_503))
    line = lines.open()
    ear, pressed = Ear(line), asyncio.Queue[tuple[str, int]]()
    line.pressed = lambda key, duration_ms: pressed.put_nowait((key, duration_ms))
    line.agree(far(peers[0].address, 96, clock_hz), "PCMU", None)
    peers[0].say(line, 1, 2)
    await ear.hear(2)
    for sequence, payload in enumerate(event_payloads("7", 100, clock_hz), 3):
        event = RtpPacket(number, sequence, 480, 5, payload)
        peers[0].socket.sendto(build_packet(event), ("127.0.0.1", line.number))
    async with asyncio.timeout(5.0):
        assert await pressed.get() == ("7", 100)
    line.press("8", 20)
    told = parse_packet(await peers[0].hear())
    assert (told.payload_type, told.payload) == (96, next(event_payloads("8", 20, clock_hz)))
    lines.close()


async def test_reports_tell_what_we_hear_and_what_we_send(peers: tuple[Peer, Peer]) -> None:
    lines = RtpLines("127.0.0.1", PortRange(26_500, 26_503))
    line = lines.open()
    ear = Ear(line)
    host, port = peers[0].address
    described = FarLine(
        0, {"PCMU": 0}, "sendrecv", host, port, rtcp_host=peers[1].address[0], rtcp_port=peers[1].address[1]
    )
    line.agree(described, "PCMU", None)
    peers[0].say(line, 1, 2, 3)
    await ear.hear(3)
    line.play(RtpPacket(0, 1, 160, 77, b"a" * 160))
    lines.report(time.monotonic() + 60.0)
    report = await peers[1].hear()
    (sender,) = parse_reports(report)
    assert sender.ssrc == parse_packet(await peers[0].hear()).ssrc
    assert int.from_bytes(report[20:24]) == 1, "packets sent"
    assert int.from_bytes(report[28:32]) == 5, "the SSRC that is heard"
    lines.close()


@pytest.mark.parametrize("changed", ["ours", "theirs", "tag"])
async def test_a_key_that_stays_keeps_its_rollover_counter(peers: tuple[Peer, Peer], changed: str) -> None:
    lines = RtpLines("127.0.0.1", PortRange(26_500, 26_503))
    line = lines.open()
    ear = Ear(line)
    keys = SrtpKeys("1", theirs=new_key(), ours=new_key())
    line.agree(far(peers[0].address), "PCMU", keys)
    written, read = SrtpWriter(keys.theirs), SrtpReader(keys.ours)
    line._out._sequence = 65_532

    async def exchange(*numbers: int) -> None:
        for number in numbers:
            data = build_packet(RtpPacket(0, number & 0xFFFF, 160 * number, 5, b"a" * 160))
            peers[0].socket.sendto(written.rtp(data), ("127.0.0.1", line.number))
            line.play(RtpPacket(0, number & 0xFFFF, 160 * number, 77, b"b" * 160))
        for number, packet in zip(numbers, await ear.hear(len(numbers)), strict=True):
            assert packet.sequence == number & 0xFFFF
            heard = parse_packet(read.rtp(await peers[0].hear()))
            assert (heard.sequence, heard.payload) == (number & 0xFFFF, b"b" * 160)

    await exchange(*range(65_533, 65_540))  # from 65 536 on the counters are at 1
    anew = msgspec.structs.replace(keys, **{changed: "2" if changed == "tag" else new_key()})
    line.agree(far(peers[0].address), "PCMU", anew)
    written = SrtpWriter(anew.theirs) if changed == "theirs" else written
    read = SrtpReader(anew.ours) if changed == "ours" else read
    await exchange(65_540, 65_541)
    assert line.keys == anew
    lines.close()


async def test_no_port_is_left() -> None:
    lines = RtpLines("127.0.0.1", PortRange(26_500, 26_503))
    first, _ = lines.open(), lines.open()
    with pytest.raises(Overloaded):
        lines.open()
    first.close()
    assert lines.open().number == first.number, "one that carried nothing need not cool down"
    lines.close()
