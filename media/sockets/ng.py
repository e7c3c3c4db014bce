"""rtpengine's NG protocol: bencoded requests and answers over UDP, each pair under a cookie.

https://github.com/sipwise/rtpengine, `docs/ng_control_protocol.md`.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import Any

from media.sockets import bencode

TRIES_S = (0.4, 0.8, 1.6)
"""Each request is sent so often, under one cookie, and waited for so long."""


class NgError(Exception):
    """rtpengine did not answer, or said that it cannot."""


class NgRefusal(NgError):
    """It said that it cannot."""


class NgClient(asyncio.DatagramProtocol):
    """Requests and answers over UDP. `open` first, `close` last."""

    def __init__(self, host: str, port: int, tries_s: Sequence[float] = TRIES_S) -> None:
        self._address, self._tries_s = (host, port), tries_s
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._cookie = 0
        self._prefix = secrets.token_hex(4)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=self._address)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def ask(self, command: str, **fields: object) -> dict[str, Any]:
        """The answer's dictionary. Raises `NgError`."""
        if self._transport is None:
            raise NgError("not open")
        self._cookie += 1
        cookie = f"{self._prefix}_{self._cookie}"
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        datagram = cookie.encode() + b" " + bencode.encode({"command": command, **named})
        answer = self._waiting[cookie] = asyncio.get_running_loop().create_future()
        try:
            for wait_s in self._tries_s:
                self._transport.sendto(datagram)
                done, _ = await asyncio.wait([answer], timeout=wait_s)
                if done:
                    found: dict[str, Any] = answer.result()
                    if found.get("result") == "error":
                        raise NgRefusal(command)
                    return found
        finally:
            del self._waiting[cookie]
        raise NgError(f"{command} was not answered")

    def datagram_received(self, data: bytes, addr: object) -> None:
        cookie, _, body = data.partition(b" ")
        waiting = self._waiting.get(cookie.decode("ascii", "replace"))
        if waiting is None or waiting.done():
            return
        with contextlib.suppress(ValueError):
            found = bencode.decode(body)
            if isinstance(found, dict):
                waiting.set_result(found)

    def error_received(self, exc: Exception) -> None:
        """ICMP: nobody listens there (yet); the request is sent again."""
