"""Requests to an Asterisk's REST interface, and the WebSocket of its events."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp

from engine.control.peers import Peer

ANSWERS_WITHIN_S = 10.0
MAX_EVENT = 1 << 18


class AriError(Exception):
    """Asterisk refused a request, or did not answer."""


async def address_of(url: str) -> str:
    """The address of a URL's host; of several an IPv4 one. Raises `OSError`."""
    host = urlsplit(url).hostname or ""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


class AriRest:
    """`open` first, `close` last."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._base = f"{peer.url.rstrip('/')}/ari"
        self._http: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        login = {"Authorization": aiohttp.encode_basic_auth(self._peer.key, self._peer.secret)}
        self._http = aiohttp.ClientSession(headers=login, timeout=aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S))

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    @contextlib.asynccontextmanager
    async def events(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Of all channels and bridges, from now on. Raises what aiohttp does, and `OSError`."""
        query = {"app": self._peer.app, "subscribeAll": "true"}
        async with self._session.ws_connect(
            f"{self._base}/events", params=query, heartbeat=20, max_msg_size=MAX_EVENT
        ) as events:
            yield events

    async def get(self, path: str, **query: str) -> object:
        """None when it was not answered."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
            async with self._session.get(f"{self._base}/{path}", params=query) as response:
                return await response.json()
        return None

    async def post(self, path: str, **query: str) -> None:
        """Raises `AriError`."""
        try:
            async with self._session.post(f"{self._base}/{path}", params=query) as response:
                if response.status >= 300:
                    raise AriError(f"{path.split('/')[0]} was answered with {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AriError(type(error).__name__) from None

    async def delete(self, path: str) -> None:
        """Whether it is there or not."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._session.delete(f"{self._base}/{path}"):
                pass

    @property
    def _session(self) -> aiohttp.ClientSession:
        assert self._http is not None
        return self._http
