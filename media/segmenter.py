"""Where speech begins, pauses and ends on one stream: probabilities per frame in, states of segments out."""

from collections import deque
from typing import Literal

import msgspec

from engine.facts import SpeechSegment
from engine.ports.intake import Pause

_State = Literal["started", "continues", "paused", "resumed"]


class Endpointing(msgspec.Struct, frozen=True):
    """The knobs of latency against patience; all in ms of media time, probabilities by Silero's scale."""

    begin_probability: float = 0.5
    keep_probability: float = 0.35
    """Within a segment a frame is voiced from here on: voices fall off softly."""
    begin_ms: int = 64
    """So much voice in a row begins a segment; a click does not."""
    faint_probability: float = 0.15
    """Too little to begin a segment; but once one begins, such frames just before it belong to it: the VAD warms up
    over a voice's first word."""
    faint_hole_ms: int = 160
    """Faint frames further apart than this are not of one word."""
    look_back_ms: int = 1000
    """How far back faint frames are taken in."""
    pre_roll_ms: int = 180
    """A segment starts so long before its first voiced frame, for the soft consonant that no VAD hears."""
    lull_ms: int = 96
    """Silence until one more `continues`: the words so far are worth a draft, whether or not this is the end."""
    soft_ms: int = 192
    """Silence until `paused`: a speculative final may start."""
    settled_ms: int = 400
    """Silence until `ended` once its words are known to be whole (`Segmenter.weigh_pause`)."""
    hard_ms: int = 480
    """Silence until `ended` otherwise."""
    reading_ms: int = 800
    """The same while a number is read or spelt, which people do in groups: the pause between two is no end."""
    continues_ms: int = 120
    """Media time between two `continues`, in whole frames of the VAD: who drafts decides which of them to hear."""
    long_ms: int = 7000
    """From this length on a pause of `cut_pause_ms` cuts, once the speaker goes on after it."""
    cut_pause_ms: int = 160
    longest_ms: int = 10_000
    """At this length the segment is cut at the least voiced point of its last `dip_ms`."""
    dip_ms: int = 1500

    def patience_ms(self, pause: Pause | None) -> int:
        """How much silence ends a segment."""
        return self.settled_ms if pause == "whole" else self.reading_ms if pause == "reading" else self.hard_ms


class _Frame(msgspec.Struct, frozen=True, gc=False):
    start_ms: float
    end_ms: float
    probability: float
    gain: float


class Segmenter:
    """One stream's state machine. Pure: frames must come in order and without holes; nothing else is time.

    A segment's states are `started (continues | paused resumed)* paused? ended`, and its numbers count from
    `first`. Segments are ordered and disjoint. After `ended` with `cut` the next segment starts where it ended, to the
    millisecond.
    """

    def __init__(self, stream: str, endpointing: Endpointing | None = None, *, first: int = 0) -> None:
        self._stream = stream
        self._rules = endpointing or Endpointing()
        self._segment = first - 1
        self._open = False
        self._paused = False
        self._start_ms = 0.0
        self._voiced_ms = 0.0
        """End of the last voiced frame."""
        self._voice = 0.0
        """Highest probability within the segment."""
        self._gain = 1.0
        """Least gain of a voiced frame since it was told of."""
        self._told_ms = 0.0
        self._lulled = False
        """The present silence has been told of."""
        self._pause: Pause | None = None
        """What the present silence is known to be."""
        self._run_start_ms: float | None = None
        """Outside a segment: where the voice began that may become one."""
        self._floor_ms = 0.0
        """Nothing before it belongs to the next segment."""
        self._recent: deque[_Frame] = deque()

    @property
    def quiet(self) -> bool:
        """No segment is open and none is about to begin."""
        return not self._open and self._run_start_ms is None

    @property
    def begun(self) -> bool:
        """A segment is open, was, or is about to begin."""
        return self._segment >= 0 or self._run_start_ms is not None

    def pull(self, by_ms: float) -> None:
        """All frames so far lay so much earlier than was thought. Only before a segment has begun."""
        self._recent = deque(
            _Frame(frame.start_ms - by_ms, frame.end_ms - by_ms, frame.probability, frame.gain)
            for frame in self._recent
        )

    def push(self, probability: float, start_ms: float, duration_ms: float, gain: float = 1.0) -> list[SpeechSegment]:
        """`gain` is what the frame was multiplied with to be judged."""
        frame = _Frame(start_ms, start_ms + duration_ms, probability, gain)
        return self._within(frame) if self._open else self._between(frame)

    def weigh_pause(self, segment: int, end_ms: int, pause: Pause) -> None:
        """What the segment's pause at `end_ms` is: the next frame may end it, unless the speaker has gone on."""
        if self._paused and segment == self._segment and end_ms == round(self._voiced_ms):
            self._pause = pause

    def flush(self) -> list[SpeechSegment]:
        """The stream is over: ends what is open."""
        self._run_start_ms = None
        return [self._end()] if self._open else []

    def _between(self, frame: _Frame) -> list[SpeechSegment]:
        self._remember(frame)
        begun = self._run_start_ms is not None
        if frame.probability < (self._rules.keep_probability if begun else self._rules.begin_probability):
            self._run_start_ms = None
            return []
        if self._run_start_ms is None:
            self._run_start_ms = frame.start_ms
        if frame.end_ms - self._run_start_ms < self._rules.begin_ms:
            return []
        self._voiced_ms = frame.end_ms
        start_ms = max(self._floor_ms, self._faint_start(self._run_start_ms) - self._rules.pre_roll_ms)
        self._run_start_ms = None
        return [self._begin(start_ms, frame)]

    def _faint_start(self, start_ms: float) -> float:
        """Where the first word began, going back from where voice was certain."""
        earliest_ms = start_ms - self._rules.look_back_ms
        for frame in reversed(self._recent):
            if start_ms - frame.end_ms > self._rules.faint_hole_ms or frame.start_ms < earliest_ms:
                break
            if frame.probability >= self._rules.faint_probability:
                start_ms = min(start_ms, frame.start_ms)
        return start_ms

    def _within(self, frame: _Frame) -> list[SpeechSegment]:
        self._remember(frame)
        self._voice = max(self._voice, frame.probability)
        if frame.probability < self._rules.keep_probability:
            return self._silent(frame)
        pause_ms = frame.start_ms - self._voiced_ms
        if pause_ms >= self._rules.cut_pause_ms and self._voiced_ms - self._start_ms >= self._rules.long_ms:
            return self._cut(self._voiced_ms, frame)
        if frame.end_ms - self._start_ms > self._rules.longest_ms:
            return self._cut(self._dip(), frame)
        self._voiced_ms = frame.end_ms
        self._gain = min(self._gain, frame.gain)
        self._lulled = False
        if self._paused:
            self._paused, self._pause = False, None
            return [self._say("resumed", frame.end_ms)]
        if frame.end_ms - self._told_ms >= self._rules.continues_ms:
            return [self._say("continues", frame.end_ms)]
        return []

    def _silent(self, frame: _Frame) -> list[SpeechSegment]:
        silence_ms = frame.end_ms - self._voiced_ms
        if silence_ms >= self._rules.patience_ms(self._pause):
            return [self._end()]
        if silence_ms >= self._rules.soft_ms and not self._paused:
            self._paused = True
            return [self._say("paused", frame.end_ms)]
        if silence_ms >= self._rules.lull_ms and not self._lulled and not self._paused:
            self._lulled = True
            return [self._say("continues", frame.end_ms, lull=True)]
        return []

    def _remember(self, frame: _Frame) -> None:
        self._recent.append(frame)
        while frame.end_ms - self._recent[0].start_ms > self._rules.dip_ms:
            self._recent.popleft()

    def _dip(self) -> float:
        """The middle of the least voiced frame, its neighbours weighed in, so that a wide dip wins over a blip."""
        frames = list(self._recent)
        weights = [
            before.probability + 2 * frame.probability + after.probability
            for before, frame, after in zip(frames, frames[1:], frames[2:], strict=False)
        ]
        if not weights:
            return self._voiced_ms
        lowest = min(range(len(weights)), key=lambda at: (weights[at], -at))
        frame = frames[lowest + 1]
        return max(self._start_ms, round((frame.start_ms + frame.end_ms) / 2))

    def _cut(self, at_ms: float, frame: _Frame) -> list[SpeechSegment]:
        """The speaker goes on in `frame`: one segment ends at `at_ms`, and the next begins there."""
        self._voiced_ms = at_ms
        since = [one for one in self._recent if one.end_ms > at_ms]
        ended = self._end(cut=True)
        self._recent.extend(since)
        self._voiced_ms = frame.end_ms
        return [ended, self._begin(ended.end_ms, frame)]

    def _begin(self, start_ms: float, frame: _Frame) -> SpeechSegment:
        self._segment += 1
        self._open, self._paused, self._lulled, self._pause = True, False, False, None
        self._start_ms = start_ms
        heard = [frame, *self._recent]
        self._voice = max(one.probability for one in heard if one.end_ms > start_ms)
        self._gain = frame.gain
        return self._say("started", frame.end_ms)

    def _end(self, *, cut: bool = False) -> SpeechSegment:
        self._open = self._paused = False
        self._floor_ms = self._voiced_ms
        self._recent.clear()
        return self._told("ended", cut=cut)

    def _say(self, state: _State, now_ms: float, *, lull: bool = False) -> SpeechSegment:
        self._told_ms = now_ms
        return self._told(state, lull=lull)

    def _told(self, state: Literal["ended"] | _State, *, cut: bool = False, lull: bool = False) -> SpeechSegment:
        return SpeechSegment(
            self._stream,
            self._segment,
            state,
            round(self._start_ms),
            round(self._voiced_ms),
            cut,
            self._voice,
            lull,
            round(self._gain, 1),
        )
