"""Which job a Whisper worker runs next, for all calls at once. Pure: every method takes the time.

Finals go before all else, then the earliest deadline is first: a segment's first partial waits no longer than a
speculation does. A final is never shed. Partials give way: to a newer one of their stream, when full, and all while the
machine is short. A newer one has its stream's place in the queue: under load all streams have their turn, each with its
newest sound. Speculation goes last of what load can take: nearly always it is the final itself, begun early.
"""

import math
from collections import deque

import msgspec

from engine.ports.hearing import Headroom, ListenKind

_PARTIALS_OFF_S = 0.6
_SPECULATION_OFF_S = 1.2
_THRESHOLDS = (_PARTIALS_OFF_S, _SPECULATION_OFF_S)
"""Pressure (seconds of waiting work a worker, plus the lateness of finals) at which the next kind is shed."""
_CALM_S = 2.0
"""Pressure must stay under half of a threshold for so long before what it shed runs again."""
_BRIEF_S = 0.25
"""A final may always wait for the end of a partial that is this short, however little time it has."""
_LOAD_TAU_S = 3.0
_SLACKS = 32


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the scheduler knows of a `ListenJob`. Times in seconds on the engine's monotonic clock."""

    job: int
    kind: ListenKind
    stream: tuple[str, str]
    """Call and stream."""
    segment: int
    due: float
    cost: float
    """Estimated run time, seconds."""
    capture: bool = False
    """Partials of an open digit run are shed no sooner than speculation."""


class Shed(msgspec.Struct, frozen=True):
    job: int
    reason: str
    """`superseded cancelled load`."""


class Costs:
    """Run time of a decode by its size, learnt as it goes."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def estimate(self, window_s: float, speech_s: float) -> float:
        """Seconds for so much of a window that is encoded (a linear and a quadratic part) and speech in it (tokens)."""
        return self._scale * _shape(window_s, speech_s)

    def learn(self, window_s: float, speech_s: float, took_s: float) -> None:
        self._scale += 0.1 * (took_s / _shape(window_s, speech_s) - self._scale)


def _shape(window_s: float, speech_s: float) -> float:
    """Whisper base in 8 bits on one thread with AMX: 35 ms at 5 s, 85 at 10 s, 150 at 15 s, then 5 ms a token, of which
    half are expected."""
    return 0.0055 * window_s + 0.0003 * window_s**2 + 0.005 * (4 + 1.8 * speech_s)


class Scheduler:
    """Jobs wait in `submit` order by kind and deadline; `take` gives one to a free worker, `done` frees it.

    Callers drain `sheds()` after each call. Finals are bounded by their sender (shared memory), the rest by `bound`.
    """

    def __init__(self, workers: int, bound: int = 512) -> None:
        self._workers = workers
        self._bound = bound
        self._waiting: dict[int, Task] = {}
        self._running: dict[int, Task] = {}
        self._sheds: list[Shed] = []
        self._slacks: deque[float] = deque(maxlen=_SLACKS)
        self._level = 0
        self._calm_since: float | None = None
        self._load = 0.0
        self._clock: float | None = None

    def submit(self, task: Task, now: float) -> None:
        """Queue a job; may shed it or others."""
        self._advance(now)
        if task.kind == "final":
            self._slacks.append(task.due - now - task.cost)
        for other in [other for other in self._waiting.values() if _supersedes(task, other)]:
            self._drop(other, "superseded")
            if task.kind == "partial":
                task = msgspec.structs.replace(task, due=min(task.due, other.due))
        self._waiting[task.job] = task
        optional = [waiting for waiting in self._waiting.values() if waiting.kind != "final"]
        if len(optional) > self._bound:
            self._drop(min(optional, key=_least_wanted), "load")
        self._regulate(now)

    def cancel(self, job: int, now: float) -> None:
        """Drop a waiting job of any kind. A running one finishes and is answered."""
        self._advance(now)
        task = self._waiting.get(job)
        if task is not None:
            self._drop(task, "cancelled")

    def promote(self, job: int, due: float, now: float) -> None:
        """A waiting job becomes a final: it runs before all that is none and is not shed. Others are left alone."""
        self._advance(now)
        task = self._waiting.get(job)
        if task is None or task.kind == "final":
            return
        self._waiting[job] = msgspec.structs.replace(task, kind="final", due=due)
        self._slacks.append(due - now - task.cost)
        self._regulate(now)

    def take(self, now: float) -> Task | None:
        """The next job for a free worker, from now on running; None when nothing may run."""
        self._advance(now)
        self._regulate(now)
        if len(self._running) >= self._workers:
            return None
        task = min((task for task in self._waiting.values() if self._may_run(task)), key=_urgency, default=None)
        if task is not None:
            del self._waiting[task.job]
            self._running[task.job] = task
        return task

    def done(self, job: int, now: float) -> None:
        """A running job has ended, well or badly."""
        self._advance(now)
        del self._running[job]
        self._regulate(now)

    def sheds(self) -> list[Shed]:
        """Jobs dropped since the last call, in order; each is reported once."""
        sheds, self._sheds = self._sheds, []
        return sheds

    def headroom(self, now: float) -> Headroom:
        self._advance(now)
        self._regulate(now)
        late_ms = round(1000 * self._lateness(now), 1)
        return Headroom(up=True, load=round(self._load, 3), finals_late_ms=late_ms, partials=self._level < 1)

    def __len__(self) -> int:
        """Jobs that wait."""
        return len(self._waiting)

    def _may_run(self, task: Task) -> bool:
        if task.kind != "partial":
            return True
        partials = [running for running in self._running.values() if running.kind == "partial"]
        if any(running.stream == task.stream for running in self._running.values()):
            return False
        spare = max(_BRIEF_S, min(self._slacks, default=0.0))
        return len(self._running) + 1 < self._workers or not partials or task.cost <= spare

    def _drop(self, task: Task, reason: str) -> None:
        del self._waiting[task.job]
        self._sheds.append(Shed(task.job, reason))

    def _regulate(self, now: float) -> None:
        """Move the level of shedding: up at once, down one step after a calm while."""
        pressure = self._pressure(now)
        level = sum(pressure > threshold for threshold in _THRESHOLDS)
        if level > self._level:
            self._level = level
            self._calm_since = None
        elif self._level and pressure < _THRESHOLDS[self._level - 1] / 2:
            self._calm_since = now if self._calm_since is None else self._calm_since
            if now - self._calm_since >= _CALM_S:
                self._level -= 1
                self._calm_since = now
        else:
            self._calm_since = None
        for task in [task for task in self._waiting.values() if self._is_shed(task)]:
            self._drop(task, "load")

    def _is_shed(self, task: Task) -> bool:
        if task.kind == "speculation":
            return self._level >= 2
        return task.kind == "partial" and self._level >= (2 if task.capture else 1)

    def _pressure(self, now: float) -> float:
        backlog = sum(task.cost for task in self._waiting.values() if task.kind != "partial")
        return backlog / self._workers + self._lateness(now)

    def _lateness(self, now: float) -> float:
        oldest = min((task.due for task in self._waiting.values() if task.kind == "final"), default=now)
        return max(0.0, now - oldest)

    def _advance(self, now: float) -> None:
        """Follow the share of busy workers, forgetting with a time constant of three seconds."""
        if self._clock is not None and now > self._clock:
            keep = math.exp((self._clock - now) / _LOAD_TAU_S)
            self._load = keep * self._load + (1 - keep) * len(self._running) / self._workers
        self._clock = now if self._clock is None else max(self._clock, now)


def _urgency(task: Task) -> tuple[bool, float, int]:
    return task.kind != "final", task.due, task.job


def _least_wanted(task: Task) -> tuple[bool, float, int]:
    """When full: partials before speculation, the oldest first."""
    return task.kind != "partial", task.due, task.job


def _supersedes(task: Task, other: Task) -> bool:
    """A newer job of the stream makes an older one needless that is not worth more than itself."""
    if other.kind == "final" or other.stream != task.stream:
        return False
    if task.kind == "partial":
        return other.kind == "partial"
    return other.segment == task.segment or (other.kind == "partial" and other.segment < task.segment)
