"""Calls are kept until somebody erases them, or their campaign keeps them no longer.

Erasing a call destroys its key first, and with it every copy of what was said that somebody has without the database;
rows and files go with it or, where the disk refuses, in a later round.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from engine.errors import Conflict, NotFound, Overloaded
from engine.inputs import Inputs
from engine.recordings import DAY_S, Recordings
from engine.retention_clock import RetentionClock
from engine.store import Store
from engine.telemetry import AUDIT, Metrics

log = structlog.get_logger(__name__)
audit = structlog.get_logger(AUDIT)

RETENTION: Final = "retention"
COMMAND: Final = "command"
"""Who did it where it was no user: a campaign's time was over, or somebody at the command line."""

BATCH: Final = 100
"""Calls that are looked up at once. Each is erased in a transaction of its own: live calls write in between."""

_ROUND_S: Final = 3_600


class Erasures:
    """Erases one call when asked, and every hour those whose time is over."""

    def __init__(
        self,
        store: Store,
        recordings: Recordings,
        inputs: Inputs,
        forget: Callable[[str, str], None] = lambda _organisation_id, _call_id: None,
        *,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`forget(organisation_id, call_id)` is told of each (`engine.fanout.Hub.forget`)."""
        self._store = store
        self._recordings = recordings
        self._inputs = inputs
        self._forget = forget
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._scrubbed = False
        """The database's log holds nothing of an erased call. After a start nobody knows."""

    async def erase(self, organisation_id: str, call_id: str, by: str) -> None:
        """For good. Raises `NotFound`, also for a call that was erased before, and `Conflict` while it is live or under
        a legal hold."""
        await self._erase(organisation_id, call_id, by)
        await self._scrub()

    async def hold(self, organisation_id: str, call_id: str, by: str) -> None:
        """A legal hold: from now on nothing of the call goes, whoever asks and whatever its days. Raises `NotFound`."""
        await self._store.erasures.hold(organisation_id, call_id, by, self._wall_clock())
        audit.info("hold.begun", call_id=call_id, by=by)

    async def lift(self, organisation_id: str, call_id: str, by: str) -> None:
        """What is over its time by then goes within the hour. Raises `NotFound`."""
        await self._store.erasures.lift(organisation_id, call_id)
        audit.info("hold.lifted", call_id=call_id, by=by)

    async def erase_due(self) -> int:
        """Erases calls that their campaigns keep no longer; how many there were."""
        count = 0
        for campaign in await self._store.campaigns.all():
            if campaign.words_days:
                count += await self._erase_ended(campaign.organisation_id, campaign.id, campaign.words_days)
        return count

    async def keep_house(self, clock: RetentionClock, metrics: Metrics) -> None:
        """Recordings, calls, what was kept to play them again and what the bus did not take go every hour when their
        time is over, until cancelled; but none in an hour in which `clock` is not believed. Recordings first: a call is
        kept for as long as its recording."""
        rounds: dict[str, Callable[[], Awaitable[int]]] = {
            "recording": self._recordings.delete_expired,
            "call": self.erase_due,
            "inputs": self._inputs.delete_expired,
            "outbox": lambda: self._forget_outbox(metrics),
        }
        for what in ("clock", *rounds, "log"):
            metrics.count("retention_failures_total", 0, what=what)  # there from the start: its first step is seen
        while True:
            for what in await _undone(rounds, clock):
                metrics.count("retention_failures_total", what=what)
            if not self._scrubbed:
                await self._scrub()
            if not self._scrubbed:
                metrics.count("retention_failures_total", what="log")
            await self._sleep(_ROUND_S)

    async def _scrub(self) -> None:
        """Costs no erasure: what a reader or a full disk keeps in the log is tried again every hour."""
        self._scrubbed = True  # until another is erased meanwhile
        try:
            fault = "" if await self._store.scrub() else "read by somebody"
        except Exception as error:
            fault = type(error).__name__
        if fault:
            self._scrubbed = False
            log.warning("log.not_emptied", error=fault)

    async def _forget_outbox(self, metrics: Metrics) -> int:
        """With a bus that stays away the outbox is bounded all the same: what is older than the bus keeps, goes."""
        count = await self._store.outbox.forget_old(self._wall_clock())
        if count:
            metrics.count("outbox_forgotten_total", count)
            log.warning("outbox.forgotten", facts=count)
        return count

    async def _erase_ended(self, organisation_id: str, campaign_id: str, words_days: int) -> int:
        now, count = self._wall_clock(), 0
        ended_until = now - words_days * DAY_S
        while due := await self._store.erasures.due(organisation_id, campaign_id, ended_until, BATCH, now=now):
            for call_id in due:
                with contextlib.suppress(NotFound, Conflict):  # somebody was faster, or has put a hold on it just now
                    await self._erase(organisation_id, call_id, RETENTION)
            count += len(due)
        return count

    async def _erase(self, organisation_id: str, call_id: str, by: str) -> None:
        await self._store.calls.erase(organisation_id, call_id, by, self._wall_clock())
        self._scrubbed = False
        self._forget(organisation_id, call_id)
        audit.info("call.erased", call_id=call_id, by=by)
        try:
            await self._recordings.delete(organisation_id, call_id)
        except (OSError, Overloaded) as error:  # noise without its key; due, and so tried again every hour
            log.warning("recording.not_deleted", call_id=call_id, error=type(error).__name__)
        try:
            await self._inputs.delete(organisation_id, call_id)
        except OSError as error:  # likewise
            log.warning("inputs.not_deleted", call_id=call_id, error=type(error).__name__)


async def _undone(rounds: Mapping[str, Callable[[], Awaitable[int]]], clock: RetentionClock) -> list[str]:
    """Goes each round, if the clock may be believed; gives what came to nothing."""
    try:
        if not await clock.believed():
            return ["clock"]
    except Overloaded:  # the store says so itself
        return list(rounds)
    undone = []
    for what, go in rounds.items():
        try:
            await go()
        except Exception:
            log.exception("retention.failed")
            undone.append(what)
    return undone
