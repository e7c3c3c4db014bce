"""Where browsers find the bridge, and whether it is there."""

import asyncio

from aiohttp import web
from yarl import URL

from engine.settings import Settings
from engine.web.client import host_of
from engine.web.keys import SETTINGS

_PROBE_S = 0.5
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def bridge_address(request: web.Request) -> str:
    """`ws://host:port` or `wss://…`, as the browser of this request reaches it; empty when that cannot be known."""
    settings, host = request.app.get(SETTINGS), host_of(request)
    if settings is None or host is None or not (settings.bridge_url or settings.bridge_http_port):
        return ""
    if settings.bridge_url:
        url = URL(settings.bridge_url)
    else:
        url = URL.build(
            scheme=URL(settings.public_url or "http://localhost").scheme,
            host=host or "localhost",
            port=settings.bridge_http_port,
        )
    return str(url.with_scheme("wss" if url.scheme == "https" else "ws")).rstrip("/")


async def bridge_answers(settings: Settings) -> bool:
    """Whether somebody listens there; one behind `BRIDGE_URL` is not asked, since it may be on another machine."""
    if settings.bridge_url:
        return True
    host = _EVERYWHERE.get(settings.bridge_http_host, settings.bridge_http_host)
    try:
        async with asyncio.timeout(_PROBE_S):
            _, writer = await asyncio.open_connection(host, settings.bridge_http_port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
