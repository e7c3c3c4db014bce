"""The process `ears`: Whisper and its scheduler for all calls of an engine.

Started by `models.ears_process` with an open socket and an open shared memory; ends with the engine, however that ends.
"""

import argparse
import asyncio
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from engine.child import die_with, framed, go_first, messages
from engine.ports.hearing import Heard, ListenJob
from models.decoding import OWN_PADDING_S, RATE_HZ, Decoding
from models.listening import Answer, Begun, Cancel, Early, FromEars, Promote, Ready, Status, Stop, Submit, Windows
from models.listening import to_ears_decoder as decoder
from models.scheduler import Costs, Scheduler, Task

if TYPE_CHECKING:
    from models.whisper import Whisper

_STATUS_S = 0.25
_FAILURES = 3
"""When so many segments in a row cannot be heard, it is not for what is said in them."""

log = structlog.get_logger("ears")


class EarsServer:
    """Serves one engine over one connection. All state is on the event loop; only `Whisper.hear` runs in threads."""

    def __init__(self, writer: asyncio.StreamWriter, windows: Windows, workers: int) -> None:
        self._writer = writer
        self._windows = windows
        self._workers = workers
        self._scheduler = Scheduler(workers)
        self._costs = Costs()
        self._decoding = Decoding()
        self._submits: dict[int, tuple[Submit, float]] = {}
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="whisper")
        self._running: set[asyncio.Task[None]] = set()
        self._whisper: Whisper | None = None
        self._failing: set[tuple[str, str, int]] = set()
        """Segments that could not be heard since the last that could."""

    async def load(self, weights: Path, device: str, compute_type: str, decoding: Decoding) -> None:
        """Load the model while jobs already queue."""
        began = time.monotonic()
        self._whisper = await asyncio.to_thread(_load, weights, self._workers, device, compute_type, decoding)
        took_ms = round(1000 * (time.monotonic() - began))
        log.info("model.loaded", device=self._whisper.device, workers=self._workers, took_ms=took_ms)
        self._send(Ready(self._workers, self._whisper.device))
        self._pump()

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the engine says stop or is gone."""
        async for message in messages(reader, decoder()):
            match message:
                case Submit():
                    self._submit(message)
                case Cancel(job):
                    self._scheduler.cancel(job, time.monotonic())
                    self._pump()
                case Promote(job, due):
                    self._scheduler.promote(job, due, time.monotonic())
                    self._pump()
                case Stop():
                    return

    async def report(self) -> None:
        """Tell the headroom four times a second; it is also the clock of shedding and of lateness."""
        while True:
            self._pump()
            self._send(Status(self._scheduler.headroom(time.monotonic())))
            await asyncio.sleep(_STATUS_S)

    def _submit(self, submit: Submit) -> None:
        now = time.monotonic()
        job = submit.job
        task = Task(
            job=job.job,
            kind=job.kind,
            stream=(job.call_id, job.stream),
            segment=job.segment,
            due=job.due,
            cost=self._costs.estimate(*self._size(submit)),
            capture=job.capture,
        )
        self._submits[job.job] = (submit, now)
        self._scheduler.submit(task, now)
        self._pump()

    def _size(self, submit: Submit) -> tuple[float, float]:
        """Seconds of the window that are encoded, and of the speech in it that is put into words."""
        sound_s, speech_s = submit.samples / RATE_HZ, (submit.samples - submit.context) / RATE_HZ
        window_s = self._decoding.window_s(speech_s, submit.job.kind)
        if submit.context:
            window_s = self._decoding.context_s(sound_s)
        return min(window_s, sound_s + OWN_PADDING_S), speech_s

    def _pump(self) -> None:
        """Give free workers their next jobs and answer what was shed."""
        now = time.monotonic()
        while self._whisper is not None and (task := self._scheduler.take(now)) is not None:
            running = asyncio.create_task(self._run(self._whisper, *self._submits[task.job]))
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        for shed in self._scheduler.sheds():
            submit, since = self._submits.pop(shed.job)
            self._send(Answer(_unheard(submit, shed.reason, 1000 * (now - since))))

    async def _run(self, whisper: "Whisper", submit: Submit, since: float) -> None:
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        queued_ms = 1000 * (began - since)

        def draft(heard: Heard) -> None:
            loop.call_soon_threadsafe(self._send, Early(_queued(heard, queued_ms)))

        self._send(Begun(submit.job.job))
        try:
            pcm = self._windows.read(submit.offset, submit.samples)
            heard = await loop.run_in_executor(
                self._pool, whisper.hear, submit.job, pcm, submit.context, submit.said, draft
            )
        except Exception as error:
            # one bad window must not end every call's ears; the words themselves never reach the log
            log.error("job.failed", job=submit.job.job, call_id=submit.job.call_id, error=type(error).__name__)
            self._end_if_broken(submit.job, error)
            heard = _unheard(submit, "failed", 0.0)
        else:
            self._failing.clear()
            self._costs.learn(*self._size(submit), time.monotonic() - began)
        self._scheduler.done(submit.job.job, time.monotonic())
        del self._submits[submit.job.job]
        self._send(Answer(_queued(heard, queued_ms)))
        self._pump()

    def _end_if_broken(self, job: ListenJob, error: Exception) -> None:
        """After a fault that stays with the process (of a graphics card, mostly) no window is heard any more. The next
        process is sent what this one leaves unanswered."""
        self._failing.add((job.call_id, job.stream, job.segment))
        sticks = "CUDA" in str(error) and "out of memory" not in str(error)  # of memory there may be more the next time
        if len(self._failing) >= _FAILURES or sticks:
            log.error("model.broken")
            os._exit(1)

    def _send(self, message: FromEars) -> None:
        if not self._writer.is_closing():
            self._writer.write(framed(message))


def _unheard(submit: Submit, reason: str, queued_ms: float) -> Heard:
    job = submit.job
    return Heard(job=job.job, text="", language=job.language, queued_ms=round(queued_ms, 1), shed=reason)


def _queued(heard: Heard, queued_ms: float) -> Heard:
    return msgspec.structs.replace(heard, queued_ms=round(queued_ms, 1))


def _load(weights: Path, workers: int, device: str, compute_type: str, decoding: Decoding) -> "Whisper":
    # imported here: the process must be niced and bound to its parent before seconds of imports and loading
    from models.whisper import Whisper

    return Whisper(weights, workers=workers, device=device, compute_type=compute_type, decoding=decoding)


def _log_to_stderr() -> None:
    """Like the engine's log format `auto`: console on a terminal, JSON elsewhere. Standard output is the engine's."""
    console = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def _serve(arguments: argparse.Namespace) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=arguments.socket_fd))
    windows = Windows(arguments.windows_fd, arguments.windows_samples, writable=False)
    ears = EarsServer(writer, windows, arguments.workers)
    decoding = Decoding(prompted=arguments.prompted)
    loading = asyncio.create_task(ears.load(arguments.weights, arguments.device, arguments.compute_type, decoding))
    loading.add_done_callback(_end_if_failed)
    reporting = asyncio.create_task(ears.report())
    await ears.serve(reader)
    reporting.cancel()
    # a load or a decode may still run in a thread; nobody waits for its words any more
    os._exit(0)


def _end_if_failed(loading: "asyncio.Task[None]") -> None:
    if not loading.cancelled() and (error := loading.exception()) is not None:
        log.error("model.failed", error=str(error))
        os._exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.ears", description=__doc__)
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--windows-fd", type=int, required=True)
    parser.add_argument("--windows-samples", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compute-type", default="")
    parser.add_argument("--prompted", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    die_with(arguments.parent)
    go_first()
    os.nice(arguments.nice)
    _log_to_stderr()
    asyncio.run(_serve(arguments))


if __name__ == "__main__":
    main()
