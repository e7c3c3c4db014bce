"""Ogg pages of an Opus stream (RFC 3533, RFC 7845). Pure: packets in, pages out.

Written here since a muxer keeps its last page to itself: of a recording, every page must be on disk as soon as it is
made, so that a killed engine leaves a file that plays up to there.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Final

OPUS_HZ: Final = 48_000
"""Opus counts positions in samples at 48 kHz whatever the sound's own rate (RFC 7845 §4)."""
MAX_SEGMENTS: Final = 255
_LACE: Final = 255
_FIRST, _LAST = 0x02, 0x04
_HEADER: Final = struct.Struct("<4sBBqIIIB")
_NO_PACKET_ENDS: Final = -1


_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes) -> int:
    """RFC 3533 §6: polynomial 0x04c11db7, begun at 0, neither reflected nor inverted. That is zlib's CRC on bits in
    mirror order without its two inversions."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")


def opus_head(channels: int, pre_skip: int, rate_hz: int) -> bytes:
    """The identification header (RFC 7845 §5.1). Two channels are two streams of their own (family 1, none coupled), so
    that nothing of one speaker is heard on the other's channel."""
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, channels, pre_skip, rate_hz, 0, 0 if channels == 1 else 1)
    return head if channels == 1 else head + bytes((channels, 0, *range(channels)))


def opus_tags(vendor: str) -> bytes:
    """The comment header (RFC 7845 §5.2), with no comments: whose call it is stays in the database."""
    name = vendor.encode()
    return struct.pack("<8sI", b"OpusTags", len(name)) + name + struct.pack("<I", 0)


class OggPages:
    """One logical stream. Each method gives a whole page."""

    def __init__(self, serial: int) -> None:
        self._serial = serial
        self._sequence = 0

    def header(self, packet: bytes) -> bytes:
        """A page for one header packet; the first one begins the stream."""
        return self._page([packet], 0, _FIRST if self._sequence == 0 else 0)

    def sound(self, packets: Sequence[bytes], position: int, *, last: bool = False) -> bytes:
        """`position`: samples at 48 kHz, pre-skip included, at the end of these packets. The packets must fit a page,
        see `fits`."""
        return self._page(packets, position if packets else _NO_PACKET_ENDS, _LAST if last else 0)

    @staticmethod
    def fits(packets: Sequence[bytes]) -> bool:
        return sum(len(packet) // _LACE + 1 for packet in packets) <= MAX_SEGMENTS

    def _page(self, packets: Sequence[bytes], position: int, flags: int) -> bytes:
        lacing = b"".join(bytes((_LACE,)) * (len(one) // _LACE) + bytes((len(one) % _LACE,)) for one in packets)
        if len(lacing) > MAX_SEGMENTS:
            raise ValueError("the packets do not fit a page")
        head = _HEADER.pack(b"OggS", 0, flags, position, self._serial, self._sequence, 0, len(lacing))
        self._sequence += 1
        page = bytearray(head + lacing + b"".join(packets))
        page[22:26] = struct.pack("<I", checksum(bytes(page)))
        return bytes(page)
