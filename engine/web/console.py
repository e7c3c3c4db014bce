"""The console's files, and the headers that keep a browser from doing more than the console needs."""

from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from engine.web.access import over_tls
from engine.web.bridge import bridge_address
from engine.web.keys import SETTINGS

STATIC = Path(__file__).with_name("static")
"""Built from `console/` by the wheel's hook; absent in a checkout where it has not run."""

PAGES = ("/", "/login", "/desk", "/wall", "/quality", "/admin")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; media-src 'self'; connect-src 'self' {bridge}; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}

HSTS = "max-age=31536000"

_UNBUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Welcomedly</title>
<h1>The engine runs; its console is not built</h1>
<p>Installing the package builds it: run <code>pip install -e .</code> in the checkout, and load this page again.
The API and the sockets work without it.</p>
</html>
"""


async def page(request: web.Request) -> web.StreamResponse:
    """Every page of the console is one document; its script looks at the path."""
    index = STATIC / "index.html"
    if not index.is_file():
        return web.Response(text=_UNBUILT, content_type="text/html")
    return web.FileResponse(index, headers={"Cache-Control": "no-cache"})


async def asset(request: web.Request) -> web.StreamResponse:
    """A built file. Names carry a hash of their content, so that browsers keep them."""
    return _file("assets/" + request.match_info["name"], "public, max-age=31536000, immutable")


async def favicon(_request: web.Request) -> web.StreamResponse:
    return _file("favicon.svg", "public, max-age=86400")


def _file(name: str, cache: str) -> web.StreamResponse:
    try:
        file = (STATIC / name).resolve()
        there = STATIC.resolve() in file.parents and file.is_file()
    except (OSError, ValueError):  # no file can be called so: too long, or with a zero byte
        there = False
    if not there:
        raise web.HTTPNotFound
    return web.FileResponse(file, headers={"Cache-Control": cache})


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: the headers of every answer."""
    bridge = bridge_address(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value.replace(" {bridge}", f" {bridge}" if bridge else ""))
    settings = request.app[SETTINGS]
    # Over the address of `HTTP_HOST`, without TLS, browsers pass it over (RFC 6797 §8.1). What is kept of `localhost`
    # would be true of all its ports, whoever serves them.
    if over_tls(settings) and urlsplit(settings.public_url).hostname != "localhost":
        response.headers["Strict-Transport-Security"] = HSTS
    response.headers["Server"] = "welcomedly"  # without the version of the library and of Python
    if request.path.startswith("/api/"):
        response.headers["Cache-Control"] = "no-store"
