"""Keys as RTP carries them (RFC 4733): packets in, one key out each time one is let go; and back. Pure."""

import struct
from collections.abc import Iterator

from media.rtp import RtpPacket, timestamp_distance

KEYS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_VOLUME = 10
"""−10 dBm0, as most gateways send it."""
_STEP_MS = 20
MAX_MS = 8_000
"""A key's duration fits 16 bits at 8 kHz; nobody holds one longer on purpose."""


class KeyReader:
    """One source's telephone-events. Retransmissions of an event, its end above all, are told once."""

    def __init__(self) -> None:
        self._held: tuple[str, int, int] | None = None
        """Key, timestamp of its begin, longest duration so far."""
        self._ended: tuple[int, int] | None = None
        """SSRC and timestamp of the last key that was told."""

    def event(self, packet: RtpPacket, clock_hz: int) -> list[tuple[str, int]]:
        """Keys that were let go by now, with their milliseconds; anything that is no key is passed over."""
        if len(packet.payload) < _EVENT.size:
            return []
        number, flags, duration = _EVENT.unpack_from(packet.payload)
        if number >= len(KEYS) or self._ended == (packet.ssrc, packet.timestamp):
            return []
        told = []
        if self._held is not None and self._held[1] != packet.timestamp:
            if timestamp_distance(packet.timestamp, self._held[1]) < 0:
                return []
            told = self._let_go(packet.ssrc, clock_hz)
        longest = max(duration, self._held[2] if self._held else 0)
        self._held = (KEYS[number], packet.timestamp, longest)
        return [*told, *self._let_go(packet.ssrc, clock_hz)] if flags & 0x80 else told

    def sound(self, packet: RtpPacket, clock_hz: int) -> list[tuple[str, int]]:
        """Sound that begins after a key tells that it was let go, though its end was lost."""
        if self._held is None or timestamp_distance(packet.timestamp, self._held[1] + self._held[2]) <= 0:
            return []
        return self._let_go(packet.ssrc, clock_hz)

    def _let_go(self, ssrc: int, clock_hz: int) -> list[tuple[str, int]]:
        if self._held is None:
            return []
        (key, begun, duration), self._held = self._held, None
        self._ended = (ssrc, begun)
        return [(key, max(1, duration * 1000 // clock_hz))]


def event_payloads(key: str, duration_ms: int, clock_hz: int) -> Iterator[bytes]:
    """What to send, one every 20 ms and the last three at once: a longer duration each, the end three times. Raises
    `ValueError` for what is no key."""
    if len(key) != 1 or key.upper() not in KEYS:
        raise ValueError("no key of a telephone")
    number, step = KEYS.index(key.upper()), _STEP_MS * clock_hz // 1000
    whole = min(0xFFFF, min(MAX_MS, max(_STEP_MS, duration_ms)) * clock_hz // 1000)
    for duration in range(step, whole, step):
        yield _EVENT.pack(number, _VOLUME, duration)
    for _ in range(3):
        yield _EVENT.pack(number, 0x80 | _VOLUME, whole)


def is_end(payload: bytes) -> bool:
    return bool(payload[1] & 0x80)


def read_info(content_type: str, body: bytes) -> tuple[str, int] | None:
    """The key of a SIP INFO: `application/dtmf-relay` (Cisco's `Signal=` and `Duration=`) or `application/dtmf`."""
    text = body.decode("latin-1").strip()
    if content_type == "application/dtmf-relay":
        named = dict(line.partition("=")[::2] for line in text.splitlines())
        values = {name.strip().lower(): value.strip() for name, value in named.items()}
        key, duration = values.get("signal", ""), values.get("duration", "")
    elif content_type == "application/dtmf":
        key, duration = text, ""
    else:
        return None
    key = {"10": "*", "11": "#"}.get(key, key).upper()
    if len(key) != 1 or key not in KEYS:
        return None
    return key, int(duration) if duration.isdecimal() and len(duration) < 6 else 100


def info_body(key: str, duration_ms: int) -> bytes:
    """Of type `application/dtmf-relay`."""
    return f"Signal={key}\r\nDuration={duration_ms}\r\n".encode()
