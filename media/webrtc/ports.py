"""The UDP sockets of browsers' legs: one each, for checks, handshake and sound alike."""

import socket
import time
from collections.abc import Callable

from engine.errors import Overloaded
from media.ports import PortPool, PortRange
from media.rtp_port import own_address
from media.udp_pair import bind_udp, expedite

_OUTSIDE = {"": "192.0.2.1", "::": "2001:db8::1"}
"""Nobody's addresses (RFC 5737, RFC 3849), which lie behind the default route."""


class LegPorts:
    """Hands out bound sockets, and lets their ports rest before another leg gets them."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        ports: PortRange | None = None,
        *,
        advertise: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`host` is bound; browsers are told `advertise` instead, behind NAT, and the way out of this machine where all
        addresses are bound. Without a range the system chooses."""
        self.advertised = own_address(host, advertise, _OUTSIDE["::" if host == "::" else ""])
        self._host = host
        self._pool = PortPool(ports) if ports else None
        self._clock = clock

    def open(self) -> socket.socket:
        """Raises `Overloaded` when no port is free."""
        sock = self._bind()
        expedite(sock)
        return sock

    def _bind(self) -> socket.socket:
        if self._pool is None:
            return bind_udp(self._host, 0)
        for _ in range(len(self._pool)):
            number = self._pool.take(self._clock())
            if number is None:
                break
            try:
                return bind_udp(self._host, number)
            except OSError:  # another program has it
                self._pool.give_back(number, self._clock(), unused=True)
        raise Overloaded("no UDP port is free for a browser")

    def close(self, sock: socket.socket) -> None:
        number = int(sock.getsockname()[1])
        sock.close()
        if self._pool is not None:
            self._pool.give_back(number, self._clock())
