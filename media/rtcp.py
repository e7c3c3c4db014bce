"""RTCP (RFC 3550 §6): sender reports in; receiver reports out, and sender reports where we send, too."""

import base64
import random
import struct
from collections.abc import Iterator

import msgspec

from media.rtp import MalformedRtpError, RtpPacket

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION = 200, 201, 202
MAX_SIZE = 1500
INTERVAL_S = 5.0
"""RFC 3550 §6.2: the least mean interval; with two members the bandwidth asks for no longer one."""
_COMPENSATION = 2.718281828 - 1.5
"""RFC 3550 §6.3.1: what reconsideration takes off the mean."""
_HEAD = struct.Struct("!BBHI")
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!IIIII")
_NTP_EPOCH = 2_208_988_800
"""UNIX time 0 in seconds since 1900."""
_CNAME = 1


class SenderReport(msgspec.Struct, frozen=True, gc=False):
    """What a report needs of the peer's last one."""

    ssrc: int
    stamp: int
    """The middle 32 bits of its NTP time; the answer repeats them (LSR)."""


class ReceiverReport(msgspec.Struct, frozen=True, gc=False):
    """One block of what we tell of a source (RFC 3550 §6.4.1)."""

    ssrc: int
    fraction_lost: int
    """Of 256, since the report before."""
    lost: int
    highest: int
    """Extended sequence number."""
    jitter: int
    """In units of the timestamp."""
    stamp: int = 0
    """`SenderReport.stamp`; 0: none came."""
    since: int = 0
    """Since that report, in 1/65,536 s."""


class SentReport:
    """What a sender tells of its own stream (RFC 3550 §6.4.1). Pure."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.packets = self.octets = 0
        self._timestamp, self._at = 0, 0.0

    def count(self, packet: RtpPacket, at: float) -> None:
        """A packet that is sent; `at` is UNIX time."""
        self.packets += 1
        self.octets += len(packet.payload)
        self._timestamp, self._at = packet.timestamp, at

    def info(self) -> bytes:
        """NTP time and RTP time of the last packet, which stand for one moment, and the counts."""
        seconds = self._at + _NTP_EPOCH
        words = (int(seconds), int(seconds % 1 * 2**32), self._timestamp, self.packets, self.octets)
        return _SENDER.pack(*(word & 0xFFFFFFFF for word in words))


def is_rtcp(data: bytes) -> bool:
    """On a port that carries both (RFC 5761 §4)."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def parse_reports(data: bytes) -> list[SenderReport]:
    """Sender reports of a compound packet; other packets are passed over. Raises `MalformedRtpError`."""
    return [
        SenderReport(ssrc, ((int.from_bytes(body[:4]) & 0xFFFF) << 16) | int.from_bytes(body[4:6]))
        for kind, ssrc, body in _packets(data)
        if kind == SENDER_REPORT and len(body) >= 20
    ]


def _packets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, first SSRC and what follows, of each packet."""
    if len(data) > MAX_SIZE:
        raise MalformedRtpError("RTCP packet length is out of bounds")
    start = 0
    while start < len(data):
        if len(data) - start < _HEAD.size:
            raise MalformedRtpError("RTCP packet is truncated")
        first, kind, words, ssrc = _HEAD.unpack_from(data, start)
        stop = start + 4 * (words + 1)
        if first >> 6 != 2 or stop > len(data) or words < 1:
            raise MalformedRtpError("RTCP packet length is out of bounds")
        yield kind, ssrc, data[start + _HEAD.size : stop]
        start = stop


def build_report(ours: int, cname: bytes, report: ReceiverReport, sent: SentReport | None = None) -> bytes:
    """A compound packet: the report, and who we are (RFC 3550 §6.1 wants both). With `sent` it is a sender's, under the
    SSRC of that stream."""
    block = _BLOCK.pack(
        report.ssrc,
        report.fraction_lost << 24 | (report.lost & 0xFFFFFF),
        report.highest & 0xFFFFFFFF,
        report.jitter & 0xFFFFFFFF,
        report.stamp,
        report.since & 0xFFFFFFFF,
    )
    item = bytes([_CNAME, len(cname)]) + cname
    item += bytes(4 - len(item) % 4)  # at least one null octet ends the list (§6.5)
    kind = RECEIVER_REPORT
    if sent is not None and sent.packets:
        kind, ours, block = SENDER_REPORT, sent.ssrc, sent.info() + block
    return (
        _HEAD.pack(0x81, kind, 1 + len(block) // 4, ours)
        + block
        + _HEAD.pack(0x81, DESCRIPTION, 1 + len(item) // 4, ours)
        + item
    )


def new_cname(chance: random.Random) -> bytes:
    """RFC 7022 §4.2: 96 random bits, which tell nobody who or where we are."""
    return base64.b64encode(chance.randbytes(12))


def next_interval_s(chance: random.Random, *, first: bool = False, mean_s: float = INTERVAL_S) -> float:
    """RFC 3550 §6.3.1: spread, so that reports of many calls do not meet; half as long before the first."""
    least = mean_s / 2 if first else mean_s
    return least * chance.uniform(0.5, 1.5) / _COMPENSATION
