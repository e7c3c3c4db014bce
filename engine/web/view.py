"""The base of our typed views, and how values become answers."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any

import msgspec
from aiohttp import web
from aiohttp_pydantic import PydanticView
from aiohttp_pydantic.injectors import AbstractInjector, BodyGetter, QueryGetter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from engine.web.problems import problem

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A whole number that every database can hold."""


class _Body(BodyGetter):  # type: ignore[misc]
    """What cannot be read as JSON is a 400, whatever is wrong with it; of that the library expects a part."""

    async def _inject(self, json_getter: Callable[[], Awaitable[Any]], args: list[Any], kwargs: dict[str, Any]) -> None:
        try:
            body = await json_getter()
        except (ValueError, LookupError, RecursionError, web.RequestPayloadError):
            # In turn: a number of 5,000 digits, a charset that is none, `[[[[…`, what claims to be compressed.
            raise web.HTTPBadRequest from None

        async def read() -> Any:
            return body

        await super()._inject(read, args, kwargs)


class _Known(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _strict(injector: AbstractInjector) -> AbstractInjector:
    match injector:
        case BodyGetter():
            return _Body({injector.arg_name: injector.model}, {})
        case QueryGetter():
            # a misspelt filter would be none, and the answer everybody's
            injector.model = create_model("Query", __base__=(_Known, injector.model))
    return injector


class View(PydanticView):  # type: ignore[misc]
    """Annotations are parsed and checked; what does not fit is a 422 problem naming the fields, never the values."""

    request: web.Request

    @staticmethod
    def _parse_func_signature(func: Callable[..., Any]) -> Iterable[AbstractInjector]:
        return [_strict(one) for one in PydanticView._parse_func_signature(func)]

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
