"""What machines ask: alive, ready, metrics, and the two API descriptions."""

from aiohttp import web

from engine.web.keys import ASYNCAPI, METRICS, OPENAPI, READY, STORE
from engine.web.view import answer


async def healthz(_request: web.Request) -> web.Response:
    """The event loop turns."""
    return answer({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    """Calls can be taken: 200, or 503 with what is missing."""
    parts = dict(request.app[READY]())
    try:
        parts["store"] = await request.app[STORE].ready()
    except Exception:  # whatever it is, the store does not answer
        parts["store"] = False
    ready = all(parts.values())
    return answer({"status": "ready" if ready else "not ready", "parts": parts}, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus' text format."""
    metrics, store = request.app[METRICS], request.app[STORE]
    metrics.set("store_waiting", store.waiting())
    metrics.set("store_up", await store.writable())
    return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


async def openapi(request: web.Request) -> web.Response:
    """OpenAPI of the REST routes."""
    return web.Response(body=request.app[OPENAPI](), content_type="application/json")


async def asyncapi(request: web.Request) -> web.Response:
    """AsyncAPI of what the bus carries."""
    return web.Response(body=request.app[ASYNCAPI], content_type="application/json")
