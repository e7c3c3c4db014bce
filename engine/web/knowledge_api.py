"""Knowledge articles, to read."""

from aiohttp_pydantic.oas.typing import r200
from pydantic import BaseModel

from engine.web.keys import PERSON, STORE
from engine.web.view import View, answer


class ArticleOut(BaseModel):
    base: str
    article: str
    language: str
    title: str
    body: str
    """Markdown."""


class KnowledgeView(View):
    async def get(self, base: str | None = None) -> r200[list[ArticleOut]]:
        """The organisation's articles, of one knowledge base or all."""
        return answer(await self.request.app[STORE].knowledge.all(self.request[PERSON].organisation_id, base))
