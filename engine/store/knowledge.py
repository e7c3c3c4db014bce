"""Knowledge articles as rows; the search index is derived from them."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.session import Database
from engine.store.tables import KnowledgeRow


class Article(msgspec.Struct, frozen=True):
    base: str
    """Name of the knowledge base."""
    article: str
    """Its id: the file's stem."""
    language: str
    title: str
    body: str
    """Markdown."""


class Knowledge:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, organisation_id: str, base: str, articles: Sequence[Article], now: float) -> None:
        """The base is these articles now."""
        rows = [msgspec.to_builtins(one) | {"organisation_id": organisation_id, "changed_at": now} for one in articles]

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(
                delete(KnowledgeRow).where(KnowledgeRow.organisation_id == organisation_id, KnowledgeRow.base == base)
            )
            if rows:
                await connection.execute(insert(KnowledgeRow), rows)

        await self._database.write(write)

    async def all(self, organisation_id: str, base: str | None = None) -> list[Article]:
        query = select(KnowledgeRow).where(KnowledgeRow.organisation_id == organisation_id)
        if base is not None:
            query = query.where(KnowledgeRow.base == base)
        rows = await self._database.fetch(query.order_by(KnowledgeRow.base, KnowledgeRow.article))
        return [Article(row.base, row.article, row.language, row.title, row.body) for row in rows]
