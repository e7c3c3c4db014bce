"""One run of a peer: `python -m benchmarks.peers ufal-vac --calls 1`. Its row stands in the table of loads
(`python -m benchmarks.load`)."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.__main__ import hardware
from benchmarks.load import SECONDS
from benchmarks.load.lines import Lines
from benchmarks.load.processes import Usage, machine_seconds, usage
from benchmarks.load.run import Sample, figures, watch
from benchmarks.load.table import header, printed
from benchmarks.peers.environments import PEERS, command
from benchmarks.peers.lines import play
from models.catalogue import WHISPER_BASE
from models.installation import install
from tests.media.sip.test_sipp import free_port

RESULTS = Path(__file__).parents[1] / "results"
READY_WITHIN_S = 300.0
OFFLINE = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def servers(name: str, count: int) -> Iterator[tuple[list[int], list[int]]]:
    """So many streams' servers, each a process: their ports and process ids. Raises `RuntimeError` with the log of one
    that does not start."""
    model = install(WHISPER_BASE, Path("data/models")).resolve()
    threads = {"OMP_NUM_THREADS": str(os.cpu_count() or 1)}
    with tempfile.TemporaryDirectory(prefix="welcomedly-peer-") as folder, contextlib.ExitStack() as stack:
        ports = [free_port() for _ in range(count)]
        started = []
        for port in ports:
            log = stack.enter_context((Path(folder) / str(port)).open("wb"))
            process = subprocess.Popen(
                command(name, port, model),
                env=os.environ | OFFLINE | threads,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            stack.callback(_end, process)
            started.append(process)
        for port, process in zip(ports, started, strict=True):
            _wait(Path(folder) / str(port), process)
        yield ports, [process.pid for process in started]


def _wait(log: Path, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY_WITHIN_S
    while b"READY" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(log.read_text("utf-8", "replace")[-2_000:])
        time.sleep(0.2)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """With all that it has started: recorders leave processes behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(name: str, calls: int, seconds: float) -> dict[str, Any]:
    """Blocking."""
    with servers(name, 2 * calls) as (ports, pids):
        lines = Lines(play, ports, calls, seconds)

        async def sample(at_s: float) -> Sample:
            return Sample(at_s, _usage(pids), machine_seconds())

        samples = asyncio.run(watch(sample, lines, seconds))
        return figures(name, calls, seconds, samples, lines.result())


def _usage(pids: list[int]) -> Usage:
    cpu_s = rss_mb = 0.0
    for pid in pids:
        used = usage(pid, "peer")
        cpu_s += sum(seconds for name, seconds in used.cpu_s.items() if "." not in name)
        rss_mb += sum(used.rss_mb.values())
    return Usage({"peer": cpu_s}, {"peer": rss_mb})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--calls", type=int, default=1, help="two-channel calls at once (%(default)s)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long they play (%(default)s)")
    parser.add_argument("--turn", type=int, default=1, help="which run of this load it is, for medians")
    arguments = parser.parse_args()
    before, began = hardware(), time.monotonic()
    row = run(arguments.peer, arguments.calls, arguments.seconds)
    RESULTS.mkdir(exist_ok=True)
    name = f"peer-{arguments.peer}-{arguments.calls}.{arguments.turn}"
    record = {"cell": name, "seconds": round(time.monotonic() - began, 1), "hardware": before, "result": row}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(header(), printed([row]), sep="\n")


if __name__ == "__main__":
    main()
