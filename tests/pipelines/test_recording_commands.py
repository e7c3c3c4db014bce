"""Who may pause a recording, whose campaign has one, and what the caller is told otherwise."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import msgspec
import pytest

from engine.errors import Conflict, Forbidden, NotFound
from engine.facts import CallEvent
from engine.ports.desk import DeskCommand, Person
from engine.ports.intake import CallEnded, CallOffer, ClockTick, MediaEvent, Participant, Routing
from engine.telemetry import Metrics
from pipelines.calls import Calls
from pipelines.recorder import Recorder
from tests.fakes import FakeEars, FakeSession, understanding
from tests.memory_files import MemoryFiles
from tests.pipelines.told_sink import ToldSink

ROUTING = Routing(
    organisation_id="org",
    campaign_id="c",
    campaign="care",
    direction="inbound",
    language="es",
    country="CO",
    region="",
    rule_packs=(),
    knowledge="",
    members={"1001@pbx": "user-ana"},
    names={"user-ana": "Ana"},
    recording=True,
    retention_days=30,
)
ANA = Person("user-ana", "org", "Ana", "agent")
BEN = Person("user-ben", "org", "Ben", "agent")
SOFIA = Person("user-sofia", "org", "Sofía", "supervisor")
STRANGER = Person("user-x", "another", "X", "supervisor")


class OpenCall(FakeSession):
    """Goes on until it is told to end."""

    def __init__(self) -> None:
        super().__init__((), (Participant("a", 0, aor="1001@pbx"), Participant("c", 1)))
        self.over = asyncio.Event()

    async def events(self) -> AsyncIterator[MediaEvent]:
        yield ClockTick(250)
        await self.over.wait()
        yield CallEnded(500, "bye")


@dataclasses.dataclass
class FakeRouter:
    routing: Routing | None

    def route(self, offer: CallOffer) -> Routing | None:
        return self.routing


class Floor:
    """One open call of a campaign."""

    def __init__(self, routing: Routing, *, allowed: bool = True) -> None:
        self.sink, self.files, self.session = ToldSink(), MemoryFiles(), OpenCall()
        metrics = self.metrics = Metrics()
        self.recorder = Recorder(self.files, metrics)
        self.calls = Calls(
            router=FakeRouter(routing),
            ears=FakeEars({}),
            sink=self.sink,
            understanding=understanding(),
            metrics=metrics,
            max_calls=1,
            clock_ms=lambda: 0.0,
            wall_clock=lambda: 1.0,
            recorder=self.recorder if allowed else None,
        )
        self.calls.begin(self.session)

    async def told(self, name: str) -> CallEvent:
        return await self.sink.told(CallEvent, lambda event: event.name == name)

    def recorded(self, outcome: str) -> float | None:
        return self.metrics.registry.get_sample_value("welcomedly_recordings_total", {"outcome": outcome})

    async def end(self) -> None:
        self.session.over.set()
        await self.calls.close()
        await asyncio.to_thread(self.recorder.close)


async def test_the_call_s_agent_and_supervisors_pause_and_nobody_else() -> None:
    floor = Floor(ROUTING)
    await floor.told("recording.started")
    for person, error in ((BEN, Forbidden), (STRANGER, NotFound)):
        with pytest.raises(error):
            await floor.calls.command(person, DeskCommand("pause", "call-1"))
    await floor.calls.command(ANA, DeskCommand("pause", "call-1"))
    assert (await floor.told("recording.paused")).data == {"reason": "person", "by": "user-ana"}
    await floor.calls.command(SOFIA, DeskCommand("resume", "call-1"))
    assert (await floor.told("recording.resumed")).data == {"reason": "person", "by": "user-sofia"}
    await floor.end()
    assert (floor.files.state, floor.files.channels, floor.files.length_ms) == ("whole", 2, 500)
    assert (floor.recorded("whole"), floor.recorded("failed")) == (1, 0)
    with pytest.raises(NotFound):
        await floor.calls.command(ANA, DeskCommand("pause", "call-1"))


@pytest.mark.parametrize(("recording", "allowed"), [(False, True), (True, False)])
async def test_a_call_is_recorded_when_its_campaign_says_so_and_the_engine_may(recording: bool, allowed: bool) -> None:
    floor = Floor(msgspec.structs.replace(ROUTING, recording=recording), allowed=allowed)
    await floor.told("call.answered")
    with pytest.raises(Conflict, match="not being recorded"):
        await floor.calls.command(SOFIA, DeskCommand("pause", "call-1"))
    await floor.end()
    assert floor.files.chunks == []
