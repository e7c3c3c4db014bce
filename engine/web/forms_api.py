"""Forms of quality and wrap-up."""

from typing import Annotated

from aiohttp_pydantic.oas.typing import r200, r404, r422
from pydantic import BaseModel, ConfigDict, Field

from engine.web.keys import FORMS, PERSON
from engine.web.view import Body, Count, View, answer


class FormBody(Body):
    model_config = ConfigDict(extra="forbid", str_max_length=65_536)
    source: Annotated[str, Field(min_length=1, max_length=65_536)]
    """YAML."""


class FormOut(BaseModel):
    id: str
    title: dict[str, str]
    campaigns: list[str]
    active: bool
    items: int
    dispositions: int
    version: int
    """0: comes with the engine."""
    source: str
    item_titles: dict[str, dict[str, str]]
    """By id, then by language."""
    disposition_titles: dict[str, dict[str, str]]
    """By code, then by language."""
    created_at: float = 0.0
    created_by: str = ""
    fault: str = ""


class FormsView(View):
    async def get(self) -> r200[list[FormOut]]:
        """The newest of each: the organisation's own, and those that come with the engine."""
        return answer(await self.request.app[FORMS].all(self.request[PERSON]))


class FormView(View):
    async def put(self, form_id: str, /, body: FormBody) -> r200[FormOut] | r422:
        """The form's next version, checked whole; calls are judged by it from the next one on."""
        return answer(await self.request.app[FORMS].put(self.request[PERSON], form_id, body.source))


class FormVersionView(View):
    async def get(self, form_id: str, version: Count, /) -> r200[FormOut] | r404:
        """An earlier version of the organisation's own."""
        return answer(await self.request.app[FORMS].version(self.request[PERSON], form_id, version))
