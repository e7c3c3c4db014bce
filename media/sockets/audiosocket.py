"""Asterisk AudioSocket: frames over TCP, one direction of a channel each.

https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/. The protocol has no secret and no TLS: peers are
fenced by address, and by the UUIDs that the dialplan may use.
"""

import struct
import uuid
from collections.abc import Iterable

from engine.control.peers import Peer
from media.sockets import legs
from media.sockets.sound import Format, format_of
from media.sockets.wire import Act, ChannelSpec, Digit, End, Hangup, Listener, Malformed, Named, Open, Send, Sound

HANGUP, UUID, DTMF, ERROR = 0x00, 0x01, 0x03, 0xFF
RATES = {0x10: 8000, 0x11: 12_000, 0x12: 16_000, 0x13: 24_000, 0x14: 32_000, 0x15: 44_100, 0x16: 48_000}
HEADER = struct.Struct(">BH")
MAX_PAYLOAD = 8192
"""20 ms at 192 kHz are 7,680 bytes."""
G711_FRAME = 160


class AudioSocket(Listener):
    """One connection. The call opens with the first sound, whose frame tells the rate."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._pending = bytearray()
        self._uuid: uuid.UUID | None = None
        self._kind = 0
        self._format: Format | None = None
        self._over = False

    def receive(self, data: str | bytes) -> Iterable[Act]:
        self._pending += data.encode() if isinstance(data, str) else data
        while len(self._pending) >= HEADER.size and not self._over:
            kind, size = HEADER.unpack_from(self._pending)
            if size > MAX_PAYLOAD:
                raise Malformed("a frame is too long")
            if len(self._pending) < HEADER.size + size:
                return
            payload = bytes(self._pending[HEADER.size : HEADER.size + size])
            del self._pending[: HEADER.size + size]
            yield from self._frame(kind, payload)

    def _frame(self, kind: int, payload: bytes) -> Iterable[Act]:
        if kind == HANGUP:
            self._over = True
            yield End("bye")
            yield Hangup()
        elif kind == UUID:
            yield from self._named(payload)
        elif self._uuid is None:
            raise Malformed("the first frame is no UUID")
        elif kind in RATES:
            yield from self._sound(kind, payload)
        elif kind == DTMF:
            yield Digit(self._stream())
        elif kind == ERROR:
            self._over = True
            yield End("error")
            yield Hangup()
        elif kind in (0x17, 0x18):
            raise Malformed("sound of more than 48 kHz is not decoded")

    def _named(self, payload: bytes) -> Iterable[Act]:
        if len(payload) != 16 or self._uuid is not None:
            raise Malformed("a connection has one UUID of 16 bytes")
        named = uuid.UUID(bytes=payload)
        if not named.hex.startswith(self._peer.key.replace("-", "").lower()):
            raise Malformed("the UUID is not one that the peer may use")
        self._uuid = named
        yield Named()
        # An Asterisk that waits for the first frame may otherwise stay silent (asterisk #2089).
        yield Send(HEADER.pack(0x10, 320) + bytes(320))

    def _stream(self) -> str:
        return "agent" if self._peer.pair and self._odd else "customer"

    @property
    def _odd(self) -> bool:
        return self._uuid is not None and self._uuid.bytes[-1] % 2 == 1

    def _sound(self, kind: int, payload: bytes) -> Iterable[Act]:
        if self._format is None:
            self._format = self._chosen(kind, payload)
            self._kind = kind
            yield self._open()
        if kind != self._kind:
            raise Malformed("the rate changed")
        yield Sound(self._stream(), self._format.decode(payload)[0])

    def _chosen(self, kind: int, payload: bytes) -> Format:
        """Without `/c(slin)` a Dial sends its channel's G.711 as type 0x10 (CyCoreSystems/audiosocket #8)."""
        if self._peer.codec and self._peer.codec != "slin":
            return format_of(self._peer.codec)
        if kind == 0x10 and len(payload) == G711_FRAME and not self._peer.codec:
            raise Malformed("frames are of G.711's size: dial with /c(slin), or set the peer's codec")
        return Format("L16", RATES[kind])

    def _open(self) -> Open:
        assert self._format is not None
        assert self._uuid is not None
        named = str(self._uuid)
        place = 1 if self._stream() == "agent" else 0
        party = legs.party(self._peer, self._stream(), place, alone=not self._peer.pair)
        key = named[:-1] if self._peer.pair else ""
        return Open((ChannelSpec(party, self._format.rate_hz),), key=key, correlation={"audiosocket": named})

    def hang_up(self, reason: str) -> Iterable[Act]:
        return (Send(HEADER.pack(HANGUP, 0)), Hangup())

    def refused(self, refusal: object) -> Iterable[Act]:
        return self.hang_up("refused")
