"""sipp as a telephone that says one of two people's words."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.media.sip.test_sipp import SCENARIOS, SIPP, free_port
from tests.media.sockets.speech import to_ulaw, voices


def give_voices(where: Path) -> None:
    """The files that scenarios play: the customer's voice is `a`, the agent's `b`."""
    (where / "audio").mkdir()
    for name, voice in zip("ab", voices(), strict=True):
        (where / "audio" / f"{name}.ulaw").write_bytes(to_ulaw(voice))


@asynccontextmanager
async def telephone(scenario: str, where: Path, *options: str) -> AsyncIterator[int]:
    """sipp that plays one scenario to its end. Its port."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(SIPP, "-sf", str(SCENARIOS / scenario), "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port), "-m", "1"),
        *("-nostdin", "-timeout", "20s", "-trace_err", "-error_file", str(where / f"{scenario}.errors")),
        *("-key", "rtp_sender", f"{sys.executable} {SCENARIOS / 'rtp_send.py'}", *options),
        cwd=where,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield port
        said = where / f"{scenario}.errors"
        assert await process.wait() == 0, said.read_text() if said.exists() else ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
