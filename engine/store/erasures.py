"""What is left of calls that were erased, which are next, and which must not be."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec
from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import NotFound
from engine.store.session import Database
from engine.store.tables import CallRow, RecordingRow


class Erasure(msgspec.Struct, frozen=True):
    """All that is still known of an erased call."""

    call_id: str
    campaign_id: str
    campaign: str
    """Its kind."""
    started_at: float
    ended_at: float
    erased_at: float
    """UNIX seconds, all three."""
    erased_by: str
    """User id, `retention` or `command`."""


class LegalHold(msgspec.Struct, frozen=True):
    """A call of which nothing goes until somebody lifts it."""

    call_id: str
    campaign_id: str
    started_at: float
    ended_at: float
    held_at: float
    """UNIX seconds, all three."""
    held_by: str
    """User id or `command`."""


class Kept(NamedTuple):
    """Whether and until when there was a call."""

    ended_at: float
    """UNIX seconds; 0 while it is live."""
    erased: bool
    held: bool = False
    """Nothing of it may go."""


class Erasures:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, organisation_id: str, *, before: float | None = None, limit: int = 50) -> list[Erasure]:
        """Newest first; `before` (UNIX seconds of an erasure) turns the page."""
        query = (
            select(
                CallRow.id, CallRow.campaign_id, CallRow.campaign, CallRow.started_at, CallRow.ended_at,
                CallRow.erased_at, CallRow.erased_by,
            )
            .where(CallRow.organisation_id == organisation_id, CallRow.erased_at > 0)
        )  # fmt: skip
        if before is not None:
            query = query.where(CallRow.erased_at < before)
        query = query.order_by(CallRow.erased_at.desc(), CallRow.id.desc()).limit(limit)
        return [Erasure(*row) for row in await self._database.fetch(query)]

    async def among(self, call_ids: Collection[str]) -> dict[str, Kept]:
        """What is known of those of these calls that there are."""
        query = select(CallRow.id, CallRow.ended_at, CallRow.erased_at, CallRow.legal_hold_at)
        rows = await self._database.fetch(query.where(CallRow.id.in_(call_ids)))
        return {row.id: Kept(row.ended_at, row.erased_at > 0, row.legal_hold_at > 0) for row in rows}

    async def held(self, call_id: str) -> bool:
        """Nothing of the call may go, as of now: a round that read `among` or `due` before may take minutes."""
        query = select(CallRow.id).where(CallRow.id == call_id, CallRow.legal_hold_at > 0)
        return bool(await self._database.fetch(query))

    async def hold(self, organisation_id: str, call_id: str, by: str, now: float) -> None:
        """By whom and since when is told of the newest. Raises `NotFound`, also for an erased call."""
        await self._set_hold(organisation_id, call_id, by, now)

    async def lift(self, organisation_id: str, call_id: str) -> None:
        """Raises `NotFound`."""
        await self._set_hold(organisation_id, call_id, "", 0.0)

    async def _set_hold(self, organisation_id: str, call_id: str, by: str, at: float) -> None:
        mine = CallRow.id == call_id, CallRow.organisation_id == organisation_id, CallRow.erased_at == 0
        statement = update(CallRow).where(*mine).values(legal_hold_at=at, legal_hold_by=by)

        async def write(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        if not await self._database.write(write):
            raise NotFound("no such call")

    async def holds(self, organisation_id: str) -> list[LegalHold]:
        """Oldest first."""
        query = (
            select(
                CallRow.id, CallRow.campaign_id, CallRow.started_at, CallRow.ended_at,
                CallRow.legal_hold_at, CallRow.legal_hold_by,
            )
            .where(CallRow.organisation_id == organisation_id, CallRow.legal_hold_at > 0)
            .order_by(CallRow.legal_hold_at, CallRow.id)
        )  # fmt: skip
        return [LegalHold(*row) for row in await self._database.fetch(query)]

    async def last_end(self) -> float:
        """Of the calls of every organisation, erased or not: UNIX seconds, 0 when none has ended."""
        rows = await self._database.fetch(select(func.max(CallRow.ended_at)))
        return rows[0][0] or 0.0

    async def due(
        self, organisation_id: str, campaign_id: str, ended_until: float, limit: int, *, now: float
    ) -> list[str]:
        """Ids of a campaign's calls that ended by then and are still kept, oldest first. A call whose recording may be
        kept is not due: the call's key opens it. One whose recording should be gone by now is, whatever the disk says:
        without the key it is noise."""
        kept = or_(RecordingRow.delete_at == 0, RecordingRow.delete_at > now)
        query = (
            select(CallRow.id)
            .where(CallRow.organisation_id == organisation_id, CallRow.campaign_id == campaign_id)
            .where(CallRow.erased_at == 0, CallRow.ended_at > 0, CallRow.ended_at <= ended_until)
            .where(CallRow.legal_hold_at == 0)
            .where(~exists().where(RecordingRow.call_id == CallRow.id, kept))
            .order_by(CallRow.ended_at)
            .limit(limit)
        )
        return [row.id for row in await self._database.fetch(query)]
