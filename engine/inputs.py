"""What reached calls from outside, kept to play them again as they were: sealed files beside the recordings, found by
the ids of their calls."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog

from engine.errors import NotFound
from engine.ports.storage import CallRecord
from engine.sealed_file import SealedReader, SealedWriter
from engine.store import Store
from engine.telemetry import AUDIT

log = structlog.get_logger(__name__)
audit = structlog.get_logger(AUDIT)

FOLDER: Final = "inputs"
DAY_S: Final = 86_400
_BATCH: Final = 500


class Inputs:
    """Implements `engine.ports.storage.InputFiles`. The disk is only ever touched from worker threads."""

    def __init__(self, store: Store, data_dir: Path, days: int, wall_clock: Callable[[], float] = time.time) -> None:
        """Files are kept for so many days, and never longer than their calls; with 0 those that are there go."""
        self._store = store
        self._folder = data_dir / FOLDER
        self._days = days
        self._wall_clock = wall_clock

    async def begin(self, record: CallRecord) -> SealedWriter:
        """Raises `OSError` and the store's errors."""
        key = await self._store.calls.key(record.organisation_id, record.call_id)
        return await asyncio.to_thread(SealedWriter, self._path(record.organisation_id, record.call_id), key)

    async def open(self, organisation_id: str, call_id: str) -> SealedReader:
        """The caller closes it. Raises `NotFound` or `SealError`."""
        key = await self._store.calls.key(organisation_id, call_id)
        try:
            return await asyncio.to_thread(SealedReader, self._path(organisation_id, call_id), key)
        except FileNotFoundError:
            raise NotFound("nothing was kept of what reached the call (KEEP_INPUTS_DAYS)") from None

    async def delete(self, organisation_id: str, call_id: str) -> None:
        """Deletes a call's file, if it has one. Raises `OSError`."""
        await asyncio.to_thread(self._path(organisation_id, call_id).unlink, missing_ok=True)

    async def delete_expired(self) -> int:
        """Deletes files whose days are over, or whose calls were erased; how many there were. What the disk does not
        let go is tried again in the next round, and keeps nothing else."""
        count = 0
        paths = await asyncio.to_thread(lambda: list(self._folder.glob("*/*.sealed")))
        for at in range(0, len(paths), _BATCH):
            batch = paths[at : at + _BATCH]
            erased = await self._store.erasures.among([path.stem for path in batch])
            count += await asyncio.to_thread(self._delete_of, batch, erased)
        return count

    def _delete_of(self, paths: Iterable[Path], erased: frozenset[str]) -> int:
        return sum(self._deleted(path, erased) for path in paths)

    def _deleted(self, path: Path, erased: frozenset[str]) -> bool:
        try:
            if path.stem not in erased and self._wall_clock() - path.stat().st_mtime < self._days * DAY_S:
                return False
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            return False
        except OSError as error:
            log.warning("inputs.not_deleted", call_id=path.stem, error=type(error).__name__)
            return False
        audit.info("inputs.deleted", call_id=path.stem)
        return True

    def _path(self, organisation_id: str, call_id: str) -> Path:
        return self._folder / organisation_id / f"{call_id}.sealed"
