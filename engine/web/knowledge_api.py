"""Knowledge bases: articles to read, to write, to import from files, and to try."""

from typing import Annotated, Any, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r204, r404, r409, r422
from pydantic import BaseModel, ConfigDict, Field

from engine.ports.knowledge import LONGEST_QUESTION, LONGEST_TITLE, MOST_BYTES, MOST_QUESTIONS
from engine.store.knowledge import StoredArticle, head_of
from engine.web.keys import KNOWLEDGE, PERSON
from engine.web.problems import problem
from engine.web.view import Body, View, answer

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
ArticleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
FileName = Annotated[str, Field(min_length=4, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")]
Language = Literal["", "es", "pt", "en"]
Question = Annotated[str, Field(min_length=2, max_length=LONGEST_QUESTION)]
Questions = Annotated[list[Question], Field(max_length=MOST_QUESTIONS)]


class ArticleBody(Body):
    model_config = ConfigDict(extra="forbid", str_max_length=200_000)
    title: Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]
    language: Language = ""
    body: Annotated[str, Field(min_length=1, max_length=200_000)]
    """Markdown."""
    questions: dict[Literal["es", "pt", "en"], Questions] = Field(default_factory=dict)
    """How people ask for it, by language: it is found by them in all three."""


class ArticleHeadOut(BaseModel):
    base: str
    article: str
    language: str
    title: str
    source: str
    """The file that it came from; empty where somebody typed it."""
    questions: int
    changed_at: float


class ArticleOut(BaseModel):
    base: str
    article: str
    language: str
    title: str
    body: str
    """Markdown."""
    questions: dict[str, list[str]]
    intents: list[str]
    source: str
    changed_at: float


class CandidateOut(BaseModel):
    article: str
    title: str
    score: float
    """From 0.5 on a call would get a card."""


class KnowledgeView(View):
    async def get(self, base: str | None = None) -> r200[list[ArticleHeadOut]]:
        """The organisation's articles without their text, of one knowledge base or all."""
        return answer(await self.request.app[KNOWLEDGE].heads(self.request[PERSON], base))


class ArticleView(View):
    async def get(self, base: Name, article: ArticleName, /) -> r200[ArticleOut] | r404:
        """One article."""
        return answer(_whole(await self.request.app[KNOWLEDGE].get(self.request[PERSON], base, article)))

    async def put(self, base: Name, article: ArticleName, /, body: ArticleBody) -> r200[ArticleOut] | r409 | r422:
        """Make or change it; calls find it within seconds, those in progress as well."""
        questions = [(language, one) for language, some in body.questions.items() for one in some]
        stored = await self.request.app[KNOWLEDGE].put(
            self.request[PERSON], base, article, body.title, body.language, body.body, questions
        )
        return answer(_whole(stored))

    async def delete(self, base: Name, article: ArticleName, /) -> r204 | r404:
        """Calls do not find it any more."""
        await self.request.app[KNOWLEDGE].delete(self.request[PERSON], base, article)
        return web.Response(status=204)


class KnowledgeFileView(View):
    async def put(self, base: Name, name: FileName, /) -> r200[list[ArticleHeadOut]] | r409 | r422:
        """The articles that a Markdown, HTML or PDF file is (the request's body), in place of those that it was before;
        one that is too long for a card becomes several."""
        data = await _document(self.request)
        if data is None:
            return problem(413, "too_large", f"a document may have {MOST_BYTES // 1_000_000} MB")
        articles = await self.request.app[KNOWLEDGE].put_file(self.request[PERSON], base, name, data)
        return answer([head_of(one) for one in articles])

    async def delete(self, base: Name, name: FileName, /) -> r204 | r404:
        """All articles that came from the file."""
        await self.request.app[KNOWLEDGE].delete_file(self.request[PERSON], base, name)
        return web.Response(status=204)


class KnowledgeSearchView(View):
    async def get(
        self,
        base: Name,
        /,
        text: Annotated[str, Field(min_length=1, max_length=1_000)],
        language: Literal["es", "pt", "en"],
    ) -> r200[list[CandidateOut]]:
        """What a call would find for such words, best first."""
        found = await self.request.app[KNOWLEDGE].search(self.request[PERSON], base, text, language)
        return answer(found)


async def _document(request: web.Request) -> bytes | None:
    """The request's body; None when it is larger than a document may be."""
    if (request.content_length or 0) > MOST_BYTES:
        return None
    data = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > MOST_BYTES:
            return None
    return bytes(data)


def _whole(article: StoredArticle) -> dict[str, Any]:
    questions: dict[str, list[str]] = {}
    for language, question in article.questions:
        questions.setdefault(language or article.language or "en", []).append(question)
    whole = ArticleOut(
        base=article.base,
        article=article.article,
        language=article.language,
        title=article.title,
        body=article.body,
        questions=questions,
        intents=list(article.intents),
        source=article.source,
        changed_at=article.changed_at,
    )
    return whole.model_dump()
