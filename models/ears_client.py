"""The engine's side of `ears`: sends it windows of sound, in the order in which they were said, and outlives its
crashes."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec
import numpy as np
import structlog

from engine.errors import EarsClosed, Invalid, WeightsMissing
from engine.facts import Pcm16
from engine.ports.hearing import Headroom, Heard, ListenJob
from models.context import FORGET_NUMBER_S, Contexts
from models.decoding import RATE_HZ
from models.drafts import FORGET_S, Drafts
from models.ears_process import EarsProcess, EarsSettings
from models.languages import Languages
from models.listening import Answer, Begun, Cancel, Early, FromEars, Promote, Ready, Status, Submit, Windows
from models.room import Room

__all__ = ["EarsClient", "EarsSettings"]

_LOSSES = 4
"""A job that ran in so many processes as they died is given up: it may be what kills them."""

_RUNS_S = 10.0
"""A final that runs is not late for so long: a large model takes its time, and may keep up all the same."""

log = structlog.get_logger("ears")

_AHEAD = 256
"""Jobs that were cancelled or promoted and are unknown; nearly all of them are answered."""


class _Listening:
    """A job on its way: its window stays in shared memory until it is answered, so it can be sent again."""

    def __init__(self, submit: Submit, answer: asyncio.Future[Heard], draft: Callable[[Heard], None]) -> None:
        self.submit = submit
        self.answer = answer
        self.draft = draft
        self.sent = False
        """To the process that is there."""
        self.runs = False
        self.cancelled = False
        """Its answer is not wanted any more; what runs may come to its end all the same, but is not run again."""
        self.losses = 0
        """Processes that died while it ran. With one, it is a suspect."""


class EarsClient:
    """Implements `engine.ports.hearing.Ears`. Used on one event loop; `start` before the first `listen`, `close` at the
    end.

    The loop's thread must live as long as the client: on Linux the process dies with the thread that started it.

    `on_change(up)` is called on the loop when the model is first loaded, when `ears` is lost, and when it is back;
    `on_heard(job, heard)` for every answer, shed or not. `starts` counts processes.
    """

    def __init__(
        self,
        settings: EarsSettings,
        on_change: Callable[[bool], None] | None = None,
        on_heard: Callable[[ListenJob, Heard], None] | None = None,
    ) -> None:
        self._settings = settings
        self._on_change = on_change
        self._on_heard = on_heard
        self._room: Room | None = None
        self._jobs: dict[int, _Listening] = {}
        self._contexts = Contexts()
        self._drafts = Drafts()
        self._languages = Languages()
        self._held: set[int] = set()
        """Jobs that wait for the words of the segments before theirs."""
        self._finals: dict[int, float] = {}
        """When each final that is not answered is due, wherever it waits or runs."""
        self._ahead: OrderedDict[int, float | None] = OrderedDict()
        """Of jobs that are unknown here, answered or not asked yet: when they are due as finals; None: cancelled."""
        self._process = EarsProcess(settings, self)
        self._headroom = Headroom(up=False, load=0.0, finals_late_ms=0.0, partials=False)

    @property
    def pid(self) -> int | None:
        """Of the process now running; None between two."""
        return self._process.pid

    @property
    def starts(self) -> int:
        return self._process.starts

    @property
    def device(self) -> str:
        """Where the model runs, `cpu` or `cuda`; empty while it runs nowhere."""
        return self._process.device if self._process.is_ready else ""

    async def start(self) -> None:
        """Start the process and keep it running. Returns before the model is loaded: see `ready`.

        Raises `WeightsMissing` when the directory holds no model.
        """
        if not (self._settings.weights / "model.bin").is_file():
            raise WeightsMissing(f"no Whisper model in {self._settings.weights}; run `welcomedly models install`")
        self._room = Room(Windows.create(int(self._settings.windows_s * RATE_HZ)))
        self._process.start(self._room.windows)

    async def ready(self) -> None:
        """Wait until the model is loaded (again). Raises `StartupError` when the process fails again and again."""
        await self._process.ready()

    async def close(self) -> None:
        """End the process. Whoever still listens gets `EarsClosed`."""
        if self._room is not None:
            self._room.close()
        await self._process.close()
        for listening in self._jobs.values():
            if not listening.answer.done():
                listening.answer.set_exception(EarsClosed("ears is closed"))
        self._jobs.clear()
        if self._room is not None:
            self._room.windows.close()
            self._room = None

    async def listen(self, job: ListenJob, pcm: Pcm16, draft: Callable[[Heard], None] = lambda _: None) -> Heard:
        """See `engine.ports.hearing.Ears`. Being cancelled cancels the job.

        A final may come back `shed`: `cancelled` on the caller's own word, `failed` when its window cannot be decoded.
        Raises `Invalid` for an empty window or one that no memory can hold.
        """
        if not 0 < len(pcm) <= self._settings.windows_s * RATE_HZ:
            raise Invalid(f"a window of {len(pcm)} samples cannot be heard")
        if job.job in self._ahead:
            promised = self._ahead.pop(job.job)
            if promised is None:
                return _shed(job, "cancelled")
            job = _as_final(job, promised)
        answer: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        if job.kind == "partial":
            # a prefix is of a language already
            job = job if job.prefix else self._with_belief(job)
            job = msgspec.structs.replace(job, expected=self._drafts.of(job))
            heard = await self._listen(job, pcm, None, answer, draft)
            self._drafts.heard(job, heard, time.monotonic())
            return heard
        if job.kind == "final":
            self._finals[job.job] = job.due
        before = self._contexts.before(job)
        self._contexts.ask(job, answer)
        heard = _shed(job, "cancelled")
        try:
            if await self._after(before, job.job):
                if (due := self._finals.get(job.job)) is not None:
                    job = _as_final(job, due)
                job = self._with_belief(job)
                heard = await self._listen(job, pcm, self._contexts.of(job, len(pcm)), answer, draft)
        finally:
            self._finals.pop(job.job, None)
            answer.cancel()
            self._remember(job, pcm, heard)
        return heard

    def _with_belief(self, job: ListenJob) -> ListenJob:
        return msgspec.structs.replace(job, belief=self._languages.before(job))

    def _remember(self, job: ListenJob, pcm: Pcm16, heard: Heard) -> None:
        self._contexts.answered(job, pcm, heard, time.monotonic())
        self._drafts.heard(job, heard, time.monotonic())
        self._languages.heard(job, heard)
        asyncio.get_running_loop().call_later(max(FORGET_NUMBER_S, FORGET_S), self._forget_old)

    def _forget_old(self) -> None:
        self._contexts.forget_old(time.monotonic())
        self._drafts.forget_old(time.monotonic())

    async def _after(self, answers: list[asyncio.Future[Heard]], job: int) -> bool:
        """Wait for the segments before; False when the job is cancelled meanwhile."""
        if not answers:
            return True
        self._held.add(job)
        try:
            await asyncio.wait(answers)
            return job in self._held
        finally:
            self._held.discard(job)

    async def _listen(
        self,
        job: ListenJob,
        pcm: Pcm16,
        context: tuple[Pcm16, str] | None,
        answer: asyncio.Future[Heard],
        draft: Callable[[Heard], None],
    ) -> Heard:
        before, said = context or (pcm[:0], "")
        window = np.concatenate([before, pcm])
        if self._room is None:
            raise EarsClosed("ears is closed")
        offset = await self._room.take(job, window)
        if offset is None:
            return _shed(job, "load")
        listening = _Listening(Submit(job, offset, len(window), len(before), said), answer, draft)
        self._jobs[job.job] = listening
        self._send(listening)
        try:
            return await answer
        except asyncio.CancelledError:
            self._drop(listening)
            raise

    def cancel(self, job: int) -> None:
        """See `engine.ports.hearing.Ears`."""
        if job in self._held:
            self._held.discard(job)
        elif (listening := self._jobs.get(job)) is not None:
            self._drop(listening)
        else:
            self._foresee(job, None)

    def _foresee(self, job: int, due: float | None) -> None:
        """A task that asks may get its first turn after one that has it cancelled or promoted: on a loop that was
        held up both come at once."""
        self._ahead[job] = due
        if len(self._ahead) > _AHEAD:
            self._ahead.popitem(last=False)

    def _drop(self, listening: _Listening) -> None:
        if listening.sent:
            listening.cancelled = True
            self._process.send(Cancel(listening.submit.job.job))
        else:
            self._answered(_shed(listening.submit.job, "cancelled"))

    def promote(self, job: int, due: float) -> None:
        """See `engine.ports.hearing.Ears`."""
        if job in self._held:
            self._finals[job] = due
        elif (listening := self._jobs.get(job)) is not None:
            self._finals[job] = due
            listening.submit = msgspec.structs.replace(listening.submit, job=_as_final(listening.submit.job, due))
            self._process.send(Promote(job, due))
        else:
            self._foresee(job, due)

    def forget(self, call_id: str) -> None:
        """See `engine.ports.hearing.Ears`."""
        self._contexts.forget(call_id)
        self._drafts.forget(call_id)
        self._languages.forget(call_id)

    def headroom(self) -> Headroom:
        """As last reported, a quarter of a second ago at most. How late finals are is seen from here, too: of a call's
        `ears` knows one alone, and while it is away it knows none."""
        now = time.monotonic()
        dues = [due + (_RUNS_S if self._runs(job) else 0.0) for job, due in self._finals.items()]
        late_ms = round(1000 * max(0.0, now - min(dues, default=now)), 1)
        if not self._process.is_ready:
            return Headroom(up=False, load=1.0, finals_late_ms=late_ms, partials=False)
        return msgspec.structs.replace(self._headroom, finals_late_ms=max(late_ms, self._headroom.finals_late_ms))

    def _runs(self, job: int) -> bool:
        listening = self._jobs.get(job)
        return listening is not None and listening.runs

    # ─── what the process says ───────────────────────────────────────────────────────────────────────────────────────

    def connected(self) -> None:
        for listening in list(self._jobs.values()):
            if not listening.losses:
                self._send(listening)
        self._send_suspect()

    def _send(self, listening: _Listening) -> None:
        if self._process.is_connected:
            listening.sent = True
            self._process.send(listening.submit)

    def _send_suspect(self) -> None:
        """One at a time: whoever was only beside the job that ends `ears` is not beside it again."""
        suspects = [listening for listening in self._jobs.values() if listening.losses]
        if suspects and not any(listening.sent for listening in suspects):
            self._send(min(suspects, key=lambda one: (one.losses, one.submit.job.due)))

    def hear(self, message: FromEars) -> None:
        match message:
            case Ready():
                self._changed(True)
            case Status(headroom):
                self._headroom = headroom
            case Begun(job):
                if job in self._jobs:
                    self._jobs[job].runs = True
            case Early(heard):
                self.drafted(heard)
            case Answer(heard):
                self._answered(heard)

    def _answered(self, heard: Heard) -> None:
        listening = self._jobs.pop(heard.job, None)
        if listening is None:
            return
        self._free(listening)
        self._finals.pop(heard.job, None)  # also of one that was promoted when nobody listened any more
        if not listening.answer.done():
            listening.answer.set_result(heard)
        if self._on_heard is not None:
            self._on_heard(listening.submit.job, heard)
        if listening.losses:
            self._send_suspect()

    def drafted(self, heard: Heard) -> None:
        """Words in doubt came from `ears`. Nobody is told who has stopped listening, and a listener's fault is its own:
        other calls hear on."""
        listening = self._jobs.get(heard.job)
        if listening is None or listening.answer.done():
            return
        try:
            listening.draft(heard)
        except Exception as error:
            log.error("draft.failed", job=heard.job, call_id=listening.submit.job.call_id, error=type(error).__name__)

    def lost(self, was_ready: bool) -> None:
        """Partials are not worth hearing later, finals and speculation are sent to the next process, unless they were
        taken back. What ran may have ended it; where nothing ran, what was sent."""
        sent = [listening for listening in self._jobs.values() if listening.sent]
        suspects = [listening for listening in sent if listening.runs] or sent
        for listening in suspects if was_ready else ():
            listening.losses += 1
        for listening in sent:
            listening.sent = listening.runs = False
        for listening in list(self._jobs.values()):
            job = listening.submit.job
            if listening.cancelled:
                self._answered(_shed(job, "cancelled"))
            elif job.kind == "partial" or listening.answer.done():
                self._answered(_shed(job, "ears_lost"))
            elif listening.losses >= _LOSSES:
                log.error("job.gave_up", job=job.job, call_id=job.call_id)
                self._answered(_shed(job, "failed"))
        if was_ready and not self._process.closed:
            log.warning("ears.lost", outstanding=len(self._jobs))
            self._changed(False)

    def _free(self, listening: _Listening) -> None:
        if self._room is not None:
            self._room.free(listening.submit.offset)

    def _changed(self, up: bool) -> None:
        if self._on_change is not None:
            self._on_change(up)


def _as_final(job: ListenJob, due: float) -> ListenJob:
    return msgspec.structs.replace(job, kind="final", due=due)


def _shed(job: ListenJob, reason: str) -> Heard:
    return Heard(job=job.job, text="", language=job.language, shed=reason)
