"""Who spoke before whom: the segments that one may be heard after. Pure, by media time alone."""

from collections import deque

from engine.facts import SpeechSegment

_KEPT = 8
"""Segments of a call; sixteen seconds of talk hold hardly more."""
SETTLED_MS = 400
"""From the end of another speaker's segment to that of one which is heard after it. By then it had ended for certain
when this one was first asked for, whichever packets came first: the silence that ends it (480 ms), less the one at
which this one is asked for (192 ms), and a little jitter."""
CUT_SETTLED_MS = 1400
"""The same after a segment that was cut: its end is known up to 1,500 ms later."""


class Dialogue:
    """Segments of all streams of a call that have ended."""

    def __init__(self) -> None:
        self._ended: deque[SpeechSegment] = deque(maxlen=_KEPT)

    def ended(self, segment: SpeechSegment) -> None:
        self._ended.append(segment)

    def before(self, segment: SpeechSegment) -> tuple[tuple[str, int], ...]:
        """Stream and number of what was said before the end of `segment`, newest first: the same however the packets
        came."""
        earlier = [one for one in self._ended if _is_earlier(one, segment)]
        earlier.sort(key=lambda one: (one.end_ms, one.stream), reverse=True)
        return tuple((one.stream, one.segment) for one in earlier)


def _is_earlier(one: SpeechSegment, than: SpeechSegment) -> bool:
    if one.stream == than.stream:
        return one.segment < than.segment
    return one.end_ms + (CUT_SETTLED_MS if one.cut else SETTLED_MS) <= than.end_ms
