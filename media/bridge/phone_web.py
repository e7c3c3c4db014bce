"""What agents' browsers find on the bridge's HTTP port."""

from aiohttp import web

from media.bridge.phone_socket import PhoneSockets

_SOCKETS = web.AppKey("SOCKETS", PhoneSockets)


def add_phones(app: web.Application, sockets: PhoneSockets) -> None:
    """`/phone`; its sockets are closed when the application shuts down."""
    app[_SOCKETS] = sockets
    app.router.add_get("/phone", sockets.serve)
    app.on_shutdown.append(_close)


async def _close(app: web.Application) -> None:
    await app[_SOCKETS].close()
