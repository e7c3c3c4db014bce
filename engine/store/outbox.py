"""What has still to go onto the bus: noted in the transaction that stored the fact, deleted once the bus has it."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.session import Database
from engine.store.tables import FactRow, OutboxRow

KEPT_S = 24 * 3600
"""The bus keeps facts for a day at most, so older ones are not sent to it any more."""


class Letter(NamedTuple):
    row: int
    organisation_id: str
    call_id: str
    seq: int
    type: str
    body: bytes
    """Still sealed with the call's key."""


class Outbox:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, limit: int = 256) -> list[Letter]:
        """Oldest first."""
        query = (
            select(
                OutboxRow.id, OutboxRow.organisation_id, OutboxRow.call_id, OutboxRow.seq, FactRow.type, FactRow.body
            )
            .join(FactRow, (FactRow.call_id == OutboxRow.call_id) & (FactRow.seq == OutboxRow.seq))
            .order_by(OutboxRow.id)
            .limit(limit)
        )
        return [Letter(*row) for row in await self._database.fetch(query)]

    async def sent(self, letters: Sequence[Letter]) -> None:
        """Forgets them. May run late, when they are gone: SQLite counts an emptied table from 1 again, and numbers
        alone would take other facts."""
        facts = tuple_(OutboxRow.call_id, OutboxRow.seq).in_([(letter.call_id, letter.seq) for letter in letters])
        statement = delete(OutboxRow).where(OutboxRow.id.in_([letter.row for letter in letters]), facts)
        await self._database.write(lambda connection: connection.execute(statement))

    async def forget_old(self, now: float) -> int:
        """How many there were."""
        statement = delete(OutboxRow).where(OutboxRow.created_at < now - KEPT_S)

        async def write(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self._database.write(write)

    async def count(self) -> int:
        rows = await self._database.fetch(select(func.count()).select_from(OutboxRow))
        return int(rows[0][0])
