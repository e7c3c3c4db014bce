"""From RTP timestamps to the call's clock.

Positions are samples since answer at the stream's rate. One anchor ties a timestamp to a position: that of the first
packet, which was spoken just before it came. From there timestamps alone place the sound, so network jitter moves
nothing and a gap between timestamps is silence. The first packet may itself have come late: as long as nobody has
spoken, packets of the first second that came sooner pull the anchor, and all sound with it, to where it belongs. A new
anchor is set when the source changes, when its timestamps jump, and when the clocks have drifted 200 ms apart; that one
waits for a moment without speech, since it skips or repeats time.
"""

import msgspec

DRIFT_MS = 200.0
FORCED_DRIFT_MS = 2000.0
"""A drift of this size does not wait for silence."""
JUMP_MS = 1000.0
"""Timestamps that run so far ahead of arrival are another count, not a pause."""
SETTLE_MS = 1000.0
"""How long after the first packet its anchor may be pulled."""
SETTLED_MS = 5.0
"""An anchor this near is right: the rest is jitter."""
WINDOW_MS = 1000.0
"""Drift is the least lateness of a window: a burst of late packets is jitter."""


class Reset(msgspec.Struct, frozen=True):
    reason: str
    """`source`, `timestamps`, `drift` or `stall`."""
    shift_ms: int
    """How much later on the call's clock the sound lies than the old anchor would have put it; 0 with a new source."""


class Placement(msgspec.Struct, frozen=True, gc=False):
    position: int
    reset: Reset | None = None
    pulled: int = 0
    """All sound that the stream has brought so far belongs so many samples earlier; `position` counts on that."""


class RtpClock:
    """One stream's anchor. Pure: arrival is an argument, in ms since answer."""

    def __init__(self, rate_hz: int) -> None:
        """`rate_hz` is that of the sound, which need not be that of the timestamps."""
        self._rate_hz = rate_hz
        self._per_ms = rate_hz / 1000
        self._clock_hz = rate_hz
        self._ssrc: int | None = None
        self._timestamp = 0
        self._position = 0
        """Where `_timestamp` lies."""
        self._arrived_ms = 0.0
        self._settles_until_ms = 0.0
        self._room = 0
        """Samples between answer and the stream's first sound: so far can it be pulled."""
        self._repeated = -1
        """Up to here time repeats after the last anchor for drift."""
        self._window_since_ms = 0.0
        self._least = 0.0
        self._least_before = 0.0

    @property
    def ahead_ms(self) -> float:
        """How far the stream's media time runs ahead of the moment when its sound was spoken; 0 or more."""
        return max(0.0, -min(self._least, self._least_before)) / self._per_ms

    def follows(self, ssrc: int, timestamp: int, samples: int, arrived_ms: float, frontier: int) -> bool:
        """Whether the next packet in order, whose timestamps run at the sound's rate, lies right at `frontier` with
        nothing to be told or corrected: nearly always. Otherwise ask `place`."""
        ticks = timestamp - self._timestamp & 0xFFFFFFFF
        if (
            ssrc != self._ssrc
            or self._position + ticks != frontier
            or not 0 < ticks <= self._rate_hz
            or self._clock_hz != self._rate_hz
            or arrived_ms < self._settles_until_ms
        ):
            return False
        late = round(arrived_ms * self._per_ms) - samples - frontier
        if late < self._least or arrived_ms - self._window_since_ms >= WINDOW_MS:
            self._observe(late, arrived_ms)
        limit = DRIFT_MS * self._per_ms
        if not (-limit <= self._least <= limit and -limit <= self._least_before <= limit):
            return False
        self._timestamp, self._position, self._arrived_ms = timestamp, frontier, arrived_ms
        return True

    def place(
        self,
        *,
        ssrc: int,
        timestamp: int,
        samples: int,
        arrived_ms: float,
        frontier: int,
        quiet: bool,
        unheard: bool = False,
        clock_hz: int = 0,
    ) -> Placement:
        """Where the next packet in order lies. `frontier` is the position up to which the stream has been heard or
        taken as silent; `quiet` says that nobody speaks there, `unheard` that nobody has spoken yet. `clock_hz` is the
        rate of timestamps; 0: the sound's. A new anchor for drift may lie before `frontier`."""
        due = round(arrived_ms * self._per_ms) - samples
        clock_before, self._clock_hz = self._clock_hz, clock_hz or self._rate_hz
        if self._ssrc is None:
            self._settles_until_ms = arrived_ms + SETTLE_MS
            self._room = max(0, due, frontier)
            return self._anchor(ssrc, timestamp, max(0, due, frontier), due, arrived_ms, None)
        if ssrc != self._ssrc:
            return self._anchor(ssrc, timestamp, max(due, frontier), due, arrived_ms, Reset("source", 0))
        step = self._step(timestamp)
        position = self._position + step
        if self._clock_hz != clock_before:  # another codec: how its count goes on nobody says (RFC 7160 §3)
            return self._move("timestamps", timestamp, max(due, frontier), max(due, frontier), due, arrived_ms)
        if step <= 0 or step / self._per_ms - (arrived_ms - self._arrived_ms) > JUMP_MS:
            return self._move("timestamps", timestamp, position, max(due, frontier), due, arrived_ms)
        if position < frontier != self._repeated:  # it was late enough to be taken for silence
            return self._move("stall", timestamp, position, frontier, due, arrived_ms)
        if unheard and arrived_ms < self._settles_until_ms and position - due > SETTLED_MS * self._per_ms:
            return self._pull(timestamp, position, due, arrived_ms)
        self._observe(due - position, arrived_ms)
        drift = min(self._least, self._least_before)  # negative at once, positive once a whole window has been late
        if abs(drift) > (DRIFT_MS if quiet else FORCED_DRIFT_MS) * self._per_ms:
            self._repeated = frontier
            return self._move("drift", timestamp, position, max(0, round(position + drift)), due, arrived_ms)
        self._timestamp, self._position, self._arrived_ms = timestamp, position, arrived_ms
        return Placement(position)

    def where(self, ssrc: int, timestamp: int) -> int | None:
        """The position of sound of the present source by its timestamp; moves nothing."""
        if ssrc != self._ssrc:
            return None
        return self._position + self._step(timestamp)

    def _step(self, timestamp: int) -> int:
        """Samples from the anchor to the timestamp."""
        ticks = ((timestamp - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        return ticks if self._clock_hz == self._rate_hz else round(ticks * self._rate_hz / self._clock_hz)

    def _pull(self, timestamp: int, position: int, due: int, arrived_ms: float) -> Placement:
        pulled = min(position - due, self._room) // 2 * 2  # a moment that half the rate has, too
        self._room -= pulled
        self._timestamp, self._position, self._arrived_ms = timestamp, position - pulled, arrived_ms
        self._least = self._least_before = float(due - self._position)
        return Placement(self._position, pulled=pulled)

    def _move(self, why: str, timestamp: int, old: int, new: int, due: int, arrived_ms: float) -> Placement:
        shift_ms = round((new - old) / self._per_ms)
        told = abs(shift_ms) >= DRIFT_MS or (why == "timestamps" and old != new)
        reset = Reset(why, shift_ms) if told else None
        assert self._ssrc is not None
        return self._anchor(self._ssrc, timestamp, new, due, arrived_ms, reset)

    def _anchor(
        self, ssrc: int, timestamp: int, position: int, due: int, arrived_ms: float, reset: Reset | None
    ) -> Placement:
        self._ssrc, self._timestamp, self._position, self._arrived_ms = ssrc, timestamp, position, arrived_ms
        self._window_since_ms = arrived_ms
        self._least = self._least_before = float(due - position)
        return Placement(position, reset)

    def _observe(self, late: float, arrived_ms: float) -> None:
        if arrived_ms - self._window_since_ms >= WINDOW_MS:
            self._window_since_ms, self._least_before, self._least = arrived_ms, self._least, late
        elif late < self._least:
            self._least = late
