"""The bridge's HTTP port: the desks' socket, and whether the bridge is there."""

import msgspec
from aiohttp import web

from media.bridge.phone_socket import PhoneSockets

SOCKETS = web.AppKey("SOCKETS", PhoneSockets)


def build_phone_app(sockets: PhoneSockets) -> web.Application:
    """`/phone` and `/healthz`."""
    app = web.Application(client_max_size=64 * 1024)
    app[SOCKETS] = sockets
    app.router.add_get("/phone", sockets.serve)
    app.router.add_get("/healthz", _healthz)
    app.on_shutdown.append(_close)
    return app


async def _healthz(request: web.Request) -> web.Response:
    phones = len(request.app[SOCKETS].phones)
    return web.Response(body=msgspec.json.encode({"status": "ok", "phones": phones}), content_type="application/json")


async def _close(app: web.Application) -> None:
    await app[SOCKETS].close()
