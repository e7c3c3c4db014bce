"""What is told of one call when it is over: its figures, score and wrap-up, and that it has ended."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from engine.facts import Fact
from engine.ports.intake import CallEnded
from engine.ports.storage import CallRecord
from pipelines.call_queue import CallQueue, Item
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.summary_wording import SummaryWording
from pipelines.tape import Tape

log = structlog.get_logger(__name__)

CUT_OFF = frozenset({"error", "flood", "malformed", "no_ack", "peer_vanished", "shutdown", "slow"})
"""Reasons for which a call is no longer heard though people may go on talking."""
TAPE_S = 5.0
"""How long a call's end waits for the last word of its recording."""


class Ending:
    def __init__(
        self,
        *,
        ledger: Ledger,
        conversation: Conversation,
        queue: CallQueue,
        tape: Tape | None,
        wording: SummaryWording,
        publish: Callable[[Sequence[Fact]], Awaitable[None]],
        commit_late: Callable[[Item], Awaitable[None]],
    ) -> None:
        """`commit_late` takes what comes meanwhile: nobody waits for a summary to be put into words."""
        self._ledger = ledger
        self._conversation = conversation
        self._queue = queue
        self._tape = tape
        self._wording = wording
        self._publish = publish
        self._commit_late = commit_late
        self._told_as = ""
        """The reason that `call.ended` gives, once it is told."""

    async def sum_up(self, ended: CallEnded, record: CallRecord) -> None:
        """All that can be said of the call now. A fault costs what would have been said, never the end."""
        facts: list[Fact] = []
        try:
            facts = self._conversation.end(ended.at_ms, cut_off=ended.reason in CUT_OFF)
        except Exception:
            log.exception("call.fault", call_id=record.call_id, item="summing up")
        if self._tape:
            self._tape.end(ended.at_ms, self._conversation.withheld(), broken=ended.reason == "error")
        try:
            await self._publish(facts)
        except Exception:
            log.exception("call.fault", call_id=record.call_id, item="summary")
        await self._tell(ended)
        wording = self._wording.word(facts, record, self._conversation.names)
        if worded := await self._queue.meanwhile(wording, self._commit_late):
            await self._publish([self._ledger.event("wrap_up.proposed", ended.at_ms, worded)])
        if self._tape:
            await self._queue.meanwhile(self._tape.over(TAPE_S), self._commit_late)

    async def close(self, ended: CallEnded, record: CallRecord) -> str:
        """The reason for which the call ended. It is told by now, or cannot be."""
        while (item := self._queue.get_nowait()) is not None:
            await self._commit_late(item)
        if not self._told_as:
            try:
                await self._tell(ended)
            except Exception:
                log.exception("call.fault", call_id=record.call_id, item="end")
        return self._told_as or ended.reason

    async def _tell(self, ended: CallEnded) -> None:
        await self._publish([self._ledger.event("call.ended", ended.at_ms, {"reason": ended.reason})])
        self._told_as = ended.reason
