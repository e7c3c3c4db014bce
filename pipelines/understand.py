"""Text models run beside the event loop: blocking 1–15 ms each, on threads of their own that nothing else uses."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from engine.ports.reading import Reading, TextReader

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="understand")


async def read_aside(reader: TextReader, text: str, before: str, language: str, *, feelings: bool) -> Reading:
    """Reads on a worker thread, so that sockets and packets go on."""
    read = partial(reader.read, text, before, language, feelings=feelings)
    return await asyncio.get_running_loop().run_in_executor(_threads, read)


async def read_here(reader: TextReader, text: str, before: str, language: str, *, feelings: bool) -> Reading:
    """Reads in place: for a transcript replay, where nothing else waits."""
    return reader.read(text, before, language, feelings=feelings)
