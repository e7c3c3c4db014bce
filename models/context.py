"""What a stream said just before: Whisper hears a short segment far better after the one that it follows."""

import asyncio
from collections import OrderedDict

import msgspec
import numpy as np

from engine.facts import Pcm16
from engine.ports import Heard, ListenJob
from models.decoding import RATE_HZ
from models.languages import likeliest
from models.privacy.numbers import lex

_GAP = np.zeros(RATE_HZ * 2 // 5, np.int16)
"""Stands for the pause between the two, however long it was."""
_LONGEST_S = 9.0
"""Of both segments together: with its padding a window of 13 s, which costs a third more than the least one."""
_LEAST_CONFIDENCE = 0.5
"""Words that are themselves in doubt would mislead."""
_STREAMS = 1024
_FORGET_S = 600.0
FORGET_NUMBER_S = 20.0
"""A segment in which a number was read orients the one right after it, and is not kept for longer than a reader's
pause."""


class Said(msgspec.Struct, frozen=True):
    """The segment last heard on a stream."""

    segment: int
    job: int
    pcm: Pcm16
    text: str
    until: float
    """When it is forgotten at the latest."""


class Contexts:
    """The last segment of each stream: until the call's end, ten minutes at most, and far shorter where a number was
    read. Time is an argument, in seconds.

    What is used depends on the sound alone: the segment before, if it is short enough and was clearly heard. So that
    it does, a segment waits for the words of the one before (`before`).
    """

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[str, str], Said] = OrderedDict()
        self._asked: dict[tuple[str, str], dict[int, tuple[int, asyncio.Future[Heard]]]] = {}

    def before(self, job: ListenJob) -> list[asyncio.Future[Heard]]:
        """Answers still to come for earlier segments of the job's stream."""
        asked = self._asked.get((job.call_id, job.stream), {})
        return [answer for segment, answer in asked.values() if segment < job.segment]

    def ask(self, job: ListenJob, answer: asyncio.Future[Heard]) -> None:
        self._asked.setdefault((job.call_id, job.stream), {})[job.job] = (job.segment, answer)

    def of(self, job: ListenJob) -> tuple[Pcm16, str] | None:
        """Sound and words to put before the window of `job`, gap included."""
        said = self._said.get((job.call_id, job.stream))
        if said is None or said.segment != job.segment - 1 or not said.text:
            return None
        return np.concatenate([said.pcm, _GAP]), said.text

    def answered(self, job: ListenJob, pcm: Pcm16, heard: Heard, now: float) -> None:
        """Remember a segment's sound and words; of one segment, what was asked last. `forget_old` is due
        `FORGET_NUMBER_S` later."""
        stream = (job.call_id, job.stream)
        asked = self._asked.get(stream, {})
        asked.pop(job.job, None)
        if not asked:
            self._asked.pop(stream, None)
        before = self._said.get(stream)
        if heard.shed or (before is not None and (before.segment, before.job) > (job.segment, job.job)):
            return
        clear = heard.confidence >= _LEAST_CONFIDENCE and not job.suspect
        foreign = bool(heard.belief) and heard.language != likeliest(heard.belief)
        text = heard.text if clear and not foreign else ""
        private = job.capture or _holds_a_number(heard)
        until = now + (FORGET_NUMBER_S if private else _FORGET_S)
        self._said[stream] = Said(job.segment, job.job, pcm, text, until)
        self._said.move_to_end(stream)
        while len(self._said) > _STREAMS:
            self._said.popitem(last=False)
        self.forget_old(now)

    def forget_old(self, now: float) -> None:
        """What has been kept for long enough goes."""
        for stream in [stream for stream, said in self._said.items() if said.until <= now]:
            del self._said[stream]

    def forget(self, call_id: str) -> None:
        """The call is over: nothing said in it stays."""
        for stream in [stream for stream in self._said if stream[0] == call_id]:
            del self._said[stream]


def fits(context: Pcm16, pcm: Pcm16) -> bool:
    """Whether both may share a window."""
    return len(context) - len(_GAP) + len(pcm) <= _LONGEST_S * RATE_HZ


def _holds_a_number(heard: Heard) -> bool:
    """Two digits or more, also of a number that nobody had asked for."""
    return any(len(run.digits) >= 2 for run in lex(heard.text, heard.language).runs)
