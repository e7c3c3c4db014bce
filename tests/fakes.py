"""Doubles for what a test cannot have for real: small, honest, shared."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import numpy as np

from engine.facts import Draft, Fact, Pcm16
from engine.ports.hearing import Headroom, Heard, ListenJob
from engine.ports.intake import CallOffer, MediaEvent, Participant, Pause
from engine.ports.reading import Reading, Scored
from engine.ports.storage import CallRecord
from engine.tokens import Token
from models.compliance import load_detectors
from pipelines.understanding import Understanding


class FakeSession:
    """A call whose media events are given; every stream is silence as sound."""

    def __init__(self, events: Iterable[MediaEvent], participants: Sequence[Participant]) -> None:
        self.offer = CallOffer(
            call_id="call-1",
            protocol="sip",
            peer="127.0.0.1:5060/udp",
            from_aor="a@x",
            to_aor="b@x",
            participants=tuple(participants),
        )
        self._events = list(events)
        self.pauses: list[tuple[str, int, int, Pause]] = []
        """Stream, segment, end, and what the pause is taken for."""

    async def events(self) -> AsyncIterator[MediaEvent]:
        for event in self._events:
            yield event
            await asyncio.sleep(0)

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        return np.zeros(max(0, end_ms - start_ms) * 16, np.int16)

    def kept_from_ms(self, stream: str) -> int:
        return 0

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        return 1_000_000.0 + at_ms

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        self.pauses.append((stream, segment, end_ms, pause))


class FakeEars:
    """Answers each segment with given words: `words[(stream, segment)]`. Jobs are kept in `jobs`, in order of
    asking."""

    def __init__(
        self, words: dict[tuple[str, int], str], *, language: str = "en", partials: bool = True, load: float = 0.0
    ) -> None:
        self.words = words
        self.jobs: list[ListenJob] = []
        self.cancelled: list[int] = []
        self.promoted: list[int] = []
        self.forgotten: list[str] = []
        """Calls, as they ended."""
        self.hold: dict[tuple[str, int, str], asyncio.Event] = {}
        """(stream, segment, kind) → the answer waits for this event."""
        self.shed: set[str] = set()
        """Kinds that are shed."""
        self.early: dict[tuple[str, int], str] = {}
        """Words that are heard once more before they are answered."""
        self._language = language
        self._partials = partials
        self._load = load
        self.belief: dict[str, float] = {}
        """What every leg is said to speak; empty: nothing is identified."""
        self.chance: float | None = None
        """Likelihood of each word of partials; None: nothing is known of it."""

    async def listen(self, job: ListenJob, pcm: Pcm16, draft: Callable[[Heard], None] = lambda _: None) -> Heard:
        self.jobs.append(job)
        if words := self.early.get((job.stream, job.segment)):
            draft(Heard(job=job.job, text=words, language=self._language, confidence=0.6))
        if event := self.hold.get((job.stream, job.segment, job.kind)):
            await event.wait()
        if job.kind in self.shed or job.job in self.cancelled:
            return Heard(job=job.job, text="", language=self._language, shed="load")
        text = self.words[job.stream, job.segment]
        return Heard(
            job=job.job,
            text=text,
            language=self._language,
            confidence=0.9,
            belief=self.belief,
            chances=(self.chance,) * len(text.split()) if self.chance and job.kind == "partial" else (),
            queued_ms=1.0,
            run_ms=2.0,
        )

    def cancel(self, job: int) -> None:
        self.cancelled.append(job)

    def promote(self, job: int, due: float) -> None:
        self.promoted.append(job)

    def forget(self, call_id: str) -> None:
        self.forgotten.append(call_id)

    def headroom(self) -> Headroom:
        return Headroom(up=True, load=self._load, finals_late_ms=0.0, partials=self._partials)


class FakeSink:
    """Keeps what was published, in order."""

    def __init__(self) -> None:
        self.record: CallRecord | None = None
        self.facts: list[Fact] = []
        self.tokens: list[Token] = []
        self.drafts: list[Draft] = []
        self.ended = asyncio.Event()

    async def opened(self, record: CallRecord) -> None:
        self.record = record

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        self.facts += facts
        self.tokens += tokens

    def draft(self, record: CallRecord, draft: Draft) -> None:
        self.drafts.append(draft)

    async def changed(self, record: CallRecord) -> None:
        self.record = record
        if record.ended_at:
            self.ended.set()


class FakeReader:
    """A neutral reading of everything, for tests that are about something else."""

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        return Reading(
            vector=np.zeros(512, np.float32), sentiment=Scored("neutral", 1.0), intents=(), acts=(), latency_ms=1.0
        )


def understanding() -> asyncio.Future[Understanding]:
    """Loaded already: neutral readings, no rules, no articles."""
    loaded: asyncio.Future[Understanding] = asyncio.get_running_loop().create_future()
    loaded.set_result(Understanding(FakeReader(), (), load_detectors()))
    return loaded
