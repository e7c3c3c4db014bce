"""Knowledge articles as rows; the search index is derived from them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import NotFound
from engine.ports.knowledge import Article
from engine.store.session import Database
from engine.store.tables import KnowledgeRow

_Clauses = tuple[ColumnElement[bool], ...]


class StoredArticle(Article, frozen=True):
    base: str = ""
    """Name of the knowledge base."""
    source: str = ""
    """Name of the file that it came from; empty where somebody typed it."""
    changed_at: float = 0.0


class ArticleHead(msgspec.Struct, frozen=True):
    """An article without its text."""

    base: str
    article: str
    language: str
    title: str
    source: str
    questions: int
    changed_at: float


def head_of(article: StoredArticle) -> ArticleHead:
    return ArticleHead(
        article.base, article.article, article.language, article.title, article.source, len(article.questions),
        article.changed_at,
    )  # fmt: skip


class BaseState(msgspec.Struct, frozen=True):
    """Enough of a base to see whether it has changed."""

    organisation_id: str
    base: str
    articles: int
    characters: int
    changed_at: float
    """Of what was changed last."""


class Knowledge:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, organisation_id: str, article: StoredArticle) -> None:
        """In place of what the base had under this id."""

        async def write(connection: AsyncConnection) -> None:
            mine = *_base(organisation_id, article.base), KnowledgeRow.article == article.article
            await connection.execute(delete(KnowledgeRow).where(*mine))
            await connection.execute(insert(KnowledgeRow), [_row(organisation_id, article)])

        await self._database.write(write)

    async def put_unless_changed(self, organisation_id: str, before: StoredArticle, after: StoredArticle) -> bool:
        """Whether it still was as `before`, and is `after` now."""

        async def write(connection: AsyncConnection) -> bool:
            same = KnowledgeRow.article == before.article, KnowledgeRow.changed_at == before.changed_at
            gone = await connection.execute(delete(KnowledgeRow).where(*_base(organisation_id, before.base), *same))
            if gone.rowcount:
                await connection.execute(insert(KnowledgeRow), [_row(organisation_id, after)])
            return bool(gone.rowcount)

        return await self._database.write(write)

    async def put_file(self, organisation_id: str, base: str, source: str, articles: Sequence[StoredArticle]) -> None:
        """What a file is now, in place of what it was: of those that stay, what people added is handed in again."""

        async def write(connection: AsyncConnection) -> None:
            here = _base(organisation_id, base)
            names = [one.article for one in articles]
            await connection.execute(delete(KnowledgeRow).where(*here, KnowledgeRow.source == source))
            await connection.execute(delete(KnowledgeRow).where(*here, KnowledgeRow.article.in_(names)))
            if articles:
                await connection.execute(insert(KnowledgeRow), [_row(organisation_id, one) for one in articles])

        await self._database.write(write)

    async def replace(self, organisation_id: str, base: str, articles: Sequence[StoredArticle]) -> None:
        """The base is these articles now."""

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(delete(KnowledgeRow).where(*_base(organisation_id, base)))
            if articles:
                await connection.execute(insert(KnowledgeRow), [_row(organisation_id, one) for one in articles])

        await self._database.write(write)

    async def delete(self, organisation_id: str, base: str, article: str) -> None:
        """Raises `NotFound`."""
        await self._delete((*_base(organisation_id, base), KnowledgeRow.article == article), "no such article")

    async def delete_file(self, organisation_id: str, base: str, source: str) -> None:
        """All articles that came from it. Raises `NotFound`."""
        await self._delete((*_base(organisation_id, base), KnowledgeRow.source == source), "no such file")

    async def get(self, organisation_id: str, base: str, article: str) -> StoredArticle:
        """Raises `NotFound`."""
        mine = *_base(organisation_id, base), KnowledgeRow.article == article
        rows = await self._database.fetch(select(KnowledgeRow).where(*mine))
        if not rows:
            raise NotFound("no such article")
        return _article(rows[0])

    async def all(self, organisation_id: str, base: str | None = None) -> list[StoredArticle]:
        query = select(KnowledgeRow).where(KnowledgeRow.organisation_id == organisation_id)
        if base is not None:
            query = query.where(KnowledgeRow.base == base)
        rows = await self._database.fetch(query.order_by(KnowledgeRow.base, KnowledgeRow.article))
        return [_article(row) for row in rows]

    async def heads(self, organisation_id: str, base: str | None = None) -> list[ArticleHead]:
        """All of the organisation, or of one base. Texts are not read: there may be a hundred megabytes of them."""
        query = select(
            KnowledgeRow.base,
            KnowledgeRow.article,
            KnowledgeRow.language,
            KnowledgeRow.title,
            KnowledgeRow.source,
            func.json_array_length(KnowledgeRow.questions),
            KnowledgeRow.changed_at,
        ).where(KnowledgeRow.organisation_id == organisation_id)
        if base is not None:
            query = query.where(KnowledgeRow.base == base)
        rows = await self._database.fetch(query.order_by(KnowledgeRow.base, KnowledgeRow.article))
        return [ArticleHead(*row) for row in rows]

    async def states(self, organisation_id: str | None = None) -> list[BaseState]:
        """Of every base that has an article; of all organisations when none is given."""
        query = select(
            KnowledgeRow.organisation_id,
            KnowledgeRow.base,
            func.count(),
            func.coalesce(func.sum(func.length(KnowledgeRow.body)), 0),
            func.max(KnowledgeRow.changed_at),
        ).group_by(KnowledgeRow.organisation_id, KnowledgeRow.base)
        if organisation_id is not None:
            query = query.where(KnowledgeRow.organisation_id == organisation_id)
        return [BaseState(*row) for row in await self._database.fetch(query)]

    async def _delete(self, which: _Clauses, missing: str) -> None:
        async def write(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(KnowledgeRow).where(*which))).rowcount

        if not await self._database.write(write):
            raise NotFound(missing)


def _base(organisation_id: str, base: str) -> _Clauses:
    return KnowledgeRow.organisation_id == organisation_id, KnowledgeRow.base == base


def _row(organisation_id: str, article: StoredArticle) -> dict[str, object]:
    row = msgspec.structs.asdict(article)
    questions = [list(pair) for pair in article.questions]
    return row | {"organisation_id": organisation_id, "questions": questions, "intents": list(article.intents)}


def _article(row: Any) -> StoredArticle:
    return StoredArticle(
        article=row.article,
        title=row.title,
        language=row.language,
        body=row.body,
        questions=tuple((language, question) for language, question in row.questions),
        intents=tuple(row.intents),
        base=row.base,
        source=row.source,
        changed_at=row.changed_at,
    )
