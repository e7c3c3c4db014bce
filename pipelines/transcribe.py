"""From where speech lies to the words in it: partials while it lasts, a speculation when it seems to end, a final
after.

A lane a stream holds the segment that is open. Load decides whether partials and speculations run; it does not decide
what a final says, since a speculation is taken for the final only when it heard the very same window. But a final is
heard as a card's number is (`capture`) only where what shows that one is read has been committed.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import structlog

from engine.errors import EarsClosed
from engine.facts import SpeechSegment
from engine.ports.hearing import Ears, Heard, ListenJob, ListenKind
from engine.ports.intake import IngestSession
from engine.tracing import NO_TRACES, Tracing
from media.sounds import is_tone
from pipelines.dialogue import Dialogue
from pipelines.lane import Drafted, Finished, Lane

log = structlog.get_logger(__name__)

T = TypeVar("T")

TAIL_MS = 200
"""Sound kept behind the last voiced frame: word endings are quieter than the VAD's threshold."""
DUE_S: dict[ListenKind, float] = {"final": 0.45, "speculation": 0.4, "partial": 0.8}
"""Deadlines from the moment of asking."""
FIRST_DUE_S = 0.4
"""The same of a segment's first partial: it waits behind fewer, for nothing is shown yet."""
FIRST_PARTIAL_MS = 500
"""No partial of less speech than this: it would be revised."""
CADENCE_MS = ((0.5, 760), (0.0, 500))
"""From which load of `ears` on (share of busy workers) so much media time lies between a lane's partials at least: each
hears the whole segment anew, and more often shows more words that are taken back. Under more load than they are run
for, `ears` runs the newest of each stream by turns."""
UNSHOWN_CADENCE_MS = 250
"""The same while nothing of a segment is shown yet, however high the load: short sound is heard for little."""
SURE = 0.95
"""The VAD's probability that clear speech reaches somewhere: each of 670 segments on clean telephone lines did (0.98 at
the least), and all but 4 of 170 under noise of 10 dB; hold music that it takes for speech stayed below 0.9."""
WHOLE_CONFIDENCE = 0.6
"""A sentence that is heard less surely may not be over: its pause is waited for as long as any."""
OVERDUE = "overdue"
"""Why a window, or its beginning, was not heard: the call was so far behind that its sound was no longer kept."""
FAILED = "failed"
"""…: it could not be decoded, or ended `ears` as often as it is tried."""
_NOT_AGAIN = ("", OVERDUE, FAILED)
"""How a speculation may come back that is a final's words, or all that there will be: what it heard is not asked for
once more."""
_STOPS = (".", "?", "!")
_TRAILS_OFF = ("..", "…")

_jobs = itertools.count(1)


class Transcriber:
    """Turns the segments of one call into words.

    Its tasks belong to the call's own `group`; `draft` is called for every partial worth showing; `capturing` says
    whether a card's number is being read just now, `reading` whether any is, or letters, `may_break_off` whether a
    draft's last word may be half a digit.
    """

    def __init__(
        self,
        session: IngestSession,
        ears: Ears,
        *,
        language: str,
        drafts: bool,
        group: asyncio.TaskGroup,
        draft: Callable[[Drafted], None],
        capturing: Callable[[], bool],
        reading: Callable[[], bool],
        may_break_off: Callable[[str], bool],
        prompt: str = "",
        tracing: Tracing = NO_TRACES,
    ) -> None:
        self._session = session
        self._ears = ears
        self._language = language
        self._drafts = drafts
        self._group = group
        self._draft = draft
        self._capturing = capturing
        self._reading = reading
        self._may_break_off = may_break_off
        self._prompt = prompt
        self._tracing = tracing
        self._lanes: dict[str, Lane] = {}
        self._dialogue = Dialogue()

    def open_since_ms(self) -> int | None:
        """Start of the oldest segment that has not ended: what is being said is not judged yet from here on."""
        return min((lane.start_ms for lane in self._lanes.values() if lane.open), default=None)

    def hear(self, segment: SpeechSegment) -> asyncio.Task[Finished] | None:
        """Takes one state of a segment. Gives a task for its final when it has ended."""
        lane = self._lanes.get(segment.stream)
        if lane is None or lane.segment != segment.segment:
            lane = self._lanes[segment.stream] = Lane(segment.segment, segment.start_ms)
        lane.end_ms = segment.end_ms
        if segment.state == "ended":
            return self._finish(lane, segment)
        if not self._drafts:
            return None
        if segment.state == "paused":
            self._speculate(lane, segment)
        elif segment.state == "resumed":
            self._take_back(lane)
        elif segment.state == "continues":
            self._partial(lane, segment)
        return None

    # ─── partials ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _partial(self, lane: Lane, segment: SpeechSegment) -> None:
        headroom = self._ears.headroom()
        wanted = headroom.partials or (headroom.up and self._capturing())
        if segment.end_ms - lane.start_ms < FIRST_PARTIAL_MS or segment.voice < SURE or not wanted:
            return
        every_ms = cadence_ms(headroom.load) if lane.revision else UNSHOWN_CADENCE_MS
        if lane.partial_end_ms and segment.end_ms - lane.partial_end_ms < every_ms:
            return
        lane.partial_end_ms = segment.end_ms
        job = self._job(lane, segment, "partial", prefix=lane.agreement.stable)
        lane.partial_job = job.job
        self._group.create_task(_unharmed(self._show_partial(lane, segment, job), None))

    async def _show_partial(self, lane: Lane, segment: SpeechSegment, job: ListenJob) -> None:
        """Of two that are on their way `ears` runs one after the other, or the newer alone. A speculation may be done
        before one that hears less."""
        heard = await self._listen(job, segment.stream, lane.start_ms, segment.end_ms)
        if not lane.open or heard.shed or lane.shown_end_ms > segment.end_ms:
            return
        if heard.text not in ("", job.prefix):  # else it has nothing new
            self._show(lane, segment, heard, segment.end_ms)

    def _show(self, lane: Lane, segment: SpeechSegment, heard: Heard, end_ms: int) -> None:
        """Words that were heard up to there."""
        text, stable = lane.offer(heard, segment, () if self._may_break_off(heard.text) else heard.chances)
        if not text:
            return
        lane.revision += 1
        lane.shown_end_ms = end_ms
        self._draft(
            Drafted(
                stream=segment.stream,
                segment=lane.segment,
                revision=lane.revision,
                start_ms=lane.start_ms,
                end_ms=segment.end_ms,
                text=text,
                stable=stable,
                language=heard.language,
                ears_ms=heard.queued_ms + heard.run_ms,
            )
        )

    # ─── speculation ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _speculate(self, lane: Lane, segment: SpeechSegment) -> None:
        self._take_back(lane)
        if self._reading():
            self._session.weigh_pause(segment.stream, lane.segment, segment.end_ms, "reading")
        if segment.voice < SURE:
            return  # it may yet be music; a final tells
        job = self._job(lane, segment, "speculation")
        end_ms = segment.end_ms + TAIL_MS
        lane.speculation_job, lane.speculation_end_ms = job.job, segment.end_ms

        def draft(heard: Heard) -> None:
            if lane.speculation is not None and lane.speculation_job == job.job:
                self._show(lane, segment, heard, end_ms)

        listening = self._listen(job, segment.stream, lane.start_ms, end_ms, draft)
        lane.speculation = self._group.create_task(_unharmed(listening, None))

        def show(task: asyncio.Task[Heard | None]) -> None:
            if not task.cancelled() and task.exception() is None and lane.open:
                heard = task.result()
                if heard is not None and not heard.shed and heard.text:
                    self._show(lane, segment, heard, end_ms)
                    if task is lane.speculation and is_whole(heard) and not self._reading():
                        self._session.weigh_pause(segment.stream, lane.segment, segment.end_ms, "whole")

        lane.speculation.add_done_callback(show)

    def _take_back(self, lane: Lane) -> None:
        if lane.speculation is not None:
            self._ears.cancel(lane.speculation_job)
            lane.speculation = None

    # ─── finals ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _finish(self, lane: Lane, segment: SpeechSegment) -> asyncio.Task[Finished]:
        lane.open = False
        self._dialogue.ended(segment)
        if lane.partial_job:
            self._ears.cancel(lane.partial_job)
        speculation = lane.speculation if lane.speculation_end_ms == segment.end_ms and not segment.cut else None
        if speculation is None:
            self._take_back(lane)
        else:
            self._ears.promote(lane.speculation_job, time.monotonic() + DUE_S["final"])
        otherwise = self._finished(lane, segment, self._failed(self._job(lane, segment, "final")), time.monotonic())
        return self._group.create_task(_unharmed(self._final(lane, segment, speculation), otherwise))

    async def _final(
        self, lane: Lane, segment: SpeechSegment, speculation: "asyncio.Task[Heard | None] | None"
    ) -> Finished:
        # The speculation heard the same window, and is a final itself from now on; one that was shed is asked again,
        # unless there is no more to hear, or it may be what ends `ears`.
        asked = time.monotonic()
        heard = await speculation if speculation is not None else None
        if heard is None or heard.shed not in _NOT_AGAIN:
            heard = await self._hear_whole(lane, segment)
        return self._finished(lane, segment, heard, asked)

    def _finished(self, lane: Lane, segment: SpeechSegment, heard: Heard, asked: float) -> Finished:
        return Finished(
            stream=segment.stream,
            segment=segment.segment,
            start_ms=lane.start_ms,
            end_ms=segment.end_ms,
            heard=heard,
            heard_at=self._session.monotonic_ms(segment.stream, segment.end_ms),
            waited_ms=(time.monotonic() - asked) * 1000,
        )

    async def _hear_whole(self, lane: Lane, segment: SpeechSegment) -> Heard:
        job = self._job(lane, segment, "final")
        end_ms = segment.end_ms + (0 if segment.cut else TAIL_MS)
        # every second sample: of a telephone line's sound those that came
        if job.suspect and is_tone(self._session.audio(segment.stream, lane.start_ms, segment.end_ms)[::2]):
            return Heard(job=job.job, text="", language=self._language)

        def draft(heard: Heard) -> None:
            if self._drafts:
                self._show(lane, segment, heard, end_ms)

        return await self._listen(job, segment.stream, lane.start_ms, end_ms, draft)

    def _failed(self, job: ListenJob) -> Heard:
        return Heard(job=job.job, text="", language=self._language, shed=FAILED)

    def _job(self, lane: Lane, segment: SpeechSegment, kind: ListenKind, prefix: str = "") -> ListenJob:
        return ListenJob(
            job=next(_jobs),
            call_id=self._session.offer.call_id,
            stream=segment.stream,
            segment=lane.segment,
            kind=kind,
            due=time.monotonic() + (FIRST_DUE_S if kind == "partial" and not lane.revision else DUE_S[kind]),
            language=lane.language if prefix else self._language,
            after=self._dialogue.before(segment) if kind != "partial" else (),
            suspect=segment.voice < SURE,
            gain=segment.gain,
            prefix=prefix,
            prompt=self._prompt if kind != "partial" else "",
            capture=self._capturing(),
        )

    async def _listen(
        self, job: ListenJob, stream: str, start_ms: int, end_ms: int, draft: Callable[[Heard], None] = lambda _: None
    ) -> Heard:
        audio_ms = end_ms - start_ms
        kept_ms = self._session.kept_from_ms(stream)
        if kept_ms >= end_ms:
            return Heard(job=job.job, text="", language=self._language, shed=OVERDUE)
        with self._tracing.span(
            "transcribe", stream=stream, segment=job.segment, kind=job.kind, audio_ms=audio_ms
        ) as span:
            heard = await self._ears.listen(job, self._session.audio(stream, start_ms, end_ms), draft)
            if kept_ms > start_ms and not heard.shed:
                heard = msgspec.structs.replace(heard, shed=OVERDUE)
            span.note(queued_ms=heard.queued_ms, run_ms=heard.run_ms, shed=heard.shed)
            return heard


async def _unharmed(hearing: Coroutine[Any, Any, T], otherwise: T) -> T:
    """A fault costs what it is about, and never the call."""
    try:
        return await hearing
    except EarsClosed:
        raise
    except Exception:
        log.exception("hearing.fault")
        return otherwise


def is_whole(heard: Heard) -> bool:
    """Whether a speaker who pauses here has likely said what he wanted: a sentence is over, and heard for sure."""
    ends = heard.text.endswith(_STOPS) and not heard.text.endswith(_TRAILS_OFF)
    return ends and heard.confidence >= WHOLE_CONFIDENCE


def cadence_ms(load: float) -> int:
    """Media time between two partials of a lane."""
    return next(every_ms for least, every_ms in CADENCE_MS if load >= least)
