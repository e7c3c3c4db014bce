"""The engine under load, in processes of its own: `python -m benchmarks.load.engine FOLDER MAX_CALLS`.

However late its finals are, it refuses no call for it: the load is to be what the row says. It tells in one JSON line
on standard output where it is and who may log in, once speech is understood, and ends when its standard input does.
"""

import asyncio
import contextlib
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvloop

from engine.control.seed import DemoLogin
from engine.telemetry import set_up_logs
from pipelines.commands.demo import throwaway_settings
from server import SWITCH_S, Engine


class Running(msgspec.Struct, frozen=True):
    pid: int
    url: str
    sip_port: int
    logins: tuple[DemoLogin, ...]


@contextlib.contextmanager
def engine(max_calls: int) -> Iterator[Running]:
    """A whole engine with throw-away data. Blocking; raises `RuntimeError` with its log when it does not start."""
    with tempfile.TemporaryDirectory(prefix="welcomedly-load-") as folder:
        command = [sys.executable, "-m", "benchmarks.load.engine", folder, str(max_calls)]
        log = Path(folder) / "log"
        with log.open("wb") as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        try:
            assert process.stdout is not None
            if not (told := process.stdout.readline()):
                raise RuntimeError(log.read_text("utf-8")[-2_000:])
            yield msgspec.json.decode(told, type=Running)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            print(log.read_text("utf-8")[-2_000:], file=sys.stderr, end="")


async def serve(folder: Path, max_calls: int) -> None:
    settings = throwaway_settings(folder, max_calls=max_calls).model_copy(update={"log_level": "error"})
    set_up_logs(settings)
    async with Engine(settings, late_finals_ms=math.inf) as running:
        await running.start(seed=True)
        await running.ready()
        told = Running(os.getpid(), running.url, running.sip_port, tuple(running.logins))
        print(msgspec.json.encode(told).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_S)  # as the program does
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
