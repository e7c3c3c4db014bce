"""One call's recording: what was said goes to its file as soon as it has been judged, and never before.

The tape runs on two clocks. Media's own (`tick`) says how much there is; the judged one (`judged`) comes through the
queue of the call behind every word before it. A task of the call writes what lies behind both; the disk is waited for
there and nowhere else, and a disk that does not answer costs silence at the bound, never a word on the desk.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import structlog

from engine.errors import Conflict, Overloaded
from engine.facts import CallEvent, EventName, Fact, Insight, Pcm16
from engine.ports.desk import Person
from engine.ports.intake import IngestSession
from engine.ports.storage import ByteSink, CallRecord, RecordingFiles
from media.recorder import LEAST_DELAY_MS, MOST_DELAY_MS, RecordedSpan, Watermark
from media.recording import OggOpusFile
from pipelines.ledger import Ledger
from pipelines.pauses import Pauses
from pipelines.roster import Roster
from pipelines.withheld import MARGIN_MS, Withheld

log = structlog.get_logger(__name__)

T = TypeVar("T")

STEP_MS: Final = 1_000
"""What is written at once: a killed engine loses no more of what was judged."""
PIECE_MS: Final = 5_000
"""Longest span that is read and encoded at once."""
FORGOTTEN_MS: Final = MOST_DELAY_MS + PIECE_MS
"""Sound this old is nowhere any more: the disk did not take it in time."""
SESSION_KEEPS_MS: Final = 30_000
"""Sound this old is copied before the session forgets it (after 40 s)."""
STORE_PAUSE_S: Final = 1.0
"""Between two tries to note the length of a recording in a store that cannot write."""

_WORDS: Final = "words"
_RUN: Final = "run"
_CHANNEL: Final = {"customer": 0, "agent": 1}

Report = Callable[[EventName, int, dict[str, Any]], None]
Recorded = Callable[[RecordedSpan], None]


class _Kept(NamedTuple):
    start_ms: int
    end_ms: int
    sound: dict[str, Pcm16]
    """By stream, 16 kHz."""


class Tape:
    """Everything but `run` returns at once and is called from the call's own tasks."""

    def __init__(
        self,
        *,
        session: IngestSession,
        files: RecordingFiles,
        workers: Executor,
        ledger: Ledger,
        roster: Roster,
        retention_days: int,
        recorded: Recorded = lambda span: None,
        ended: Callable[[str], None] = lambda outcome: None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._files = files
        self._workers = workers
        self._ledger = ledger
        self._roster = roster
        self._retention_days = retention_days
        self._recorded = recorded
        self._ended = ended
        self._pause = pause
        self._mark = Watermark((_WORDS,))
        self._pauses = Pauses()
        self._streams = [participant.stream for participant in session.offer.participants]
        self._channels = 1 if all(participant.mixed for participant in session.offer.participants) else 2
        self._kept: deque[_Kept] = deque()
        self._now_ms = 0
        self._end_ms: int | None = None
        self._wake = asyncio.Event()
        self._over = asyncio.Event()
        self._file: OggOpusFile | None = None
        self._silent_from: int | None = None

    # ─── what the call tells ─────────────────────────────────────────────────────────────────────────────────────────

    def tick(self, now_ms: int) -> None:
        """Media has come so far, whatever has been understood of it."""
        self._now_ms = now_ms
        self._keep()
        if self._mark.reach(now_ms) >= self._mark.at_ms + STEP_MS:
            self._wake.set()

    def heard_of(self, streams: Sequence[str]) -> None:
        """Streams that came with a later offer."""
        self._streams += [stream for stream in streams if stream not in self._streams]

    def judged(self, at_ms: int, withheld: Withheld, *, capturing: bool) -> list[Fact]:
        """All words before `at_ms` have been judged, save what is withheld."""
        for start_ms, end_ms in withheld.cuts:
            self._mark.cut(start_ms, end_ms)
        self._mark.release(_RUN)
        if withheld.held_from_ms is not None:
            self._mark.hold(_RUN, max(0, withheld.held_from_ms - MARGIN_MS))
        self._mark.judged(_WORDS, max(0, at_ms - LEAST_DELAY_MS))  # a turn is told of late
        return self._changed(self._pauses.passed(at_ms, capturing=capturing), at_ms)

    def follow(self, facts: Sequence[Fact]) -> list[Fact]:
        """What the call's facts mean for the recording, as facts behind them."""
        found: list[Fact] = []
        if self._end_ms is not None:
            return found  # `call.ended` is a call's last word
        for fact in facts:
            match fact:
                case Insight(kind="compliance"):
                    found += self._changed(self._pauses.ruled(fact), fact.end_ms)
                case CallEvent():
                    found += self._changed(self._pauses.happened(fact), fact.end_ms)
        return found

    def check(self, command: str) -> None:
        """Raises `Conflict` when `press` would do nothing."""
        if self._file is None:
            raise Conflict("the call is not being recorded")
        if command == "resume" and (reason := self._pauses.stuck()):
            raise Conflict(f"the recording stays paused: {reason}")

    def press(self, command: str, person: Person, at_ms: int) -> list[Fact]:
        """`pause` or `resume` by a person."""
        return self._changed(self._pauses.pressed(command), at_ms, {"by": person.user_id})

    def end(self, at_ms: int, withheld: Withheld, *, broken: bool = False) -> None:
        """The call is over and its last words are judged, but for those that may have begun and were not told of yet
        where it is `broken`."""
        self.judged(at_ms if broken else at_ms + LEAST_DELAY_MS, withheld, capturing=True)
        self._end_ms = at_ms
        self._wake.set()

    async def over(self, within_s: float) -> bool:
        """Whether it has been written, or failed, and reports nothing any more; waits for that, but no longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._over.wait()
        return self._over.is_set()

    def _changed(self, change: tuple[str, str] | None, at_ms: int, more: dict[str, Any] | None = None) -> list[Fact]:
        if change is None:
            return []
        what, reason = change
        name: EventName = "recording.resumed"
        if what == "pause":
            name = "recording.paused"
            self._mark.pause(max(0, at_ms))
        elif self._pauses:
            name, reason = "recording.paused", self._pauses.reason()  # another one goes on
        else:
            self._mark.resume(at_ms)
        return [self._ledger.event(name, at_ms, {"reason": reason, **(more or {})})]

    # ─── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, record: CallRecord, report: Report) -> None:
        """Until the call has ended and its file is closed. A disk that fails ends the recording, and never the call."""
        try:
            await self._run(record, report)
            self._ended("whole")
        except Exception as error:
            self._ended("failed")
            log.exception("recording.failed")
            report("recording.failed", self._mark.at_ms, {"reason": type(error).__name__})
        finally:
            file, self._file = self._file, None
            if file:
                with contextlib.suppress(RuntimeError):  # the engine is gone, and its threads with it
                    self._workers.submit(file.abandon)  # does nothing to a file that was closed
            self._over.set()

    async def _run(self, record: CallRecord, report: Report) -> None:
        sink = await self._files.begin(record, self._channels, self._retention_days)
        file = self._file = await self._aside(_begun, sink, self._channels)
        report("recording.started", 0, {"channels": self._channels})
        while self._end_ms is None:
            await self._wake.wait()
            self._wake.clear()
            await self._write(file, self._mark.advance(self._now_ms), report)
        await self._write(file, self._mark.close(self._end_ms), report)
        await self._aside(file.close)
        await self._finish(record, self._end_ms)

    async def _finish(self, record: CallRecord, end_ms: int) -> None:
        """The file is whole: a store that cannot write makes its length known late, and fails nothing."""
        while True:
            try:
                return await self._files.finish(record, end_ms)
            except Overloaded:
                await self._pause(STORE_PAUSE_S)

    async def _write(self, file: OggOpusFile, spans: Sequence[RecordedSpan], report: Report) -> None:
        for span in _pieces(spans):
            if span.what == "sound" and span.start_ms < self._now_ms - FORGOTTEN_MS:
                span = RecordedSpan(span.start_ms, span.end_ms, "overdue")  # judged in time; the disk was not
            sound = self._sound(span) if span.what == "sound" else ()
            await self._aside(file.write, span, sound)
            self._recorded(span)
            self._tell_silence(span, report)
            while self._kept and self._kept[0].end_ms <= span.end_ms:
                self._kept.popleft()

    def _tell_silence(self, span: RecordedSpan, report: Report) -> None:
        """Once where a stretch of overdue silence begins, and once where it has ended."""
        if span.what == "overdue" and self._silent_from is None:
            self._silent_from = span.start_ms
            report("recording.silenced", span.start_ms, {})
        elif span.what != "overdue" and self._silent_from is not None:
            report("recording.silenced", self._silent_from, {"until_ms": span.start_ms})
            self._silent_from = None

    async def _aside(self, what: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, what, *given)

    # ─── sound ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _keep(self) -> None:
        """Copies what the session will soon forget and is not written yet."""
        at_ms = max(self._mark.at_ms, self._kept[-1].end_ms if self._kept else 0)
        while at_ms + STEP_MS <= self._now_ms - SESSION_KEEPS_MS:
            end_ms = at_ms + STEP_MS
            sound = {stream: self._session.audio(stream, at_ms, end_ms) for stream in self._streams}
            self._kept.append(_Kept(at_ms, end_ms, sound))
            at_ms = end_ms
        while self._kept and self._kept[0].end_ms <= self._now_ms - FORGOTTEN_MS:
            self._kept.popleft()

    def _sound(self, span: RecordedSpan) -> list[Pcm16]:
        """The span by channel."""
        mixed = np.zeros((self._channels, (span.end_ms - span.start_ms) * 16), np.int32)
        for stream in self._streams:
            sound = self._stream(stream, span.start_ms, span.end_ms)
            for channel in self._channels_of(stream):
                mixed[channel] += sound
        return list(np.clip(mixed, -32768, 32767).astype(np.int16))

    def _stream(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        parts: list[Pcm16] = []
        for kept in self._kept:
            if kept.end_ms > start_ms and kept.start_ms < end_ms:
                until_ms = min(end_ms, kept.end_ms)
                sound = kept.sound.get(stream, np.zeros((kept.end_ms - kept.start_ms) * 16, np.int16))
                parts.append(sound[(start_ms - kept.start_ms) * 16 : (until_ms - kept.start_ms) * 16])
                start_ms = until_ms
        parts.append(self._session.audio(stream, start_ms, end_ms))
        return np.concatenate(parts)

    def _channels_of(self, stream: str) -> Sequence[int]:
        """Where a stream is heard, by who speaks on it as is known now; nobody is lost for being unknown."""
        leg = self._roster.leg(stream)
        if self._channels == 1:
            return (0,)
        if leg in _CHANNEL:
            return (_CHANNEL[leg],)
        if leg == "mixed":
            return (0, 1)
        taken = {_CHANNEL[other] for one in self._streams if (other := self._roster.leg(one)) in _CHANNEL}
        free = [channel for channel in (0, 1) if channel not in taken] or [0, 1]
        unknown = [one for one in self._streams if self._roster.leg(one) == "unknown"]
        return (free[unknown.index(stream) % len(free)],)


def _begun(sink: ByteSink, channels: int) -> OggOpusFile:
    """Blocking. A sink that does not take the first page is let go of."""
    try:
        return OggOpusFile(sink, channels)
    except BaseException:
        sink.abandon()
        raise


def _pieces(spans: Iterable[RecordedSpan]) -> Iterator[RecordedSpan]:
    for span in spans:
        for start_ms in range(span.start_ms, span.end_ms, PIECE_MS):
            yield RecordedSpan(start_ms, min(start_ms + PIECE_MS, span.end_ms), span.what)
