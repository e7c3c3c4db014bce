"""Reading a masked word again: whose right it is, and for how long."""

import time
from collections.abc import Callable
from typing import Final

from engine.after_call import wrap_up_of
from engine.errors import Forbidden, NotFound
from engine.facts import Fact, Insight, decode
from engine.ports.desk import Person
from engine.ports.storage import CallRecord
from engine.store import Store
from engine.tokens import may_have, still_holds

WRAP_UP_S: Final = 3_600
"""So long after its end a call's agent may be at the wrap-up; one that nobody confirms is not open for ever."""


class Tokens:
    def __init__(self, store: Store, *, kept: bool, wall_clock: Callable[[], float] = time.time) -> None:
        """Not `kept`, none is read either: what an engine with another setting left goes with its call."""
        self._store = store
        self._kept = kept
        self._wall_clock = wall_clock

    async def read(self, person: Person, record: CallRecord, seq: int) -> tuple[Insight, str]:
        """The entity that fact `seq` of the person's organisation's call tells of, and its value.

        Raises `Forbidden` when it is not the person's to read, `NotFound` when there is none (any more), `SealError`.
        """
        facts = await self._facts(record) if self._kept or record.ended_at else []
        self._may_read(person, record, facts)
        entity = next((fact for fact in facts if fact.seq == seq), None)
        later = (fact for fact in facts if fact.seq > seq)
        if not self._kept or not isinstance(entity, Insight) or not may_have(entity) or not still_holds(entity, later):
            raise NotFound("no value is kept of it")
        return entity, await self._store.calls.token(record.organisation_id, record.call_id, seq)

    def _may_read(self, person: Person, record: CallRecord, facts: list[Fact]) -> None:
        if person.role != "agent":
            return
        if record.agent_id != person.user_id:
            raise Forbidden("the call is on another desk")
        if record.ended_at and (self._wall_clock() > record.ended_at + WRAP_UP_S or wrap_up_of(facts).confirmed):
            raise Forbidden("the call is over and wrapped up")

    async def _facts(self, record: CallRecord) -> list[Fact]:
        bodies = await self._store.calls.all_facts(record.organisation_id, record.call_id)
        return [decode(body) for body in bodies]
