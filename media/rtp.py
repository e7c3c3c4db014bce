"""RTP packets (RFC 3550 §5.1): bytes in, fields out, and back."""

import struct

import msgspec

HEADER_SIZE = 12
MAX_PACKET_SIZE = 2048
"""Longer datagrams are no audio that we negotiated: 200 ms of G.711 is 1,612 bytes."""

_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_RTCP_FIRST, _RTCP_LAST = 192, 223
"""Second octets that mark RTCP on a shared port (RFC 5761 §4)."""


class MalformedRtpError(ValueError):
    """The datagram is no RTP packet; says which rule it breaks, never what it held."""


class RtpPacket(msgspec.Struct, frozen=True, gc=False):
    """One packet; CSRCs, extension and padding are checked and left out."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False


def parse_packet(data: bytes) -> RtpPacket:
    """Raises `MalformedRtpError`. RTCP on the same port (RFC 5761) is malformed RTP, too."""
    size = len(data)
    if not HEADER_SIZE <= size <= MAX_PACKET_SIZE:
        raise MalformedRtpError("RTP packet length is out of bounds")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise MalformedRtpError("RTP version is not 2")
    if _RTCP_FIRST <= second <= _RTCP_LAST:
        raise MalformedRtpError("RTCP, not RTP")
    start = HEADER_SIZE + 4 * (first & 0x0F)
    if first & 0x10:
        start = _after_extension(data, start)
    if first & 0x20:
        size = _before_padding(data, start)
    if start > size:
        raise MalformedRtpError("RTP header is truncated")
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:size], second >= 0x80)


def _after_extension(data: bytes, start: int) -> int:
    if start + _EXTENSION.size > len(data):
        raise MalformedRtpError("RTP header extension is truncated")
    _, words = _EXTENSION.unpack_from(data, start)
    return start + _EXTENSION.size + 4 * int(words)


def _before_padding(data: bytes, start: int) -> int:
    padding = data[-1]
    if padding == 0 or start + padding > len(data):
        raise MalformedRtpError("RTP padding length is invalid")
    return len(data) - padding


def build_packet(packet: RtpPacket) -> bytes:
    """Inverse of `parse_packet`."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    header = _HEADER.pack(0x80, second, packet.sequence & 0xFFFF, packet.timestamp & 0xFFFFFFFF, packet.ssrc)
    return header + packet.payload


def sequence_distance(later: int, earlier: int) -> int:
    """How far `later` lies after `earlier` on the 16-bit circle: -32768…32767."""
    return ((later - earlier + 0x8000) & 0xFFFF) - 0x8000


def timestamp_distance(later: int, earlier: int) -> int:
    """The same on the 32-bit circle of timestamps."""
    return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000
