"""Errors as problem details (RFC 9457), in one place."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from engine.control.login import TooManyGuesses, TooManyLogins
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Overloaded, WelcomedlyError

_log = structlog.get_logger(__name__)

_STATUS: tuple[tuple[type[WelcomedlyError], int], ...] = (
    (NotFound, 404),
    (Forbidden, 403),
    (Conflict, 409),
    (Invalid, 422),
    (TooManyGuesses, 429),
    (Overloaded, 503),
)
TITLES = {
    400: "Bad request",
    401: "Not logged in",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Not JSON",
    416: "Range not satisfiable",
    422: "Invalid",
    429: "Too many tries",
    500: "Our mistake",
    503: "Overloaded",
}


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> web.Response:
    """`code` is for machines, `detail` for people."""
    title = TITLES.get(status, "Error")
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, "message": detail}
    return web.Response(
        status=status,
        body=msgspec.json.encode(body | more),
        content_type="application/problem+json",
        headers=headers,
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost but for the measure: what a handler raises becomes an answer exactly once."""
    try:
        return await handler(request)
    except WelcomedlyError as error:
        return _ours(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kept = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
        return problem(error.status, _code(error), TITLES.get(error.status, error.reason), kept)
    except (web.RequestPayloadError, ConnectionResetError):
        # a body that claims to be compressed and is not, or whoever sent it has left
        return problem(400, "bad_request", TITLES[400])
    except Exception:
        _log.exception("request failed", method=request.method, route=_route(request))
        return problem(500, "internal", "the engine made a mistake, which is in its log")


def break_off(request: web.Request, response: web.StreamResponse) -> None:
    """An answer that has begun: too late for another status, and what it promised does not come."""
    response.force_close()
    if request.transport:
        request.transport.abort()


def _ours(error: WelcomedlyError) -> web.Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    wait_s = error.wait_s if isinstance(error, TooManyGuesses | TooManyLogins) else 0.0
    headers = {"Retry-After": str(int(wait_s) + 1)} if wait_s else None
    return problem(status, error.code, str(error), headers)


def _code(error: web.HTTPException) -> str:
    return TITLES.get(error.status, "error").lower().replace(" ", "_")


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""
