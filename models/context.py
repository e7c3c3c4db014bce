"""What a stream said just before: Whisper hears a short segment far better after the one that it follows."""

import asyncio
from collections import OrderedDict

import msgspec
import numpy as np

from engine.facts import Pcm16
from engine.ports import Heard, ListenJob
from models.decoding import RATE_HZ

_GAP = np.zeros(RATE_HZ * 2 // 5, np.int16)
"""Stands for the pause between the two, however long it was."""
_LONGEST_S = 9.0
"""Of both segments together: with its padding a window of 13 s, which costs a third more than the least one."""
_LEAST_CONFIDENCE = 0.5
"""Words that are themselves in doubt would mislead."""
_STREAMS = 1024
_FORGET_S = 600.0


class Said(msgspec.Struct, frozen=True):
    """The segment last heard on a stream."""

    segment: int
    job: int
    pcm: Pcm16
    text: str
    at: float


class Contexts:
    """The last segment of each stream, kept ten minutes at most. Time is an argument, in seconds.

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
        """Remember a segment's sound and words; of one segment, what was asked last."""
        stream = (job.call_id, job.stream)
        asked = self._asked.get(stream, {})
        asked.pop(job.job, None)
        if not asked:
            self._asked.pop(stream, None)
        before = self._said.get(stream)
        if heard.shed or (before is not None and (before.segment, before.job) > (job.segment, job.job)):
            return
        text = heard.text if heard.confidence >= _LEAST_CONFIDENCE else ""
        self._said[stream] = Said(job.segment, job.job, pcm, text, now)
        self._said.move_to_end(stream)
        while len(self._said) > _STREAMS or now - next(iter(self._said.values())).at > _FORGET_S:
            self._said.popitem(last=False)


def fits(context: Pcm16, pcm: Pcm16) -> bool:
    """Whether both may share a window."""
    return len(context) - len(_GAP) + len(pcm) <= _LONGEST_S * RATE_HZ
