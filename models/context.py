"""What was said just before, by whom ever: Whisper hears a short segment far better after those that it follows."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

import msgspec
import numpy as np

from engine.facts import Pcm16
from engine.ports.hearing import Heard, HeardWord, ListenJob
from models.decoding import PAUSE_S, RATE_HZ
from models.languages import likeliest
from models.privacy.numbers import lex

_GAP = np.zeros(int(PAUSE_S * RATE_HZ), np.int16)
LONGEST_S = {"pt": 16.0}
OTHERWISE_LONGEST_S = 11.0
"""Of a segment and all that it is heard after, gaps between them included, by language. Of 600 words read aloud
Portuguese, which base knows least, gained 8 by 14 s instead of 11 and Spanish 3, for a sixth of the cost; English none
of 1,400 spoken by people. So Portuguese keeps the 16 s that all had."""
_LEAST_END = int(1.5 * RATE_HZ)
"""Samples of a segment that are worth the orientation."""
LONGEST_OF_NUMBER_S = 9.0
"""The same of a number that is read aloud: digits owe little to the talk before them, and every word of it is gone
through."""
_LEAST_CONFIDENCE = 0.5
"""Words that are themselves in doubt would mislead."""
_MOST = int(max(OTHERWISE_LONGEST_S, *LONGEST_S.values()) * RATE_HZ)
"""Samples that any window takes."""
_CALLS = 1024
_FORGET_S = 600.0
FORGET_NUMBER_S = 20.0
"""A segment in which a number was read orients the ones right after it, and is not kept for longer than a reader's
pause."""


def longest_s(language: str) -> float:
    """See `LONGEST_S`."""
    return LONGEST_S.get(language, OTHERWISE_LONGEST_S)


class Said(msgspec.Struct, frozen=True):
    """A segment that was heard."""

    job: int
    pcm: Pcm16
    text: str
    """Empty: what was said is not clear enough to orient by."""
    language: str
    until: float
    """When it is forgotten at the latest."""
    words: tuple[HeardWord, ...] = ()

    def end(self, samples: int) -> "tuple[Pcm16, str] | None":
        """Its last words, as many as fit with their sound; None when that is hardly anything."""
        before_ms = 0
        for word in self.words:
            first = RATE_HZ * (before_ms + word.start_ms) // 2000
            if len(self.pcm) - first <= samples:
                return (self.pcm[first:], self.text[word.start :]) if len(self.pcm) - first >= _LEAST_END else None
            before_ms = word.end_ms
        return None


class Contexts:
    """The last seconds of each call: until its end, ten minutes at most, and far shorter where a number was read. Time
    is an argument, in seconds.

    What is used depends on the sound alone: the segments that a job names (`after`), back to the first that is not
    clear, is in another language, or does not fit any more. So that it does, a segment waits for the words of those
    before it (`before`).
    """

    def __init__(self) -> None:
        self._said: OrderedDict[str, OrderedDict[tuple[str, int], Said]] = OrderedDict()
        self._asked: dict[str, dict[int, tuple[str, int, asyncio.Future[Heard]]]] = {}

    def before(self, job: ListenJob) -> list[asyncio.Future[Heard]]:
        """Answers still to come for what the job is heard after, and for earlier segments of its stream."""
        asked = self._asked.get(job.call_id, {}).values()
        return [
            answer
            for stream, segment, answer in asked
            if (stream, segment) in job.after or (stream == job.stream and segment < job.segment)
        ]

    def ask(self, job: ListenJob, answer: asyncio.Future[Heard]) -> None:
        self._asked.setdefault(job.call_id, {})[job.job] = (job.stream, job.segment, answer)

    def of(self, job: ListenJob, samples: int) -> tuple[Pcm16, str] | None:
        """Sound and words to put before the job's window of so many samples, gaps included; None: it is heard alone."""
        said: Mapping[tuple[str, int], Said] = self._said.get(job.call_id, {})
        language = likeliest(job.belief) if job.belief else job.language
        room = int((LONGEST_OF_NUMBER_S if job.capture else longest_s(language)) * RATE_HZ) - samples
        before: list[tuple[Pcm16, str]] = []
        for segment in job.after:
            one = said.get(segment)
            if one is None or not one.text or (language and one.language != language):
                break
            whole = len(one.pcm) <= room
            if (part := (one.pcm, one.text) if whole else one.end(room)) is not None:
                before.append(part)
            if not whole:
                break
            room -= len(one.pcm) + len(_GAP)
        if not before:
            return None
        before.reverse()
        sound = [part for pcm, _ in before for part in (pcm, _GAP)]
        return np.concatenate(sound), " ".join(text for _, text in before)

    def answered(self, job: ListenJob, pcm: Pcm16, heard: Heard, now: float) -> None:
        """Remember a segment's sound and words; of one segment, what was asked last. `forget_old` is due
        `FORGET_NUMBER_S` later."""
        asked = self._asked.get(job.call_id, {})
        asked.pop(job.job, None)
        if not asked:
            self._asked.pop(job.call_id, None)
        said = self._said.get(job.call_id, OrderedDict())
        segment = (job.stream, job.segment)
        before = said.get(segment)
        if heard.shed or (before is not None and before.job > job.job):
            return
        clear = heard.confidence >= _LEAST_CONFIDENCE and not job.suspect
        foreign = bool(heard.belief) and heard.language != likeliest(heard.belief)
        text = heard.text if clear and not foreign else ""
        private = job.capture or _holds_a_number(heard)
        said[segment] = Said(
            job.job, pcm, text, heard.language, now + (FORGET_NUMBER_S if private else _FORGET_S), heard.words
        )
        said.move_to_end(segment)
        _let_go(said)
        self._said[job.call_id] = said
        self._said.move_to_end(job.call_id)
        while len(self._said) > _CALLS:
            self._said.popitem(last=False)
        self.forget_old(now)

    def forget_old(self, now: float) -> None:
        """What has been kept for long enough goes."""
        for call_id, said in list(self._said.items()):
            for segment in [segment for segment, one in said.items() if one.until <= now]:
                del said[segment]
            if not said:
                del self._said[call_id]

    def forget(self, call_id: str) -> None:
        """The call is over: nothing said in it stays."""
        self._said.pop(call_id, None)


def _let_go(said: OrderedDict[tuple[str, int], Said]) -> None:
    """The oldest, as long as the others alone are more than any window takes."""
    samples = sum(len(one.pcm) for one in said.values())
    while samples - len(oldest := next(iter(said.values())).pcm) >= _MOST:
        samples -= len(oldest)
        said.popitem(last=False)


def _holds_a_number(heard: Heard) -> bool:
    """Two digits or more, also of a number that nobody had asked for."""
    return any(len(run.digits) >= 2 for run in lex(heard.text, heard.language).runs)
