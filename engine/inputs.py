"""What reached calls from outside, kept to play them again as they were: sealed files beside the recordings, found by
the ids of their calls."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import structlog

from engine.errors import NotFound
from engine.ports.storage import CallRecord
from engine.recordings import DAY_S
from engine.sealed_file import SealedReader, SealedWriter
from engine.store import Store
from engine.store.erasures import Kept
from engine.telemetry import AUDIT

log = structlog.get_logger(__name__)
audit = structlog.get_logger(AUDIT)

FOLDER: Final = "inputs"
_BATCH: Final = 500


class Inputs:
    """Implements `engine.ports.storage.InputFiles`. The disk is only ever touched from worker threads."""

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        days: int,
        wall_clock: Callable[[], float] = time.time,
        *,
        stuck: Callable[[], None] = lambda: None,
    ) -> None:
        """Files are kept for so many days after their calls, and never longer than these; with 0 those that are there
        go. `stuck` is told each time that one which is due cannot be deleted, on a worker's thread."""
        self._store = store
        self._folder = data_dir / FOLDER
        self._days = days
        self._wall_clock = wall_clock
        self._stuck = stuck

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
        """Deletes files whose days are over, or whose calls were erased, none under a legal hold; how many there were.
        What the disk does not let go is tried again in the next round, and keeps nothing else."""
        count = 0
        paths = await asyncio.to_thread(lambda: list(self._folder.glob("*/*.sealed")))
        for at in range(0, len(paths), _BATCH):
            batch = paths[at : at + _BATCH]
            calls = await self._store.erasures.among([path.stem for path in batch])
            for path in await asyncio.to_thread(self._due_of, batch, calls):
                if not await self._store.erasures.held(path.stem):  # put on since the round began
                    count += await asyncio.to_thread(self._deleted, path)
        return count

    def _due_of(self, paths: Iterable[Path], calls: Mapping[str, Kept]) -> list[Path]:
        return [path for path in paths if self._due(path, calls.get(path.stem))]

    def _due(self, path: Path, call: Kept | None) -> bool:
        if call is None:  # of a call that the database does not know: noise, and perhaps another database's
            with contextlib.suppress(OSError):
                return self._over(path.stat().st_mtime)
            return False
        return call.erased or (not call.held and call.ended_at > 0 and self._over(call.ended_at))

    def _over(self, since: float) -> bool:
        return self._wall_clock() - since >= self._days * DAY_S

    def _deleted(self, path: Path) -> bool:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("inputs.not_deleted", call_id=path.stem, error=type(error).__name__)
            self._stuck()
            return False
        audit.info("inputs.deleted", call_id=path.stem)
        return True

    def _path(self, organisation_id: str, call_id: str) -> Path:
        return self._folder / organisation_id / f"{call_id}.sealed"
