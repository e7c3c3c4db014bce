"""What machines ask: alive, ready, metrics, and the two API descriptions."""

from collections.abc import Callable
from functools import cache

import msgspec
from aiohttp import web
from aiohttp_pydantic.oas.view import generate_oas

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


def described(app: web.Application) -> Callable[[], bytes]:
    """Gives the OpenAPI of an application, generated from its annotations: once, and when it is first asked for, since
    it takes a good part of a tenth of a second, which calls would have to wait for."""

    @cache
    def describe() -> bytes:
        spec = generate_oas([app], version_spec="0.1.0", title_spec="Welcomedly")
        return msgspec.json.encode(spec)

    return describe


async def asyncapi(request: web.Request) -> web.Response:
    """AsyncAPI of what the bus carries."""
    return web.Response(body=request.app[ASYNCAPI], content_type="application/json")
