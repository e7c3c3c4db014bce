"""What the API says of itself: generated from its views' annotations, with what no annotation says, since it is so of
every route or is no JSON."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from http import HTTPStatus
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from aiohttp import web
from aiohttp_pydantic.oas.view import generate_oas

from engine.web.access import Route, cookie_name
from engine.web.keys import SETTINGS
from engine.web.problems import TITLES
from engine.web.view import View

_SESSION: Final = "session"
_PROBLEM: Final = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail", "message"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "For machines."},
        "detail": {"type": "string", "description": "For people."},
        "message": {"type": "string", "description": "As `detail`."},
        "errors": {
            "type": "array",
            "description": "With 422: each field that does not fit.",
            "items": {
                "type": "object",
                "properties": {
                    "in": {"type": "string"},
                    "loc": {"type": "array", "items": {}},
                    "msg": {"type": "string"},
                },
            },
        },
    },
}
_BYTES: Final = {"type": "string", "format": "binary"}
_REQUESTS: Final = {("PUT", "/api/knowledge/{base}/files/{name}"): "application/octet-stream"}
_ANSWERS: Final = {
    ("GET", "/api/calls/{call_id}/recording"): "audio/ogg",
    ("GET", "/api/feedback/rows"): "application/x-ndjson",
}
"""Of what is no JSON."""
_RANGE: Final = {"in": "header", "name": "Range", "required": False, "schema": {"type": "string"}}


def described(app: web.Application, routes: Sequence[Route]) -> Callable[[], bytes]:
    """Gives the OpenAPI of those routes that are views: made once, and when it is first asked for, since it takes a
    good part of a tenth of a second, which calls would have to wait for."""

    @cache
    def describe() -> bytes:
        name = cookie_name(app[SETTINGS])
        scheme = {"type": "apiKey", "in": "cookie", "name": name, "description": "Set by `POST /api/login`."}
        spec = generate_oas([app], version_spec="0.1.0", title_spec="Welcomedly", security={_SESSION: scheme})
        for route in routes:
            if isinstance(route.handler, type) and issubclass(route.handler, View):
                _complete(route, spec["paths"][route.path][route.method.lower()])
        spec["components"]["schemas"]["Problem"] = _PROBLEM
        return msgspec.json.encode(spec)

    return describe


def _complete(route: Route, operation: dict[str, Any]) -> None:
    if media := _REQUESTS.get((route.method, route.path)):
        operation["requestBody"] = {"content": {media: {"schema": _BYTES}}}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    if route.roles is not None:
        operation["security"] = [{_SESSION: []}]
    made = operation.get("responses", {})
    statuses = {*_annotated(route), *_common(route, operation)}
    operation["responses"] = {
        str(status): _response(status, made.get(str(status), {}), _ANSWERS.get((route.method, route.path), ""))
        for status in sorted(statuses)
    }
    if HTTPStatus.PARTIAL_CONTENT in statuses:
        operation["parameters"].append(_RANGE)


def _annotated(route: Route) -> Iterator[int]:
    """What the view itself answers. The generator passes over a union of statuses that have no content."""
    hint = get_type_hints(getattr(route.handler, route.method.lower()))["return"]
    union = isinstance(hint, UnionType) or get_origin(hint) is Union
    for kind in get_args(hint) if union else (hint,):
        yield int((get_origin(kind) or kind).__name__.removeprefix("r"))


def _common(route: Route, operation: dict[str, Any]) -> Iterator[int]:
    """What stands before every view, or behind it."""
    yield from (400, 503)
    if route.roles is not None:
        yield from (401, 403)
    elif route.method != "GET":
        yield 403  # the request comes from another site
    if "requestBody" in operation:
        yield 413
    if "requestBody" in operation or operation.get("parameters"):
        yield 422


def _response(status: int, made: dict[str, Any], media: str) -> dict[str, Any]:
    if status >= 400:
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        return {"description": TITLES[status], "content": content}
    content = {media: {"schema": _BYTES}} if media else made.get("content", {})
    return {"description": HTTPStatus(status).phrase} | ({"content": content} if content else {})
