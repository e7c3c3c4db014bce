"""The recordings of this installation: sealed files in a folder, each found by its row in the store."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from engine.errors import NotFound
from engine.ports.storage import CallRecord
from engine.sealed_file import SealedReader, SealedWriter
from engine.store import Store
from engine.store.recordings import Recording
from engine.telemetry import AUDIT

log = structlog.get_logger(__name__)
audit = structlog.get_logger(AUDIT)

FOLDER: Final = "recordings"
DAY_S: Final = 86_400


class Recordings:
    """Implements `engine.ports.storage.RecordingFiles`. The disk is only ever touched from worker threads."""

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        wall_clock: Callable[[], float] = time.time,
        *,
        stuck: Callable[[], None] = lambda: None,
    ) -> None:
        """`stuck` is told each time that a file which is due cannot be deleted."""
        self._store = store
        self._folder = data_dir / FOLDER
        self._wall_clock = wall_clock
        self._stuck = stuck

    async def begin(self, record: CallRecord, channels: int, retention_days: int) -> SealedWriter:
        """An empty file for this call, whose row and key are committed. Raises `OSError` and the store's errors."""
        key = await self._store.calls.key(record.organisation_id, record.call_id)
        recording = Recording(
            call_id=record.call_id,
            organisation_id=record.organisation_id,
            channels=channels,
            started_at=record.started_at,
            delete_at=record.started_at + retention_days * DAY_S if retention_days else 0.0,
            retention_days=retention_days,
        )
        # The row first: a file that no row knows of would outlive its retention.
        await self._store.recordings.add(recording)
        return await asyncio.to_thread(SealedWriter, self._path(recording), key)

    async def finish(self, record: CallRecord, length_ms: int) -> None:
        await self._store.recordings.finish(record.call_id, length_ms)

    async def open(self, organisation_id: str, call_id: str) -> SealedReader:
        """What is there of a recording, of a live call as well. The caller closes it. Raises `NotFound`, also for one
        that is past its retention and not deleted yet, unless it is under a legal hold, or `SealError`."""
        recording = await self._store.recordings.get(organisation_id, call_id)
        over = recording.delete_at and recording.delete_at <= self._wall_clock()
        if over and not await self._store.erasures.held(call_id):
            raise NotFound("the call has no recording")
        key = await self._store.calls.key(organisation_id, call_id)
        try:
            return await asyncio.to_thread(SealedReader, self._path(recording), key)
        except FileNotFoundError:
            raise NotFound("the recording's file is gone") from None

    async def delete_expired(self) -> int:
        """Deletes what is past its retention, none under a legal hold; how many there were. What the disk does not let
        go stays due, and keeps nothing else."""
        count = 0
        for recording in await self._store.recordings.due(self._wall_clock()):
            if await self._store.erasures.held(recording.call_id):
                continue  # put on since the round began
            try:
                await self._delete(recording)
            except OSError as error:
                log.warning("recording.not_deleted", call_id=recording.call_id, error=type(error).__name__)
                self._stuck()
            else:
                count += 1
        return count

    async def delete(self, organisation_id: str, call_id: str) -> None:
        """Deletes a call's recording, if it has one. Raises `OSError` and the store's errors."""
        with contextlib.suppress(NotFound):
            await self._delete(await self._store.recordings.get(organisation_id, call_id))

    async def _delete(self, recording: Recording) -> None:
        await asyncio.to_thread(self._path(recording).unlink, missing_ok=True)
        await self._store.recordings.remove(recording.call_id)
        audit.info("recording.deleted", call_id=recording.call_id, retention_days=recording.retention_days)

    def _path(self, recording: Recording) -> Path:
        return self._folder / recording.organisation_id / f"{recording.call_id}.sealed"
