"""The listeners of the media sockets: one HTTP port for WebSockets, by path; a TCP port for each AudioSocket peer."""

import asyncio
import contextlib
import http
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from engine.control.peers import Peer
from engine.listening import cannot_listen
from engine.ports.intake import CallIntake
from media.sip.telemetry import Counts
from media.sockets.adapters import adapter_for
from media.sockets.link import Link
from media.sockets.plane import SocketPlane
from media.sockets.signature import Upgrade, is_authentic
from media.sockets.switchboard import Switchboard
from media.sockets.wire import Hangup

log = structlog.get_logger()

MAX_LINKS = 1024
"""Media sockets at once; over it upgrades get 503."""
MAX_CONNECTIONS = MAX_LINKS + 256
"""With those whose upgrade is not done; over it TCP connections are reset."""
MAX_MESSAGE = 65_536
UPGRADE_WITHIN_S = 5.0
READ_SIZE = 16_384
KEEP_ALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""An AudioSocket that has vanished is found out by TCP, in a minute: one that is on hold sends nothing either."""
FAILED_AFTER_S = 0.5
"""A failed authentication is answered no sooner: guessing takes time (AudioHook)."""


class _Bounded(ServerConnection):
    """Resets what is too many, before it costs more than its socket."""

    asked: tuple[Peer, Upgrade]
    """Set once the upgrade has been let in."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self.server.handler_tasks) > MAX_CONNECTIONS and isinstance(transport, asyncio.Transport):
            transport.abort()


class SocketServer:
    """`open`, then platforms connect; `close` says good-bye to all and frees the ports."""

    def __init__(
        self,
        host: str,
        port: int,
        peers: Sequence[Peer],
        intake: CallIntake,
        plane: SocketPlane,
        *,
        metrics: Counts | None = None,
        wall_clock: Callable[[], float] = time.time,
        max_links: int = MAX_LINKS,
        failed_after_s: float = FAILED_AFTER_S,
    ) -> None:
        """`metrics` counts `platform_sockets_total`; signatures are judged by `wall_clock` (UNIX seconds)."""
        self.board = Switchboard(intake, plane, metrics)
        self.links: set[Link] = set()
        self._host, self._port = host, port
        self._peers = {peer.path: peer for peer in peers if peer.path}
        self._tcp_peers = [peer for peer in peers if peer.protocol == "audiosocket"]
        self._wall_clock, self._max_links, self._failed_after_s = wall_clock, max_links, failed_after_s
        self._server: Server | None = None
        self._listeners: list[asyncio.Server] = []
        self._watch: asyncio.Task[None] | None = None
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The WebSockets' bound port; 0 when no peer has one."""
        return int(next(iter(self._server.sockets)).getsockname()[1]) if self._server else 0

    def tcp_port(self, name: str) -> int:
        """The bound port of an AudioSocket peer."""
        place = [peer.name for peer in self._tcp_peers].index(name)
        return int(self._listeners[place].sockets[0].getsockname()[1])

    async def open(self) -> None:
        """Raises `StartupError` with the setting to change."""
        port, setting = self._port, "SOCKETS_PORT"
        try:
            if self._peers:
                self._server = await serve(
                    self._serve_websocket,
                    self._host,
                    self._port,
                    process_request=self._judge,
                    select_subprotocol=self._subprotocol,
                    create_connection=_Bounded,
                    max_size=MAX_MESSAGE,
                    open_timeout=UPGRADE_WITHIN_S,
                    server_header=None,
                )
            for peer in self._tcp_peers:
                port, setting = peer.port, f"the port of peer {peer.name!r} in SOCKETS"
                taken = partial(self._serve_tcp, peer)
                listener = await asyncio.start_server(taken, self._host, peer.port, limit=READ_SIZE)
                self._listeners.append(listener)
                _keep_alive(listener)
        except OSError as error:
            await self.close()
            named = {"port_setting": setting, "host_setting": "SOCKETS_HOST"}
            raise cannot_listen("platforms' sockets", self._host, port, error, **named) from None
        self._watch = asyncio.get_running_loop().create_task(self._watch_on(), name="sockets-watch")

    async def close(self, grace_s: float = 2.0) -> None:
        """Asks every peer to leave, waits for that up to `grace_s`, then closes what is left."""
        self._closing = True
        self.board.shut()
        for link in list(self.links):
            link.hang_up("shutdown")
        await self.emptied(grace_s)
        for link in list(self.links):
            link.hang_up("shutdown")  # a second time: at once
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        for listener in self._listeners:
            listener.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        await self.emptied(grace_s)

    async def emptied(self, within_s: float) -> None:
        """Returns once every connection that there is now has ended, or after so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    async def _watch_on(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.look_after(self.board.plane.clock())

    def look_after(self, now: float) -> None:
        """Closes connections that do not begin or do not end. Happens by itself too."""
        for link in list(self.links):
            link.check(now)

    def _remember(self) -> None:
        """`emptied` waits for the connection whose task this is."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ─── WebSocket ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before the upgrade: who is it, and is there room."""
        address = connection.remote_address
        upgrade = Upgrade(request.path, _headers(request.headers), address[0] if address else "")
        peer = self._peers.get(upgrade.path)
        if peer is None:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "no such socket\n")
        if not peer.allows(upgrade.host):
            self.board.count(peer, "forbidden")
            return connection.respond(http.HTTPStatus.FORBIDDEN, "not from this address\n")
        if self._closing or len(self.links) >= self._max_links:
            self.board.count(peer, "limited")
            response = connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "try later\n")
            response.headers["Retry-After"] = "5"
            return response
        if not is_authentic(peer, upgrade, self._wall_clock()):
            self.board.count(peer, "unauthorized")
            log.warning("socket.unauthorized", peer=peer.name, address=upgrade.host)
            await asyncio.sleep(self._failed_after_s)
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "not authenticated\n")
        assert isinstance(connection, _Bounded)
        connection.asked = peer, upgrade
        return None

    def _subprotocol(self, connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """Whatever is offered first is spoken: drachtio and jambonz name their wire, nobody asks for another."""
        return offered[0] if offered else None

    async def _serve_websocket(self, connection: ServerConnection) -> None:
        assert isinstance(connection, _Bounded)
        self._remember()
        peer, upgrade = connection.asked
        address = connection.remote_address or ("", 0)
        link = Link(self.board, peer, adapter_for(peer, upgrade), f"{address[0]}:{address[1]}/ws")
        self.links.add(link)
        writer = asyncio.get_running_loop().create_task(_write_websocket(link, connection))
        clean = True
        try:
            async for message in connection:
                link.receive(message)
            clean = connection.close_code in (1000, 1001, 1005)
        except ConnectionClosed:
            clean = False
        finally:
            link.lost(clean=clean)
            self.links.discard(link)
            await writer

    # ─── TCP ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _serve_tcp(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._remember()
        address = writer.get_extra_info("peername") or ("", 0)
        if not peer.allows(address[0]) or self._closing or len(self.links) >= self._max_links:
            self.board.count(peer, "limited" if peer.allows(address[0]) else "forbidden")
            writer.transport.abort()
            return
        link = Link(self.board, peer, adapter_for(peer, None), f"{address[0]}:{address[1]}/tcp")
        self.links.add(link)
        sending = asyncio.get_running_loop().create_task(_write_tcp(link, writer))
        clean = False
        try:
            clean = await _read_tcp(link, reader)
        finally:
            link.lost(clean=clean)
            self.links.discard(link)
            await sending


def _keep_alive(listener: asyncio.Server) -> None:
    """The connections that it accepts inherit this."""
    for sock in listener.sockets:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEP_ALIVE.items():
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def _read_tcp(link: Link, reader: asyncio.StreamReader) -> bool:
    """Whether the stream ended in order."""
    try:
        while not link.over:
            data = await reader.read(READ_SIZE)
            if not data:
                return True
            link.receive(data)
    except OSError:
        return False
    return True


async def _write_tcp(link: Link, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        async for item in link.outbox:
            if isinstance(item, Hangup):
                break
            writer.write(item.data if isinstance(item.data, bytes) else item.data.encode())
            await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _write_websocket(link: Link, connection: ServerConnection) -> None:
    last = Hangup()
    with contextlib.suppress(ConnectionClosed):
        async for item in link.outbox:
            if isinstance(item, Hangup):
                last = item
                break
            await connection.send(item.data)
    await connection.close(last.code, last.text)


def _headers(headers: Headers) -> dict[str, str]:
    """The first value of each, by lower-case name."""
    found: dict[str, str] = {}
    for name, value in headers.raw_items():
        found.setdefault(name.lower(), value)
    return found
