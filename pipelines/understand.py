"""Text models and the search run beside the event loop: blocking 1–30 ms each, on threads that nothing else uses."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from engine.ports.reading import UNFELT, KnowledgeSearch, Passage, Reading, TextReader

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


async def search_aside(
    knowledge: KnowledgeSearch, text: str, vector: NDArray[np.float32], language: str
) -> Sequence[Passage]:
    """Searches on a worker thread. A fault costs the card alone."""
    search = partial(knowledge.search, text, vector, language=language)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, search)
    except Exception:
        log.exception("search.fault")
        return ()


async def read_here(reader: TextReader, text: str, before: str, language: str, *, feelings: bool) -> Reading:
    """Reads in place: for a transcript replay, where nothing else waits."""
    return reader.read(text, before, language, feelings=feelings)


async def search_here(
    knowledge: KnowledgeSearch, text: str, vector: NDArray[np.float32], language: str
) -> Sequence[Passage]:
    """Searches in place, likewise."""
    return knowledge.search(text, vector, language=language)
