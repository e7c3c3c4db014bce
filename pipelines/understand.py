"""Text models run beside the event loop: blocking 1–15 ms each, on threads of their own that nothing else uses."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import numpy as np
import structlog

from engine.ports.reading import UNFELT, Reading, TextReader

log = structlog.get_logger(__name__)

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="understand")
NOTHING_READ: Final = Reading(np.empty(0, np.float32), UNFELT, (), (), 0.0)


async def read_aside(reader: TextReader, text: str, before: str, language: str, *, feelings: bool) -> Reading:
    """Reads on a worker thread, so that sockets and packets go on. A fault costs what would have been read alone:
    digits, phrases and figures need none of it."""
    read = partial(reader.read, text, before, language, feelings=feelings)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, read)
    except Exception:
        log.exception("reading.fault")
        return NOTHING_READ


async def read_here(reader: TextReader, text: str, before: str, language: str, *, feelings: bool) -> Reading:
    """Reads in place: for a transcript replay, where nothing else waits."""
    return reader.read(text, before, language, feelings=feelings)
