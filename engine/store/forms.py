"""Forms that organisations wrote: every version is kept, since scores name the one that they were made by."""

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import NotFound
from engine.store.session import Database
from engine.store.tables import FormRow


class StoredForm(msgspec.Struct, frozen=True):
    organisation_id: str
    form: str
    version: int
    source: str
    """YAML."""
    created_at: float
    created_by: str
    """User id."""


_COLUMNS = (
    FormRow.organisation_id, FormRow.form, FormRow.version, FormRow.source, FormRow.created_at, FormRow.created_by,
)  # fmt: skip


class Forms:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, organisation_id: str, form: str, source: str, by: str, now: float) -> StoredForm:
        """The next version of the form."""

        async def write(connection: AsyncConnection) -> StoredForm:
            mine = FormRow.organisation_id == organisation_id, FormRow.form == form
            newest = (await connection.execute(select(func.max(FormRow.version)).where(*mine))).scalar() or 0
            stored = StoredForm(organisation_id, form, newest + 1, source, now, by)
            await connection.execute(insert(FormRow).values(msgspec.structs.asdict(stored)))
            return stored

        return await self._database.write(write)

    async def get(self, organisation_id: str, form: str, version: int) -> StoredForm:
        mine = FormRow.organisation_id == organisation_id, FormRow.form == form, FormRow.version == version
        rows = await self._database.fetch(select(*_COLUMNS).where(*mine))
        if not rows:
            raise NotFound("no such form")
        return StoredForm(*rows[0])

    async def newest(self, organisation_id: str | None = None) -> list[StoredForm]:
        """The newest version of each form; of every organisation when none is given (to load them only)."""
        query = select(*_COLUMNS).order_by(FormRow.organisation_id, FormRow.form, FormRow.version)
        if organisation_id is not None:
            query = query.where(FormRow.organisation_id == organisation_id)
        stored = [StoredForm(*row) for row in await self._database.fetch(query)]
        return list({(one.organisation_id, one.form): one for one in stored}.values())
