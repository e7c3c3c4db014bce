"""What was last heard of each segment that is not over."""

from collections import OrderedDict

from engine.ports.hearing import Heard, ListenJob

_STREAMS = 2048


class Drafts:
    """The newest words of each stream: until its segment's final, or the call's end. A segment is heard again and again
    as it grows, and nearly always begins as it did."""

    def __init__(self) -> None:
        self._words: OrderedDict[tuple[str, str], tuple[int, str]] = OrderedDict()

    def of(self, job: ListenJob) -> str:
        """Words of the job's segment; empty where none were heard yet."""
        segment, words = self._words.get((job.call_id, job.stream), (job.segment, ""))
        return words if segment == job.segment else ""

    def heard(self, job: ListenJob, heard: Heard) -> None:
        stream = (job.call_id, job.stream)
        segment, _ = self._words.get(stream, (job.segment, ""))
        if heard.shed or segment > job.segment:
            return
        if job.kind == "final":
            self._words.pop(stream, None)
            return
        self._words[stream] = (job.segment, heard.text)
        self._words.move_to_end(stream)
        if len(self._words) > _STREAMS:
            self._words.popitem(last=False)

    def forget(self, call_id: str) -> None:
        """The call is over."""
        for stream in [stream for stream in self._words if stream[0] == call_id]:
            del self._words[stream]
