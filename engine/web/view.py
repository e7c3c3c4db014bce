"""The base of our typed views, and how values become answers."""

from typing import Any

import msgspec
from aiohttp import web
from aiohttp_pydantic import PydanticView
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.web.problems import problem


class View(PydanticView):  # type: ignore[misc]
    """Annotations are parsed and checked; what does not fit is a 422 problem naming the fields, never the values."""

    request: web.Request

    async def _iter(self) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await super()._iter()
        except (UnicodeDecodeError, RecursionError):  # the library expects a JSONDecodeError alone
            return problem(400, "bad_request", "the body is not JSON")
        return response

    async def on_validation_error(self, exception: ValidationError, context: str) -> web.StreamResponse:
        errors = [
            {"in": context, "loc": list(error["loc"]), "msg": error["msg"]}
            for error in exception.errors(include_url=False, include_input=False, include_context=False)
        ]
        first = errors[0]
        where = ".".join(map(str, first["loc"])) or context
        return problem(422, "invalid", f"{where}: {first['msg']}", errors=errors)


class Body(BaseModel):
    """A request's body: unknown fields are refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid", str_max_length=1_000)


def answer(value: Any, status: int = 200) -> web.Response:
    """Structs or plain values as JSON."""
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")
