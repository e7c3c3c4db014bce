"""Which calls have a recording, and until when it is kept."""

from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update

from engine.errors import NotFound
from engine.store.session import Database
from engine.store.tables import CallRow, RecordingRow


class Recording(msgspec.Struct, frozen=True):
    call_id: str
    organisation_id: str
    channels: int
    """2: customer, agent; 1: everybody."""
    started_at: float
    length_ms: int = 0
    """0 until the call has ended, and for good when the engine was killed."""
    delete_at: float = 0.0
    """UNIX seconds; 0: kept until somebody erases it."""
    retention_days: int = 0


class Recordings:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, recording: Recording) -> None:
        row = msgspec.to_builtins(recording)
        await self._database.write(lambda connection: connection.execute(insert(RecordingRow).values(row)))

    async def finish(self, call_id: str, length_ms: int) -> None:
        statement = update(RecordingRow).where(RecordingRow.call_id == call_id).values(length_ms=length_ms)
        await self._database.write(lambda connection: connection.execute(statement))

    async def get(self, organisation_id: str, call_id: str) -> Recording:
        """Raises `NotFound`."""
        mine = RecordingRow.call_id == call_id, RecordingRow.organisation_id == organisation_id
        rows = await self._database.fetch(select(RecordingRow).where(*mine))
        if not rows:
            raise NotFound("the call has no recording")
        return _recording(rows[0])

    async def due(self, now: float) -> list[Recording]:
        """Those whose time is over, of every organisation; none of a live call, which is still being written, and none
        under a legal hold."""
        query = (
            select(RecordingRow)
            .join(CallRow, CallRow.id == RecordingRow.call_id)
            .where(RecordingRow.delete_at > 0, RecordingRow.delete_at <= now, CallRow.ended_at > 0)
            .where(CallRow.legal_hold_at == 0)
        )
        return [_recording(row) for row in await self._database.fetch(query)]

    async def remove(self, call_id: str) -> None:
        statement = delete(RecordingRow).where(RecordingRow.call_id == call_id)
        await self._database.write(lambda connection: connection.execute(statement))


def _recording(row: Row[Any]) -> Recording:
    return Recording(**{name: getattr(row, name) for name in Recording.__struct_fields__})
