"""Whether the wall clock may be believed by what erases for good.

A clock that is a year ahead (a flat battery, a machine that was paused, a wrong server of time) would have everything
erased that is kept for days. So the time of each look is noted (before the first the last call's end stands for it),
and the next one is held against it: between two looks of a process no more time may have passed than it lived through;
and between two processes no more than a day, or two hours where it is in doubt. A clock that has jumped is believed
again when it is back, or once the engine has run with it for a day, all starts together: till then somebody can see to
it.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

log = structlog.get_logger(__name__)

FILE: Final = "retention-clock"
JUMP_S: Final = 600.0
"""How far the clock may be set forth or back between two looks."""
AWAY_S: Final = 86_400.0
"""How long an engine may have been off, and be believed at its start."""
RESTART_S: Final = 7_200.0
"""In doubt, what may lie between the last look, an hour ago or less, and a start with a clock that was set right."""
OLDEST: Final = 1_793_491_200.0
"""2026-11-01: this engine is younger, and so is whatever a clock that is right says."""
DOUBT_S: Final = 86_400.0
"""How long an engine must have run with a clock that jumped before it believes it."""


class Look(msgspec.Struct, frozen=True):
    at: float
    """UNIX seconds: the wall clock, or in doubt what it should have been."""
    doubted_s: float | None = None
    """For how long the engine has run in doubt; None where there is none."""
    off_s: float = 0.0
    """In doubt: for how long the engine may have been off since `at`, by which a clock that is back is ahead of it."""


def look(before: Look | None, wall: float, lived_s: float | None) -> Look:
    """`lived_s` is how long ago `before` was, None at the first look of a process. With nothing before, the clock is
    believed: there is nothing yet to erase."""
    if before is None:
        return Look(wall)
    first, lived = lived_s is None, lived_s or 0.0
    ahead = wall - before.at - lived
    if before.doubted_s is None:
        off_s, doubted_s = AWAY_S if first else 0.0, 0.0
        believed = abs(ahead) <= max(off_s, JUMP_S)
    else:
        off_s, doubted_s = max(before.off_s, RESTART_S) if first else before.off_s, before.doubted_s + lived
        believed = -JUMP_S <= ahead <= max(off_s, JUMP_S)
    if believed or doubted_s >= DOUBT_S:
        return Look(wall)
    return Look(before.at + lived, doubted_s, off_s)


def uptime() -> float:
    """Seconds that pass also while the machine sleeps, where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class RetentionClock:
    """Asked before each round; what it saw last is noted in the data directory."""

    def __init__(
        self,
        data_dir: Path,
        newest: Callable[[], Awaitable[float]],
        wall_clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = uptime,
    ) -> None:
        """`newest` gives the last time (UNIX seconds) that the store knows of, 0 when it has nothing to erase; it is
        asked where no look is noted, and may raise `Overloaded`."""
        self._path = data_dir / FILE
        self._newest = newest
        self._wall_clock = wall_clock
        self._uptime = uptime
        self._looked_at: float | None = None
        self._last: Look | None = None

    async def believed(self) -> bool:
        """Whether the clock has visibly not jumped. To be asked by one task alone. Raises `Overloaded` while
        the store does not tell what it has to erase."""
        before = self._last or await self._before()
        wall, now = self._wall_clock(), self._uptime()
        self._last = look(before, wall, None if self._looked_at is None else now - self._looked_at)
        self._looked_at = now
        await asyncio.to_thread(self._note, self._last)
        if self._last.doubted_s is None:
            return True
        log.warning("retention.refused", clock_ahead_s=round(wall - self._last.at))
        return False

    def now(self) -> float:
        """UNIX seconds to date calls by, whose days begin there: the wall clock's, unless that is surely wrong. With a
        flat battery calls would be years old, and due as soon as the clock is right; they are dated as if the engine
        had not been off."""
        wall = self._wall_clock()
        if wall >= OLDEST:
            return wall
        since_look_s = self._uptime() - self._looked_at if self._looked_at is not None else 0.0
        return max(OLDEST, self._last.at + since_look_s if self._last else 0.0)

    async def _before(self) -> Look | None:
        """The calls may be older than the data directory: restored, or on a server of their own."""
        noted = await asyncio.to_thread(self._read)
        newest = 0.0 if noted else await self._newest()
        return noted or (Look(newest) if newest else None)

    def _read(self) -> Look | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Look)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError):
            return Look(0.0)  # there was something: doubt costs a day

    def _note(self, last: Look) -> None:
        aside = self._path.with_suffix(".new")
        try:
            aside.write_bytes(msgspec.json.encode(last))
            os.replace(aside, self._path)
        except OSError as error:  # it is known here all the same, for as long as this process lives
            log.warning("retention_clock.not_noted", error=type(error).__name__)
