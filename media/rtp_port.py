"""A bound UDP port of one m-line."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from media.rtp import MAX_PACKET_SIZE
from media.rtp_stream import INBOX, RtpStream

RECEIVE_BUFFER = 1 << 19
"""Kernel memory for packets that come while the loop is busy: seconds of one stream."""


def bind_udp(host: str, port: int) -> socket.socket:
    """Raises `OSError` when another program has it."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


class RtpPort(asyncio.DatagramProtocol):
    """One bound socket. Before `stream` is set and after it is taken away, datagrams are dropped."""

    def __init__(self, number: int, sock: socket.socket, now_ms: Callable[[], float]) -> None:
        self.number = number
        self.stream: RtpStream | None = None
        self._socket = sock
        self._now_ms = now_ms
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._socket)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self.stream is not None:
            self.stream.receive(data, (addr[0], addr[1]), self._now_ms())

    def error_received(self, exc: Exception) -> None:
        """ICMP errors say nothing about a port that only receives."""

    def drain(self) -> None:
        """Takes what the kernel still holds, without waiting for the loop."""
        with contextlib.suppress(OSError):  # BlockingIOError: empty
            for _ in range(INBOX):
                data, addr = self._socket.recvfrom(MAX_PACKET_SIZE + 1)
                self.datagram_received(data, addr)

    def close(self) -> None:
        self.stream = None
        if self._transport is not None:
            self._transport.close()
        else:
            self._socket.close()
