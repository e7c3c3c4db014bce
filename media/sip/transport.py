"""The sockets under a SIP endpoint: UDP, TCP, TLS, WebSocket; limits and connection reuse (RFC 3261 §18, RFC 7118).
Nothing here knows what a call is."""

import asyncio
import contextlib
import dataclasses
import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from engine.errors import StartupError
from engine.listening import cannot_listen
from media.sip.connection import (
    KEEP_ALIVE_SECONDS,
    MESSAGE_SECONDS,
    PONG_SECONDS,
    Connection,
    StreamConnection,
    WebSocketConnection,
)
from media.sip.layer import Flow
from media.sip.wire import Malformed
from media.udp_pair import bind_udp

MAX_CONNECTIONS = 1_024
MAX_CONNECTIONS_PER_HOST = 128
CONNECT_SECONDS = 5.0
DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061, "WS": 80, "WSS": 443}
_SECURE = ("TLS", "WSS")
_ELSEWHERE = "192.0.2.1"
"""Stands for a host whose name is not resolved yet: what leads there is the default route (RFC 5737)."""


class Receiver(Protocol):
    """What the transports hand on to."""

    def admits(self, host: str) -> bool:
        """Whether that address may hold a connection."""

    def stranger(self, host: str) -> None:
        """It has tried to, and may not."""

    def crowded(self, host: str) -> None:
        """It may, but has too many connections, or all have."""

    def received(self, data: bytes, flow: Flow) -> None:
        """One whole message, as bytes. Raises nothing."""

    def unframeable(self, error: Malformed, flow: Flow) -> None:
        """A stream that cannot be cut into messages; it is closed after this returns."""


@dataclasses.dataclass(frozen=True)
class Listeners:
    """What an endpoint listens on beside UDP and TCP. A port of 0 takes a free one, None opens none."""

    tls_port: int | None = None
    ws_port: int | None = None
    wss_port: int | None = None
    server_tls: ssl.SSLContext | None = None
    """Needed by `tls_port` and `wss_port`."""
    client_tls: ssl.SSLContext | None = None
    """For TLS and WSS to others; None takes the system's authorities."""
    origins: tuple[str, ...] = ()
    """Web origins whose pages may speak SIP over a WebSocket."""
    message_s: float = MESSAGE_SECONDS
    keep_alive_s: float = KEEP_ALIVE_SECONDS
    pong_s: float = PONG_SECONDS


class Transports:
    """The sockets of one endpoint. Open with `open`, close with `close`."""

    def __init__(self, receiver: Receiver, listeners: Listeners | None = None) -> None:
        self.receiver = receiver
        self.host, self.port = "", 0
        self._listeners = listeners or Listeners()
        self._udp: asyncio.DatagramTransport | None = None
        self._servers: dict[str, asyncio.Server] = {}
        self._connections: dict[int, Connection] = {}
        self._opening: dict[tuple[str, str, int, str], asyncio.Task[Connection]] = {}
        self._next = 1

    async def open(self, host: str, port: int, setting: str = "SIP_PORT", host_setting: str = "SIP_HOST") -> None:
        """Binds UDP and TCP to the same port; 0 takes a free one. Raises `StartupError` that names `setting`, that of
        another transport's port beside it, or `host_setting`."""
        loop = asyncio.get_running_loop()
        for attempts_left in range(9, -1, -1):
            try:
                await self._open_udp(loop, host, port)
                await self._listen("TCP", self.port)
            except OSError as error:
                await self.close()
                if port == 0 and attempts_left:
                    continue  # the free UDP port was taken for TCP
                named = {"port_setting": setting, "host_setting": host_setting}
                raise cannot_listen("SIP", host, port, error, **named) from None
            break
        for transport, extra in self._extra_ports().items():
            try:
                await self._listen(transport, extra)
            except OSError as error:
                await self.close()
                own = f"{setting.removesuffix('PORT')}{transport}_PORT"
                named = {"port_setting": own, "host_setting": host_setting}
                raise cannot_listen("SIP", host, extra, error, **named) from None

    def _extra_ports(self) -> dict[str, int]:
        given = self._listeners
        ports = {"TLS": given.tls_port, "WS": given.ws_port, "WSS": given.wss_port}
        return {name: port for name, port in ports.items() if port is not None}

    async def _open_udp(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> None:
        sock = bind_udp(host, port)
        with contextlib.suppress(OSError):  # a burst of INVITEs must not be lost while a call is set up
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_194_304)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=sock)
        self.host, self.port = host, self._udp.get_extra_info("sockname")[1]

    async def _listen(self, transport: str, port: int) -> None:
        secure = self._listeners.server_tls if transport in _SECURE else None
        if transport in _SECURE and secure is None:
            raise StartupError(f"SIP over {transport} needs SIP_TLS_CERT")
        loop = asyncio.get_running_loop()
        handshake = CONNECT_SECONDS if secure else None
        self._servers[transport] = await loop.create_server(
            self._factory(transport), self.host, port, ssl=secure, ssl_handshake_timeout=handshake
        )

    def _factory(self, transport: str, server_name: str = "", authority: str = "") -> Callable[[], Connection]:
        def make() -> Connection:
            if transport in ("WS", "WSS"):
                origins = self._listeners.origins
                return WebSocketConnection(
                    self, transport, server_name=server_name, authority=authority, origins=origins
                )
            return StreamConnection(self, transport, server_name=server_name)

        return make

    # ─── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, data: bytes, flow: Flow) -> bool:
        """False when the flow's connection is gone."""
        if flow.transport == "UDP":
            if self._udp is None:
                return False
            self._udp.sendto(data, (flow.host, flow.port))
            return True
        connection = self._connections.get(flow.connection)
        return connection is not None and connection.write(data)

    def alive(self, flow: Flow) -> bool:
        """Whether `send` on this flow can work."""
        if flow.transport == "UDP":
            return flow.connection == 0
        connection = self._connections.get(flow.connection)
        return connection is not None and connection.open

    async def flow_to(self, transport: str, host: str, port: int, name: str = "") -> Flow:
        """A flow to that host; an open connection there or a new one. `name` is whose certificate is expected, where it
        is not `host`. Raises `OSError`."""
        loop, name = asyncio.get_running_loop(), name or host
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        address = str(found[0][4][0])
        if transport == "UDP":
            return Flow("UDP", address, port)
        for connection in self._connections.values():
            # RFC 5923: what came in over TLS proves nothing about who it is, so only our own serves again
            named = connection.server_name == name or (transport not in _SECURE and not connection.server_name)
            there = (connection.flow.transport, connection.flow.host, connection.flow.port)
            if there == (transport, address, port) and named and connection.open:
                return connection.flow
        key = (transport, address, port, name)
        task = self._opening.get(key)
        if task is None:  # whoever asks meanwhile waits for the same connection
            task = self._opening[key] = loop.create_task(self._connect(transport, address, port, name))
            task.add_done_callback(lambda _: self._opening.pop(key, None))
        return (await asyncio.shield(task)).flow

    async def _connect(self, transport: str, address: str, port: int, name: str) -> Connection:
        loop = asyncio.get_running_loop()
        secure = (self._listeners.client_tls or ssl.create_default_context()) if transport in _SECURE else None
        authority = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        make = self._factory(transport, server_name=name, authority=authority)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    make, address, port, ssl=secure, server_hostname=name if secure else None
                )
                if isinstance(connection, WebSocketConnection):
                    await connection.ready
        except (TimeoutError, ssl.SSLError) as error:
            raise ConnectionRefusedError(111, f"no {transport} connection ({type(error).__name__})") from None
        if not connection.flow.connection:
            raise ConnectionRefusedError(111, "too many connections")
        return connection

    # ─── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────

    def local_port(self, transport: str) -> int:
        """Where we listen for that transport; a transport that we only call with names our main port."""
        server = self._servers.get(transport)
        return server.sockets[0].getsockname()[1] if server is not None and server.sockets else self.port

    def local_host(self, peer_host: str) -> str:
        """The address by which that peer reaches us. Never waits for DNS."""
        if self.host not in ("0.0.0.0", "::", ""):
            return self.host
        if not is_numeric(peer_host):
            peer_host = _ELSEWHERE
        family = socket.AF_INET6 if ":" in peer_host else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer_host, 9))  # a datagram socket: nothing is sent
            return str(probe.getsockname()[0])
        return "127.0.0.1"

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        for task in list(self._opening.values()):
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close()
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        await asyncio.sleep(0)  # lets the transports call connection_lost

    # ─── what connections tell ───────────────────────────────────────────────────────────────────────────────────────

    @property
    def message_s(self) -> float:
        return self._listeners.message_s

    @property
    def keep_alive_s(self) -> float:
        return self._listeners.keep_alive_s

    @property
    def pong_s(self) -> float:
        return self._listeners.pong_s

    @property
    def connections(self) -> int:
        """Open stream connections."""
        return len(self._connections)

    def admit(self, connection: Connection, host: str) -> int:
        """A number for a new connection; 0 when there are too many, or none from that host are wanted."""
        if not connection.server_name and not self.receiver.admits(host):
            self.receiver.stranger(host)
            return 0
        per_host = Counter(other.flow.host for other in self._connections.values())
        if len(self._connections) >= MAX_CONNECTIONS or per_host[host] >= MAX_CONNECTIONS_PER_HOST:
            self.receiver.crowded(host)
            return 0
        number, self._next = self._next, self._next + 1
        self._connections[number] = connection
        return number

    def forget(self, connection: Connection) -> None:
        self._connections.pop(connection.flow.connection, None)

    def received(self, data: bytes, flow: Flow) -> None:
        self.receiver.received(data, flow)

    def unframeable(self, error: Malformed, flow: Flow) -> None:
        self.receiver.unframeable(error, flow)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: Transports) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.strip(b"\r\n\x00"):  # CRLF or NULs: a NAT keep-alive
            self._owner.received(data, Flow("UDP", addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """ICMP unreachable: retransmission and time-outs decide, as for any loss."""


def is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_INSIDE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)


def is_inside(host: str) -> bool:
    """Whether its address is one of a private network or of this machine; a name may be anywhere."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local or any(address in network for network in _INSIDE)
