"""Who may call what: one table grants every route, and a middleware holds it against the session.

A route that the table does not list does not exist: `engine.web.app` registers from the same rows.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from engine.settings import Settings
from engine.web.client import host_of
from engine.web.keys import LOGIN, PERSON, SETTINGS, TOKEN
from engine.web.problems import problem

COOKIE = "welcomedly_session"

PUBLIC: frozenset[str] | None = None
EVERYBODY = frozenset({"agent", "supervisor", "admin"})
SUPERVISORS = frozenset({"supervisor", "admin"})
ADMINS = frozenset({"admin"})

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Route(NamedTuple):
    method: str
    path: str
    handler: Any
    """A coroutine function, or a view class."""
    roles: frozenset[str] | None
    """Who may; `PUBLIC` needs no log-in."""


def guard(routes: Sequence[Route]) -> Middleware:
    """The middleware: host and origin first, then the session, then the role."""
    grants = {(route.method, route.path): route.roles for route in routes}

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if host_of(request) is None:
            return problem(400, "bad_host", "the Host header is no host")
        resource = request.match_info.route.resource
        if request.match_info.http_exception is not None or resource is None:
            return await handler(request)  # 404 or 405
        method = "GET" if request.method == "HEAD" else request.method
        upgrade = "upgrade" in request.headers.get("Connection", "").lower()
        if (method not in _SAFE or upgrade) and not same_origin(request):
            return problem(403, "wrong_origin", "the request comes from another site")
        roles = grants.get((method, resource.canonical), frozenset())
        if roles is None:
            return await handler(request)
        token = request.cookies.get(cookie_name(request.app[SETTINGS]), "")
        person = await request.app[LOGIN].who(token)
        if person is None:
            return problem(401, "not_logged_in", "log in first")
        if person.role not in roles:
            return problem(403, "forbidden", f"not for the role {person.role}")
        request[PERSON] = person
        request[TOKEN] = token
        return await handler(request)

    return guarded


def same_origin(request: web.Request) -> bool:
    """Browsers say where a request or an upgrade comes from; what is no browser sends no cookie by itself. Of an
    `https://` of `PUBLIC_URL` the page without TLS is another site: anybody on the way may have written it."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:  # `http://[x`
        return False
    url = request.app[SETTINGS].public_url
    public = _origin(url) if url else None
    if public == f"https://{host}":
        return origin.lower() == public
    return origin.lower() == public or host == request.host.lower()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def over_tls(settings: Settings) -> bool:
    """Browsers reach us over TLS, which a proxy ends."""
    return settings.public_url.startswith("https://")


def cookie_name(settings: Settings) -> str:
    """Over TLS one that browsers take from this very host alone, and never without TLS (RFC 6265bis §4.1.3.2): no other
    host of the domain plants a session there."""
    return f"__Host-{COOKIE}" if over_tls(settings) else COOKIE


def set_cookie(response: web.StreamResponse, token: str, settings: Settings) -> None:
    """HttpOnly and SameSite=Lax; Secure behind https."""
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=int(settings.session_hours * 3600),
        httponly=True,
        samesite="Lax",
        secure=over_tls(settings),
        path="/",
    )


def drop_cookie(response: web.StreamResponse, settings: Settings) -> None:
    name, secure = cookie_name(settings), over_tls(settings)
    response.del_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
