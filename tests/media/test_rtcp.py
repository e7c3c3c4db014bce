"""Reports by RFC 3550, read as a peer reads them, and the numbers in them against what the network did."""

import random
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ports.intake import CallOffer, MediaNotice
from media.ports import PortRange
from media.reception import Reception, Tally, fraction_lost, opinion
from media.rtcp import MAX_SIZE, ReceiverReport, build_report, is_rtcp, next_interval_s, parse_reports
from media.rtcp_reporter import RtcpReporter
from media.rtp import MalformedRtpError, RtpPacket, build_packet
from media.rtp_plane import RtpPlane
from media.session import StreamOffer
from media.srtp import SrtpReader, SrtpWriter, choose_keys
from media.vad import VadBank

PEER = ("127.0.0.1", 4000)


def sender_report(ssrc: int, seconds: int = 0x11112222, fraction: int = 0x33334444) -> bytes:
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, ssrc, seconds, fraction, 160, 1, 160)


def blocks(data: bytes) -> tuple[int, int, int, int, int, int]:
    """The one report block of a compound packet: SSRC, fraction, lost, highest, jitter, LSR."""
    first, kind, words, _ = struct.unpack_from("!BBHI", data)
    assert (first, kind, words) == (0x81, 201, 7)
    ssrc, losses, highest, jitter, stamp, _ = struct.unpack_from("!IIIIII", data, 8)
    return ssrc, losses >> 24, losses & 0xFFFFFF, highest, jitter, stamp


def test_a_report_is_a_whole_compound_packet() -> None:
    for cname in (b"a", b"ab", b"abc", b"abcd"):
        data = build_report(7, cname, ReceiverReport(5, 64, -1, 70_000, 12, 0x22223333, 65_536))
        assert blocks(data) == (5, 64, 0xFFFFFF, 70_000, 12, 0x22223333)
        first, kind, words, ssrc = struct.unpack_from("!BBHI", data, 32)
        assert (first, kind, ssrc, len(data)) == (0x81, 202, 7, 32 + 4 * (words + 1))
        assert data[40:42] == bytes([1, len(cname)])
        assert data.endswith(b"\x00")
        assert is_rtcp(data)
        assert parse_reports(data) == []


def test_a_sender_report_is_found_in_a_compound() -> None:
    other = build_report(7, b"x", ReceiverReport(5, 0, 0, 0, 0))
    (report,) = parse_reports(other + sender_report(9))
    assert (report.ssrc, report.stamp) == (9, 0x22223333)


@given(st.binary(max_size=200))
def test_any_bytes_are_reports_or_malformed(data: bytes) -> None:
    for noise in (data, sender_report(1) + data, data * 20):
        try:
            parse_reports(noise)
        except MalformedRtpError:
            continue
        assert len(noise) <= MAX_SIZE


def test_intervals_are_spread_around_five_seconds() -> None:
    """RFC 3550 §6.3.1: the compensation makes the mean of what is sent 5 s; the first comes in half of that."""
    chance = random.Random(1)
    drawn = [next_interval_s(chance) for _ in range(2000)]
    assert 2.0 < min(drawn) < 2.1
    assert 6.1 < max(drawn) < 6.2
    assert next_interval_s(chance, first=True) < 3.1


def test_loss_is_counted_as_the_standard_does() -> None:
    reception = Reception()
    for number in range(65_500, 65_700):
        if number % 10:
            reception.arrived(5, number & 0xFFFF, number * 160, number * 20.0, 8000)
    tally = reception.tally
    assert (tally.expected, tally.received) == (199, 180)
    assert (reception.lost, reception.highest) == (19, 65_699)
    assert fraction_lost(Tally(), tally) == 19 * 256 // 199
    before = reception.tally
    reception.arrived(5, 65_690 & 0xFFFF, 0, 65_700 * 20.0, 8000)
    assert fraction_lost(before, reception.tally) == 0
    assert reception.lost == 18
    reception.arrived(6, 9, 0, 0.0, 8000)
    assert (reception.tally.expected, reception.lost) == (200, 0)


def test_jitter_is_counted_as_the_standard_does() -> None:
    reception = Reception()
    for number in range(2000):
        reception.arrived(5, number, number * 160, number * 20.0 + (number % 2) * 10, 8000)
    assert reception.jitter == pytest.approx(80, abs=1)
    quality = reception.since(Tally(), "PCMU")
    assert quality is not None
    assert quality.jitter_ms == pytest.approx(10, abs=0.2)


def test_opinions_are_those_of_the_model() -> None:
    """ITU-T G.107 annex B: R = 93.2 is 4.41; G.113: 5 % random loss with concealment takes 15.8 points."""
    assert opinion(0, 0, "PCMU") == pytest.approx(4.40, abs=0.02)
    assert opinion(0.05, 0, "PCMU") == pytest.approx(3.95, abs=0.05)
    assert opinion(0, 0, "G729") == pytest.approx(4.1, abs=0.05)
    assert opinion(1, 500, "PCMU") == pytest.approx(1.0, abs=0.6)
    falling = [opinion(loss / 100, 5, "PCMU") for loss in range(0, 60)]
    assert falling == sorted(falling, reverse=True)


def test_a_report_answers_the_senders_own() -> None:
    reporter = RtcpReporter(random.Random(3))
    assert reporter.due_ms == float("inf")
    for number in range(100):
        if number != 50:
            reporter.arrived(5, number, number * 160, number * 20.0, 8000)
    assert 1000 < reporter.due_ms < 3100
    assert blocks(reporter.report(2000)) == (5, 2, 1, 99, 0, 0)
    reporter.heard(sender_report(6), ("192.0.2.9", 1), 2500)
    assert reporter.address is None
    reporter.heard(sender_report(5), PEER, 2500)
    data = reporter.report(4500)
    assert blocks(data) == (5, 0, 1, 99, 0, 0x22223333)
    assert struct.unpack_from("!I", data, 28) == (2 * 65_536,)


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("mux", [False, True])
@pytest.mark.parametrize("protected", [False, True])
async def test_a_sender_hears_how_its_packets_come(mux: bool, protected: bool) -> None:
    clock, judged = Clock(), list[float]()
    plane = RtpPlane(
        ports=PortRange(32_300, 32_399), bank=VadBank(), clock=clock, judged=lambda q: judged.append(q.mos)
    )
    keys = choose_keys([f"1 AES_CM_128_HMAC_SHA1_80 inline:{'QUJD' * 10}"]) if protected else None
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp,
    ):
        peer.bind(("127.0.0.1", 0))
        rtcp.bind(("127.0.0.1", 0))
        offer = StreamOffer("a", 0, "PCMU", 0, srtp=keys, rtcp_mux=mux, rtcp_port=rtcp.getsockname()[1])
        session = await plane.allocate(CallOffer("call", "sip", "", "", "", ()), (offer,))
        writer = SrtpWriter(keys.theirs) if keys else None
        port = session.local_ports()[0]
        for number in range(1100):
            clock.now_s += 0.020
            packet = build_packet(RtpPacket(0, number, number * 160, 5, b"\xd5" * 160))
            report = sender_report(5)
            if writer is not None:
                packet, report = writer.rtp(packet), writer.rtcp(report)
            if number % 50 != 25:
                peer.sendto(packet, ("127.0.0.1", port))
            if number == 400:
                (peer if mux else rtcp).sendto(report, ("127.0.0.1", port if mux else port + 1))
            plane.tick()
        listener = peer if mux else rtcp
        listener.setblocking(False)
        received: list[bytes] = []
        while True:
            try:
                received.append(listener.recv(2000))
            except BlockingIOError:
                break
    reports = [SrtpReader(keys.ours).rtcp(data) for data in received[:1]] if keys else received
    assert 3 <= len(received) <= 11
    assert blocks(reports[0])[0] == 5
    if not keys:
        assert blocks(reports[-1])[1] == pytest.approx(256 / 50, abs=3)
        assert blocks(reports[-1])[5] == 0x22223333
    session.close("bye")
    events = [event async for event in session.events() if isinstance(event, MediaNotice)]
    assert [event.name for event in events] == ["media.quality"] * 3
    assert [event.data["loss"] for event in events] == pytest.approx([0.02] * 3, abs=0.003)
    assert events[-1].data["whole"]
    assert 4.0 < judged[0] < 4.35
    assert session.streams["a"].fates.get("malformed", 0) == 0
    await plane.aclose()
