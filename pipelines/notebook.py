"""Takes the notes of live calls to their files, beside the calls: what a disk does costs notes, never a word."""

import asyncio
import functools
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final

import structlog

from engine.ports.storage import ByteSink, CallRecord, InputFiles
from pipelines.notes import Note, encode

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 64 << 20
"""Of one call. An hour of talk takes some ten."""
MOST_WAITING: Final = 4 << 20
"""Bytes of one call that wait for the disk."""
END_S: Final = 5.0
"""How long a call's end waits for its last notes to be written."""


class Notebook:
    """One call's. `take` returns at once and raises nothing; notes that cannot be kept end the notebook, and are logged
    as `inputs.stopped` with the reason (`full`, `disk_late`, `card`, or the error's type)."""

    def __init__(
        self,
        call_id: str,
        files: InputFiles,
        workers: Executor,
        *,
        most_bytes: int = MOST_BYTES,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._call_id = call_id
        self._files = files
        self._workers = workers
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._bytes = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._stopped = False
        self._spoilt = False
        self._ended = False
        self._writing: asyncio.Task[None] | None = None
        self._record: CallRecord | None = None

    def take(self, note: Note) -> None:
        if self._stopped or self._ended:
            return
        try:
            data = encode(note)
        except Exception as error:
            self._stop(type(error).__name__)
            return
        self._bytes += len(data)
        self._waiting_bytes += len(data)
        if self._bytes > self._most_bytes:
            self._stop("full")
        elif self._waiting_bytes > self._most_waiting:
            self._stop("disk_late")
        else:
            self._waiting.append(data)
            self._wake.set()

    def spoil(self) -> None:
        """What was noted must not be kept: the file goes."""
        if not self._spoilt:
            self._spoilt = True
            self._stop("card")

    def begin(self, record: CallRecord) -> None:
        """The call's key is there: what was noted may be written."""
        self._record = record
        self._writing = asyncio.create_task(self._write(record), name=f"notes of {record.call_id}")

    async def end(self) -> None:
        """The call is over. Waits until all is written, but not for long: a late disk is left to itself."""
        self._ended = True
        self._wake.set()
        if self._writing:
            await asyncio.wait({self._writing}, timeout=END_S)
        if self._spoilt and self._record:  # also where the file had stopped for another reason before
            await self._delete(self._record)

    async def _write(self, record: CallRecord) -> None:
        try:
            sink = await self._files.begin(record)
            await self._fill(sink)
        except Exception as error:  # a full disk, a store that is away
            self._stop(type(error).__name__)
        if self._spoilt:
            await self._delete(record)

    async def _delete(self, record: CallRecord) -> None:
        try:
            await self._files.delete(record.organisation_id, record.call_id)
        except Exception as error:
            log.error("inputs.not_deleted", call_id=self._call_id, error=type(error).__name__)

    async def _fill(self, sink: ByteSink) -> None:
        """Every touch of the file is a worker's, so that it is never closed while one writes."""
        aside = functools.partial(asyncio.get_running_loop().run_in_executor, self._workers)
        try:
            while not self._stopped:
                if chunk := self._taken():
                    await aside(sink.write, chunk)
                elif self._ended:
                    await aside(sink.close)
                    break
                else:
                    await self._wake.wait()
                    self._wake.clear()
        finally:
            self._workers.submit(sink.abandon)

    def _taken(self) -> bytes:
        chunk, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
        return chunk

    def _stop(self, reason: str) -> None:
        if not self._stopped:
            self._stopped = True
            self._waiting = []
            self._wake.set()
            log.warning("inputs.stopped", call_id=self._call_id, reason=reason)


class Notebooks:
    """Of an engine: one place for their files, and one thread that writes for all."""

    def __init__(self, files: InputFiles) -> None:
        self._files = files
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="notes")

    def notebook(self, call_id: str) -> Notebook:
        return Notebook(call_id, self._files, self._workers)

    def close(self) -> None:
        """Blocking: until what was handed over is written. After the calls have ended."""
        self._workers.shutdown()
