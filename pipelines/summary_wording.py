"""The wrap-up's summary in whole sentences, where it comes in time."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import structlog

from engine.facts import CallEvent, Fact
from engine.ports.storage import CallRecord
from engine.ports.writing import SummaryWriter
from pipelines.typed_text import masked_answer

log = structlog.get_logger(__name__)

WORDING_S = 5.0
"""How long the summary in whole sentences may take; meanwhile nobody waits for it."""


class SummaryWording:
    def __init__(self, writer: SummaryWriter | None, wording_s: float = WORDING_S) -> None:
        self._writer = writer
        self._wording_s = wording_s

    async def word(
        self, facts: Sequence[Fact], record: CallRecord, names: Collection[str] = ()
    ) -> dict[str, Any] | None:
        """Data of the `wrap_up.proposed` that takes the place of the last among the facts, which has the call's own
        words; None when those stay. `names` are those that people gave in the call."""
        proposals = [fact for fact in facts if isinstance(fact, CallEvent) and fact.name == "wrap_up.proposed"]
        if self._writer is None or not proposals:
            return None
        try:
            answer = await asyncio.wait_for(self._writer.write(proposals[-1].data, names), self._wording_s)
            summary = masked_answer(answer, record.language, record.country)
        except Exception as error:
            log.warning("wrap_up.not_worded", call_id=record.call_id, error=type(error).__name__)
            return None
        return proposals[-1].data | {"summary": summary} if summary else None
