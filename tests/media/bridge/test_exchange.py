"""Calls through the bridge, on loopback: telephones on both sides, and what each is told and hears."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from engine.control.routes import Route
from media.bridge.call import BridgedCall, Slot
from media.bridge.dial_plan import NoPhones
from media.bridge.exchange import SipExchange
from media.bridge.journal import Journal
from media.bridge.party import Answered, HungUp
from media.ports import PortRange
from media.rtp import RtpPacket
from tests.media.bridge.telephones import Talk, Telephone

SOUND = tuple(bytes([number]) * 160 for number in range(1, 40))


class Unrecorded:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[Slot, bytes]] = []
        self.history: list[str] = []

    def begin(self, call: BridgedCall) -> None:
        self.history.append("begin")

    def talk(self, slot: Slot, packet: RtpPacket) -> None:
        self.said.append((slot, packet.payload))

    def changed(self, call: BridgedCall) -> None:
        self.history.append("held" if call.held else "changed")

    def end(self) -> None:
        self.history.append("end")


class Office:
    """A bridge, a caller's telephone and two desks."""

    def __init__(
        self, bridge: SipExchange, caller: Telephone, desks: tuple[Telephone, Telephone], tape: Unrecorded
    ) -> None:
        self.bridge, self.caller, self.desks, self.tape = bridge, caller, desks, tape

    def dial(self, number: str = "100", *, protected: bool = False) -> Talk:
        port = self.bridge.port
        return self.caller.call(f"sip:{number}@127.0.0.1:{port}", port, "PCMA", "PCMU", protected=protected)

    async def talking(self, number: str = "100") -> tuple[Talk, Talk]:
        """A standing call to the first desk."""
        customer = self.dial(number)
        agent = await self.desks[0].rung()
        agent.party.accept("PCMU")
        assert (await customer.told(Answered)).codec == "PCMU"
        return customer, agent


@asynccontextmanager
async def office(where: Path, max_calls: int = 0) -> AsyncIterator[Office]:
    tape = Unrecorded()
    async with AsyncExitStack() as stack:
        caller = await stack.enter_async_context(Telephone(PortRange(26_000, 26_019)))
        desks = (
            await stack.enter_async_context(Telephone(PortRange(26_020, 26_039))),
            await stack.enter_async_context(Telephone(PortRange(26_040, 26_059))),
        )
        routes = (
            Route("100", uri=desks[0].uri),
            Route("200", uri=desks[1].uri),
            Route("300", uri=desks[0].uri),
            Route("300", uri=desks[1].uri),
            Route("400", uri=desks[0].uri, srtp=True),
        )
        bridge = SipExchange(
            *("127.0.0.1", 0, PortRange(26_060, 26_099), NoPhones(), lambda: tape, Journal(where / "dialogs")),
            routes=routes,
            max_calls=max_calls,
        )
        await bridge.open()
        stack.push_async_callback(bridge.close, 0.5)
        yield Office(bridge, caller, desks, tape)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as one:
        yield one


async def test_call_goes_through_and_sound_is_the_same_both_ways(here: Office) -> None:
    customer, agent = await here.talking()
    customer.say(*SOUND[:10])
    agent.say(*SOUND[10:20])
    await agent.hears(*SOUND[:10])
    await customer.hears(*SOUND[10:20])
    assert {slot for slot, _ in here.tape.said} == {0, 1}
    assert [payload for slot, payload in here.tape.said if slot == 0] == list(SOUND[:10])
    customer.party.hang_up("bye")
    assert (await agent.told(HungUp)).reason == "bye"
    assert here.tape.history == ["begin", "end"]
    assert not here.bridge.calls
