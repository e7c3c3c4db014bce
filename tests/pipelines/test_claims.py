"""Whoever has a call keeps it: it is claimed while it is nobody's."""

import msgspec
import pytest

from engine.errors import Conflict
from engine.ports.desk import DeskCommand
from tests.pipelines.test_recording_commands import ANA, BEN, ROUTING, SOFIA, Floor

CLAIM = DeskCommand("claim", "call-1")


async def test_a_call_that_another_has_is_refused_whoever_claims_it() -> None:
    floor = Floor(msgspec.structs.replace(ROUTING, members={}))
    await floor.told("call.answered")
    await floor.calls.command(BEN, CLAIM)
    await floor.told("call.claimed")
    for person in (ANA, SOFIA):
        with pytest.raises(Conflict, match="somebody else has the call"):
            await floor.calls.command(person, CLAIM)
    await floor.calls.command(BEN, CLAIM)
    await floor.end()
    assert floor.sink.record is not None
    assert floor.sink.record.agent_id == BEN.user_id
