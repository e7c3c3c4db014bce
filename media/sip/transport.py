"""UDP and TCP sockets under the SIP endpoint: framing, limits, connection reuse. Nothing here knows what a call is."""

import asyncio
import contextlib
import socket
from collections import Counter
from typing import Protocol, cast

from engine.errors import StartupError
from media.sip.layer import Flow
from media.sip.wire import Malformed, StreamFramer

MAX_CONNECTIONS = 1_024
MAX_CONNECTIONS_PER_HOST = 128
MAX_UNSENT = 1_048_576
"""Bytes that a peer may leave unread on its connection before we close it."""
MESSAGE_SECONDS = 32.0
"""A message that began must be whole within this time (64·T1), or its connection is closed."""


class Receiver(Protocol):
    """What the transports hand on to."""

    def admits(self, host: str) -> bool:
        """Whether that address may hold a connection."""

    def received(self, data: bytes, flow: Flow) -> None:
        """One whole message, as bytes. Raises nothing."""

    def unframeable(self, error: Malformed, flow: Flow) -> None:
        """A stream that cannot be cut into messages; it is closed after this returns."""


class Transports:
    """The sockets of one endpoint. Open with `open`, close with `close`."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.host, self.port = "", 0
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._streams: dict[int, _Stream] = {}
        self._next = 1

    async def open(self, host: str, port: int, setting: str = "SIP_PORT") -> None:
        """Binds UDP and TCP to the same port; 0 takes a free one. Raises `StartupError` that names `setting`."""
        loop = asyncio.get_running_loop()
        for attempts_left in range(9, -1, -1):
            try:
                await self._open_udp(loop, host, port)
                self._tcp = await loop.create_server(lambda: _Stream(self), host, self.port)
            except OSError as error:
                await self.close()
                if port == 0 and attempts_left:
                    continue  # the free UDP port was taken for TCP
                raise StartupError(f"SIP cannot listen on {host}:{port} ({error.strerror}); set {setting}") from None
            return

    async def _open_udp(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> None:
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(host, port))
        sock = self._udp.get_extra_info("socket")
        with contextlib.suppress(OSError):  # a burst of INVITEs must not be lost while a call is set up
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_194_304)
        self.host, self.port = host, self._udp.get_extra_info("sockname")[1]

    @property
    def connections(self) -> int:
        """Open stream connections."""
        return len(self._streams)

    def send(self, data: bytes, flow: Flow) -> bool:
        """False when the flow's connection is gone."""
        if flow.transport == "UDP":
            if self._udp is None:
                return False
            self._udp.sendto(data, (flow.host, flow.port))
            return True
        stream = self._streams.get(flow.connection)
        return stream is not None and stream.write(data)

    def alive(self, flow: Flow) -> bool:
        """Whether `send` on this flow can work."""
        return flow.transport == "UDP" or flow.connection in self._streams

    async def flow_to(self, transport: str, host: str, port: int) -> Flow:
        """A flow to that address; for TCP an open connection there or a new one. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        address = found[0][4][0]
        if transport == "UDP":
            return Flow("UDP", str(address), port)
        for number, stream in self._streams.items():
            if (stream.flow.transport, stream.flow.host, stream.flow.port) == (transport, address, port):
                return Flow(transport, str(address), port, number)
        async with asyncio.timeout(5):
            _, stream = await loop.create_connection(lambda: _Stream(self), str(address), port)
        return stream.flow

    def local_host(self, peer_host: str) -> str:
        """The address by which that peer reaches us."""
        if self.host not in ("0.0.0.0", "::", ""):
            return self.host
        family = socket.AF_INET6 if ":" in peer_host else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer_host, 9))  # a datagram socket: nothing is sent
            return str(probe.getsockname()[0])
        return "127.0.0.1"

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        for stream in list(self._streams.values()):
            stream.close()
        if self._tcp is not None:
            self._tcp.close()
            self._tcp = None
        await asyncio.sleep(0)  # lets the transports call connection_lost

    def admit(self, stream: "_Stream", host: str) -> int:
        """A number for a new connection; 0 when there are too many, or none from that host are wanted."""
        if not self.receiver.admits(host):
            return 0
        per_host = Counter(other.flow.host for other in self._streams.values())
        if len(self._streams) >= MAX_CONNECTIONS or per_host[host] >= MAX_CONNECTIONS_PER_HOST:
            return 0
        number, self._next = self._next, self._next + 1
        self._streams[number] = stream
        return number

    def forget(self, number: int) -> None:
        self._streams.pop(number, None)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: Transports) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.strip(b"\r\n\x00"):  # CRLF or NULs: a NAT keep-alive
            self._owner.receiver.received(data, Flow("UDP", addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """ICMP unreachable: retransmission and time-outs decide, as for any loss."""


class _Stream(asyncio.Protocol):
    def __init__(self, owner: Transports, name: str = "TCP") -> None:
        self._owner = owner
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self.flow = Flow(name, "", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        host, port = transport.get_extra_info("peername")[:2]
        number = self._owner.admit(self, host)
        self.flow = Flow(self.flow.transport, host, port, number)
        if not number:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._framer.feed(data)
        except Malformed as error:
            self._owner.receiver.unframeable(error, self.flow)
            self.close()
            return
        if self._framer.pings:
            self._framer.pings = 0
            self.write(b"\r\n")
        for message in messages:
            self._owner.receiver.received(message, self.flow)
        self._guard(whole=bool(messages))

    def _guard(self, whole: bool) -> None:
        """Closes a connection whose sender stops within a message."""
        if self._watch is not None and (whole or not self._framer.partial):
            self._watch.cancel()
            self._watch = None
        if self._watch is None and self._framer.partial:
            self._watch = asyncio.get_running_loop().call_later(MESSAGE_SECONDS, self.close)

    def write(self, data: bytes) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self._transport.abort()
            return False
        self._transport.write(data)
        return True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._owner.forget(self.flow.connection)
