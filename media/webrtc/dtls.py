"""DTLS-SRTP (RFC 5764) over any datagrams: aiortc does the handshake, and its keys open and seal packets in place.

This file alone knows aiortc. Its receiver is left out on purpose: that keeps 16 packets in a jitter buffer and decodes
in a thread of its own for each leg, while we relay what came, as it came.
"""

import asyncio
import datetime
from collections.abc import Callable, Sequence
from typing import Literal, cast

import pylibsrtp
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters

DtlsRole = Literal["client", "server"]

_RENEWED_BEFORE = datetime.timedelta(days=2)
_INBOX = 64
"""Records that wait for the handshake: a flight is a handful of them."""


class HandshakeError(Exception):
    """No keys: the peer does not speak DTLS-SRTP, or is not whom its description named."""


class DtlsSrtp:
    """One leg's keys. `start` it in the loop that calls it; `close` it there."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        """`send` puts a datagram onto the wire."""
        self._wire = _Wire(send)
        self._transport = RTCDtlsTransport(cast(RTCIceTransport, self._wire), [_own_certificate()])

    @property
    def is_open(self) -> bool:
        """Keys are there, and the peer has not said goodbye."""
        return self._transport.state == "connected"

    async def start(self, role: DtlsRole, fingerprints: Sequence[str], closed: Callable[[], None]) -> None:
        """Shakes hands, and holds the peer's certificate against the values of its `a=fingerprint`. `closed` is told
        when the peer says goodbye. Raises `HandshakeError`; whoever waits bounds the time."""
        named = [RTCDtlsFingerprint(*value.split(" ", 1)) for value in fingerprints]
        self._transport._set_role(role)
        await self._transport.start(RTCDtlsParameters(named))
        if not self.is_open:
            raise HandshakeError("DTLS-SRTP was not agreed on")
        self._transport.on("statechange", lambda: None if self.is_open else closed())

    def receive(self, record: bytes) -> None:
        """A DTLS record from the wire. Too many at once are dropped; DTLS repeats them."""
        if not self._wire.inbox.full():
            self._wire.inbox.put_nowait(record)

    def open(self, packet: bytes) -> bytes:
        """RTP in the clear. Raises `ValueError` for packets that are forged, repeated, none, or before the keys."""
        if not self.is_open:
            raise ValueError("there are no keys yet")
        try:
            return bytes(self._transport._rx_srtp.unprotect(packet))
        except pylibsrtp.Error:
            raise ValueError("the packet is not authentic") from None

    def open_report(self, packet: bytes) -> bytes:
        """RTCP likewise."""
        if not self.is_open:
            raise ValueError("there are no keys yet")
        try:
            return bytes(self._transport._rx_srtp.unprotect_rtcp(packet))
        except pylibsrtp.Error:
            raise ValueError("the packet is not authentic") from None

    def seal(self, packet: bytes) -> bytes:
        """RTP as it goes onto the wire; only while `is_open`."""
        return bytes(self._transport._tx_srtp.protect(packet))

    def seal_report(self, packet: bytes) -> bytes:
        """RTCP likewise."""
        return bytes(self._transport._tx_srtp.protect_rtcp(packet))

    async def close(self) -> None:
        """Says goodbye (close_notify)."""
        await self._transport.stop()


_certificates: list[RTCCertificate] = []
"""The process's, one at a time."""


def own_fingerprint() -> str:
    """Value of our `a=fingerprint`, for whatever is begun now."""
    own = _own_certificate().getFingerprints()
    return next(f"{one.algorithm} {one.value}" for one in own if one.algorithm == "sha-256")


def _own_certificate() -> RTCCertificate:
    """Self-signed, for 30 days; another one in good time."""
    now = datetime.datetime.now(datetime.UTC)
    if not _certificates or _certificates[0].expires - now < _RENEWED_BEFORE:
        _certificates[:] = [RTCCertificate.generateCertificate()]
    return _certificates[0]


class _Wire:
    """What aiortc's DTLS asks of an ICE transport."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue(_INBOX)
        self._put = send

    async def _recv(self) -> bytes:
        return await self.inbox.get()

    async def _send(self, data: bytes) -> None:
        self._put(data)
