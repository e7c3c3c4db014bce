"""One call's events on their way to whoever reads them, which may be slow."""

from collections.abc import AsyncIterator

from engine.flow import Channel
from engine.ports.intake import ClockTick, MediaEvent

EVENTS = 4096
"""Events that wait for the reader; far more than a minute of a call."""
CROWDED = 1024
"""From here on `continues` and ticks, which later ones replace, are left out."""


class EventQueue:
    """One reader, of one event loop."""

    def __init__(self) -> None:
        self._events: Channel[MediaEvent] = Channel(EVENTS, "drop_oldest")
        self.left_out = 0
        """Events that a slow reader never saw: `continues` and ticks only, until the channel itself is full."""

    def put(self, event: MediaEvent) -> None:
        crowded = len(self._events) >= CROWDED
        if crowded and (isinstance(event, ClockTick) or getattr(event, "state", "") == "continues"):
            self.left_out += 1
            return
        self._events.put(event)

    def close(self) -> None:
        """What waits is still read."""
        self._events.close()

    def __aiter__(self) -> AsyncIterator[MediaEvent]:
        return aiter(self._events)
