"""A call's recording: listening to it, and pausing it while it is made."""

import asyncio
import time
from collections.abc import Iterator

import structlog
from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r204, r206, r403, r404, r409, r416

from engine.ports.desk import DeskCommand
from engine.sealed_file import SealedReader
from engine.telemetry import AUDIT
from engine.vault import SealError
from engine.web.keys import DESK, PERSON, RECORDINGS
from engine.web.problems import break_off, problem
from engine.web.view import View

log = structlog.get_logger(__name__)
audit = structlog.get_logger(AUDIT)

PIECE = 64 * 1024


class RecordingView(View):
    async def get(self, call_id: str, /) -> r200[bytes] | r206[bytes] | r404 | r416:
        """The recording as Ogg/Opus, for supervisors: customer on the first channel, agent on the second. Ranges are
        served; of a live call, what is written so far (`Recording-Complete: ?0`)."""
        person = self.request[PERSON]
        try:
            reader = await self.request.app[RECORDINGS].open(person.organisation_id, call_id)
        except SealError:
            log.error("recording.damaged", call_id=call_id)
            return problem(404, "damaged", "the recording's file cannot be opened")
        with reader:
            span = _range(self.request, reader.size)
            if span is None:
                headers = {"Content-Range": f"bytes */{reader.size}"}
                return problem(416, "no_such_range", "the recording is not that long", headers)
            audit.info("recording.read", call_id=call_id, by=person.user_id, role=person.role, start=span[0])
            return await _send(self.request, call_id, reader, *span)


class PauseView(View):
    async def post(self, call_id: str, /) -> r204 | r403 | r404 | r409:
        """Silence from now on: by the call's agent or a supervisor."""
        return await _press(self.request, DeskCommand("pause", call_id, at_ms=time.monotonic() * 1000))


class ResumeView(View):
    async def post(self, call_id: str, /) -> r204 | r403 | r404 | r409:
        """Sound again. 409 while a card is read or the call is on hold: such a pause ends by itself."""
        return await _press(self.request, DeskCommand("resume", call_id, at_ms=time.monotonic() * 1000))


async def _press(request: web.Request, command: DeskCommand) -> web.Response:
    await request.app[DESK].command(request[PERSON], command)
    return web.Response(status=204)


def _range(request: web.Request, size: int) -> tuple[int, int] | None:
    """The bytes asked for (RFC 9110 §14.1.2), the whole when none are; None when there are none such."""
    try:
        start, stop, _ = request.http_range.indices(size)
    except ValueError:
        return 0, size  # a range that cannot be read is as none (RFC 9110 §14.2)
    if request.http_range.start is not None and start >= stop:
        return None
    return start, stop


async def _send(request: web.Request, call_id: str, reader: SealedReader, start: int, stop: int) -> web.StreamResponse:
    part = (start, stop) != (0, reader.size)
    response = web.StreamResponse(status=206 if part else 200)
    response.content_type = "audio/ogg"
    response.content_length = stop - start
    response.headers["Accept-Ranges"] = "bytes"
    # A structured Boolean (RFC 9651): false while the call is live, and for good after a kill.
    response.headers["Recording-Complete"] = "?1" if reader.whole else "?0"
    response.headers["Content-Disposition"] = f'inline; filename="{call_id}.ogg"'
    if part:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{reader.size}"
    await response.prepare(request)
    chunks = reader.read(start, stop)
    try:
        while piece := await asyncio.to_thread(_piece, chunks):
            await response.write(piece)
        await response.write_eof()
    except ConnectionResetError:
        pass  # a player that seeks goes away in mid-answer and asks anew
    except SealError:
        log.error("recording.damaged", call_id=call_id)
        break_off(request, response)
    return response


def _piece(chunks: Iterator[bytes]) -> bytes:
    """The next bytes, at least `PIECE` where there are so many; empty at the end."""
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) >= PIECE:
            break
    return bytes(found)
