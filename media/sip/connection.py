"""One stream connection of SIP: TCP or TLS (RFC 3261 §18), or a WebSocket (RFC 7118). Framing, limits, keep-alive."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol, cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri as parse_ws_uri

from media.sip.layer import Flow
from media.sip.wire import MAX_BODY, MAX_HEAD, Malformed, StreamFramer

MAX_UNSENT = 1_048_576
"""Bytes that a peer may leave unread on its connection before we close it."""
MESSAGE_SECONDS = 32.0
"""A message that began must be whole within this time (64·T1), or its connection is closed; a handshake too."""
KEEP_ALIVE_SECONDS = 110.0
"""Pause between pings on a connection that we opened (RFC 5626 §4.4.1: 95–120 s for TCP)."""
PONG_SECONDS = 10.0
"""Within which something must come after it."""
SUBPROTOCOL = Subprotocol("sip")


class Owner(Protocol):
    """The endpoint's transports, as a connection sees them."""

    @property
    def message_s(self) -> float: ...

    @property
    def keep_alive_s(self) -> float: ...

    @property
    def pong_s(self) -> float: ...

    def admit(self, connection: "Connection", host: str) -> int:
        """A number for a new connection; 0 when it is not wanted."""

    def forget(self, connection: "Connection") -> None: ...

    def received(self, data: bytes, flow: Flow) -> None: ...

    def unframeable(self, error: Malformed, flow: Flow) -> None: ...


class Connection(asyncio.Protocol):
    """What both kinds share: admission, writing within limits, the watch on slow senders, pings on our own."""

    def __init__(self, owner: Owner, transport: str, *, server_name: str = "") -> None:
        """`transport` as in Via; `server_name` is whom we called, empty for a connection that came in."""
        self.flow = Flow(transport, "", 0)
        self.server_name = server_name
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._keeper: asyncio.TimerHandle | None = None
        self._pinged = self._answers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        host, port = transport.get_extra_info("peername")[:2]
        self.flow = Flow(self.flow.transport, host, port)
        number = self._owner.admit(self, host)
        self.flow = Flow(self.flow.transport, host, port, number)
        if not number:
            self._transport.abort()
        elif self.server_name:
            # where not even its kernel takes in what we send, the peer is gone, whether it knows pings or not
            patience_ms = int(self._owner.message_s * 1000)
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience_ms)
            self._keep_alive_later()

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def write(self, data: bytes) -> bool:
        """One message. False when the connection is closed or its peer does not read."""
        return self._put(data)

    def _put(self, data: bytes) -> bool:
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

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._watch, self._keeper):
            if timer is not None:
                timer.cancel()
        self._owner.forget(self)

    def _guard(self, *, whole: bool, partial: bool) -> None:
        """Closes a connection whose sender stops within a message."""
        if self._watch is not None and (whole or not partial):
            self._watch.cancel()
            self._watch = None
        if self._watch is None and partial:
            self._watch = asyncio.get_running_loop().call_later(self._owner.message_s, self.abort)

    # ─── keep-alive: whatever comes after a ping shows that the peer is there ────────────────────────────────────────

    def _keep_alive_later(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        self._keeper = asyncio.get_running_loop().call_later(self._owner.keep_alive_s, self.ping)

    def ping(self) -> None:
        """Sends a ping; when nothing comes in time, the connection to a peer that has answered one is closed (RFC 5626
        §4.4.1). One that never has may know none: RFC 3261 §7.5 asks it to pass CRLF over, and no more."""
        self._pinged = True
        self._ping()
        if self._keeper is not None:
            self._keeper.cancel()
        self._keeper = asyncio.get_running_loop().call_later(self._owner.pong_s, self._unanswered)

    def _ping(self) -> None:
        self._put(b"\r\n\r\n")

    def _unanswered(self) -> None:
        self._pinged = False
        (self.abort if self._answers else self._keep_alive_later)()

    def _heard(self, *, pong: bool = False) -> None:
        self._answers = self._answers or (self._pinged and pong)
        self._pinged = False
        if self._keeper is not None:
            self._keep_alive_later()


class StreamConnection(Connection):
    """TCP and TLS: messages are cut by Content-Length."""

    def __init__(self, owner: Owner, transport: str, *, server_name: str = "") -> None:
        super().__init__(owner, transport, server_name=server_name)
        self._framer = StreamFramer()

    def data_received(self, data: bytes) -> None:
        self._heard(pong=data.startswith(b"\r\n") and not self._framer.partial)
        messages = self._framer.feed(data)
        if self._framer.pings:
            self._framer.pings = 0
            self._put(b"\r\n")
        for message in messages:
            self._owner.received(message, self.flow)
        if self._framer.broken is not None:
            self._owner.unframeable(self._framer.broken, self.flow)
            self.close()
            return
        self._guard(whole=bool(messages), partial=self._framer.partial)


class WebSocketConnection(Connection):
    """RFC 7118: a message a WebSocket message, text or binary, subprotocol `sip`."""

    def __init__(
        self,
        owner: Owner,
        transport: str,
        *,
        server_name: str = "",
        authority: str = "",
        origins: Sequence[str] = (),
    ) -> None:
        """`authority` is the `host:port` of a server that we call. Of browsers, pages of `origins` alone may connect;
        a client that names no origin is no browser."""
        super().__init__(owner, transport, server_name=server_name)
        self._server = not server_name
        self._answers = True  # as each WebSocket does (RFC 6455 §5.5.2)
        self._protocol: ServerProtocol | ClientProtocol
        size = MAX_HEAD + MAX_BODY
        if self._server:
            allowed = [None, *map(Origin, origins)]
            self._protocol = ServerProtocol(origins=allowed, subprotocols=[SUBPROTOCOL], max_size=size)
        else:
            uri = parse_ws_uri(f"{transport.lower()}://{authority}/")
            self._protocol = ClientProtocol(uri, subprotocols=[SUBPROTOCOL], max_size=size)
        self._parts: list[bytes] = []
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the handshake is; fails with `ConnectionRefusedError` or `ConnectionResetError`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._guard(whole=False, partial=True)  # until the handshake is done
        if isinstance(self._protocol, ClientProtocol):
            self._protocol.send_request(self._protocol.connect())
            self._flush()

    def data_received(self, data: bytes) -> None:
        self._heard()
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, HttpRequest):
                self._accept(event)
            elif isinstance(event, HttpResponse):
                self._accepted(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()
        if self._protocol.state is OPEN:
            self._guard(whole=True, partial=bool(self._parts))

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        self._flush()
        return False

    def _accept(self, request: HttpRequest) -> None:
        assert isinstance(self._protocol, ServerProtocol)
        if self._protocol.eof_sent:  # frames came with the handshake, not waiting for its answer, and were wrong
            self.close()
            return
        self._protocol.send_response(self._protocol.accept(request))
        if self._protocol.handshake_exc is None:
            self._done(None)

    def _accepted(self, response: HttpResponse) -> None:
        refused = self._protocol.handshake_exc
        if refused is None and self._protocol.subprotocol != SUBPROTOCOL:
            refused = InvalidHandshake("the server does not speak SIP")
        self._done(refused)
        if refused is not None:
            self.close()

    def _done(self, refused: Exception | None) -> None:
        if self.ready.done():
            return
        if refused is None:
            self.ready.set_result(None)
        else:
            self.ready.set_exception(ConnectionRefusedError(111, "the WebSocket was refused"))

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return  # pings and closes are answered by the protocol itself
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        message = b"".join(self._parts)
        self._parts.clear()
        if not message.strip(b"\r\n"):
            if message == b"\r\n\r\n":
                self.write(b"\r\n")
        else:
            self._owner.received(message, self.flow)

    def write(self, data: bytes) -> bool:
        if self._protocol.state is not OPEN or not self.open:
            return False
        self._protocol.send_text(data) if _is_text(data) else self._protocol.send_binary(data)
        return self._flush()

    def _ping(self) -> None:
        if self._protocol.state is OPEN:
            self._protocol.send_ping(b"sip")
            self._flush()

    def _flush(self) -> bool:
        sent = True
        for data in self._protocol.data_to_send():
            if data:
                sent = self._put(data)
            else:
                self.close()  # the protocol's sign of half-close
        return sent

    def close(self) -> None:
        if self._protocol.state is OPEN and self.open:
            self._protocol.send_close(1000)
            for data in self._protocol.data_to_send():
                if data:
                    self._put(data)
        super().close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionResetError(104, "the connection was closed"))
            self.ready.exception()  # nobody waits for it on a connection that came in
        super().connection_lost(exc)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
