"""Documents read in a process of their own: a file that is made to hang its reader, or to fill the memory, costs its
importer an answer and no call anything.

`python -m models.document_process NAME` reads a document from standard input and writes what it is to standard output.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.child import die_with, go_first
from engine.errors import Invalid
from engine.ports.knowledge import Article

MOST_SECONDS: Final = 60
MOST_MEMORY: Final = 1 << 30
NICE: Final = 10
MOST_READ: Final = 8_000_000
"""Bytes of what a document is: all of it that the engine takes in."""


class Read(msgspec.Struct, frozen=True):
    """Articles, or why there are none."""

    articles: tuple[Article, ...] = ()
    fault: str = ""


async def read_apart(name: str, data: bytes, within_s: float = MOST_SECONDS) -> Sequence[Article]:
    """`models.documents.read_document` elsewhere. Raises `Invalid`."""
    program = (sys.executable, "-m", "models.document_process", name, str(os.getpid()))
    process = await asyncio.create_subprocess_exec(
        *program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(within_s):
            out, _ = await process.communicate(data)
    except TimeoutError:
        raise Invalid(f"not read within {within_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        read = msgspec.json.decode(out, type=Read)
    except msgspec.DecodeError:
        raise Invalid("it takes more time or memory to read than a document may") from None
    if read.fault:
        raise Invalid(read.fault)
    return read.articles


def encoded(read: Read) -> bytes:
    """A fault instead of articles that are too much together."""
    data = msgspec.json.encode(read)
    if len(data) <= MOST_READ:
        return data
    return msgspec.json.encode(Read(fault=f"what is in it is larger than {MOST_READ // 1_000_000} MB"))


def main() -> None:
    name, parent = sys.argv[1:]
    die_with(int(parent))
    go_first()
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    from models.documents import read_document  # within the limits, as all that it does

    try:
        read = Read(articles=tuple(read_document(name, sys.stdin.buffer.read())))
    except Invalid as error:
        read = Read(fault=str(error))
    except MemoryError:
        raise  # the process ends, as by the other limits
    except Exception as error:  # what a broken file makes of its readers is more than their own errors
        read = Read(fault=f"not readable ({type(error).__name__})")
    sys.stdout.buffer.write(encoded(read))


if __name__ == "__main__":
    main()
