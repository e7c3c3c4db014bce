import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp import (
    MAX_PACKET_SIZE,
    MalformedRtpError,
    RtpPacket,
    build_packet,
    parse_packet,
    sequence_distance,
    timestamp_distance,
)

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 63),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=400),
    marker=st.booleans(),
)


@given(packets)
def test_a_packet_survives_the_wire(packet: RtpPacket) -> None:
    assert parse_packet(build_packet(packet)) == packet


@given(st.binary(max_size=300))
def test_any_bytes_are_a_packet_or_malformed(data: bytes) -> None:
    try:
        packet = parse_packet(data)
    except MalformedRtpError:
        return
    assert len(packet.payload) <= len(data) - 12


def test_csrcs_extension_and_padding_are_left_out() -> None:
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0, 7, 160, 9)
    data = head + bytes(8) + struct.pack("!HH", 0xBEDE, 1) + bytes(4) + b"sound" + bytes([0, 0, 3])
    assert parse_packet(data).payload == b"sound"


@pytest.mark.parametrize(
    ("data", "defect"),
    [
        (bytes(11), "length"),
        (bytes([0x80]) + bytes(MAX_PACKET_SIZE), "length"),
        (bytes([0x40]) + bytes(11), "version"),
        (bytes([0x80, 200]) + bytes(26), "RTCP"),
        (bytes([0x8F]) + bytes(11), "truncated"),
        (bytes([0x90]) + bytes(13), "extension is truncated"),
        (bytes([0x90]) + bytes(11) + b"\xbe\xde\xff\xff", "truncated"),
        (bytes([0xA0]) + bytes(12), "padding"),
        (bytes([0xA0]) + bytes(11) + b"\xff", "padding"),
    ],
)
def test_malformed(data: bytes, defect: str) -> None:
    with pytest.raises(MalformedRtpError, match=defect):
        parse_packet(data)


def test_distances_wrap() -> None:
    assert sequence_distance(2, 0xFFFE) == 4
    assert sequence_distance(0xFFFE, 2) == -4
    assert timestamp_distance(100, 0xFFFFFFFF) == 101
    assert timestamp_distance(0xFFFFFFFF, 100) == -101
