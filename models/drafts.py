"""What partials last heard of each segment that is not over."""

from collections import OrderedDict

import msgspec

from engine.ports.hearing import Heard, ListenJob

_STREAMS = 2048
FORGET_S = 20.0
"""Words that nothing came after for so long go: the segment was over when they were heard."""


class _Draft(msgspec.Struct, frozen=True):
    segment: int
    words: str
    until: float


class Drafts:
    """The newest words of each stream: until its segment's final, or the call's end. A segment is heard again and again
    as it grows, and nearly always begins as it did. Time is an argument, in seconds."""

    def __init__(self) -> None:
        self._drafts: OrderedDict[tuple[str, str], _Draft] = OrderedDict()
        """The ones that are kept longest last."""

    def of(self, job: ListenJob) -> str:
        """Words of the job's segment; empty where none were heard yet."""
        draft = self._drafts.get((job.call_id, job.stream))
        return draft.words if draft is not None and draft.segment == job.segment else ""

    def heard(self, job: ListenJob, heard: Heard, now: float) -> None:
        """`forget_old` is due `FORGET_S` later."""
        self.forget_old(now)
        stream = (job.call_id, job.stream)
        before = self._drafts.get(stream)
        if heard.shed or (before is not None and before.segment > job.segment):
            return
        if job.kind == "final":  # what is heard of the segment from now on comes late
            self._drafts[stream] = _Draft(job.segment + 1, "", now + FORGET_S)
        elif job.kind == "partial":
            self._drafts[stream] = _Draft(job.segment, heard.text, now + FORGET_S)
        else:
            return
        self._drafts.move_to_end(stream)
        if len(self._drafts) > _STREAMS:
            self._drafts.popitem(last=False)

    def forget_old(self, now: float) -> None:
        while self._drafts and next(iter(self._drafts.values())).until <= now:
            self._drafts.popitem(last=False)

    def forget(self, call_id: str) -> None:
        """The call is over."""
        for stream in [stream for stream in self._drafts if stream[0] == call_id]:
            del self._drafts[stream]
