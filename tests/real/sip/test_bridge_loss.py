"""Calls through the bridge over networks on both sides that lose a twentieth of the datagrams: nobody is left alone."""

import asyncio
import random
from pathlib import Path

import pytest

from engine.control.routes import Route
from media.bridge.bridge import Unrecorded
from media.bridge.dial_plan import NoPhones
from media.bridge.exchange import SipExchange
from media.bridge.journal import Journal
from media.bridge.party import HungUp, Refused
from media.ports import PortRange
from tests.media.bridge.telephones import Talk, Telephone
from tests.media.sip.loss_proxy import LossProxy

pytestmark = pytest.mark.real
CALLS, AT_ONCE = 150, 30
LONGEST_S = 60.0


async def serve_desk(desk: Telephone, talks: list[Talk], dice: random.Random) -> None:
    """Answers most calls, refuses some, and hangs up on all sooner or later."""
    tasks = []
    while True:
        talk = await desk.next_rung()
        talks.append(talk)
        tasks.append(asyncio.create_task(_serve(talk, dice.random(), dice.uniform(0.0, 0.4))))


async def _serve(talk: Talk, choice: float, wait_s: float) -> None:
    await asyncio.sleep(wait_s)
    if choice < 0.15:
        talk.party.hang_up("rejected", 486)
        return
    talk.party.accept("PCMU")
    await asyncio.sleep(2 * wait_s if choice < 0.5 else 1.0)
    talk.party.hang_up("bye")


async def one_call(caller: Telephone, port: int, dice: random.Random) -> str:
    """How it ended for the caller."""
    talk = caller.call(f"sip:5000@127.0.0.1:{port}", port)
    if dice.random() < 0.1:
        await asyncio.sleep(dice.uniform(0.0, 0.3))
        talk.party.hang_up("cancelled")
        return "cancelled"
    event = await talk.outcome(LONGEST_S)
    if isinstance(event, Refused):
        return "refused"
    if dice.random() < 0.5:
        await asyncio.sleep(dice.uniform(0.0, 0.4))
        talk.party.hang_up("bye")
        return "bye"
    await talk.told(HungUp, LONGEST_S)
    return "hung up on"


async def test_nobody_is_left_alone(tmp_path: Path) -> None:
    dice, room = random.Random(11), asyncio.Semaphore(AT_ONCE)
    talks: list[Talk] = []
    async with (
        asyncio.timeout(170),
        Telephone(PortRange(28_400, 28_799)) as caller,
        Telephone(PortRange(28_800, 29_199)) as desk,
        LossProxy(desk.endpoint.transports.port, loss=0.05, reordered=0.1, seed=2) as far,
    ):
        bridge = SipExchange(
            *("127.0.0.1", 0, PortRange(27_500, 28_399), NoPhones(), Unrecorded, Journal(tmp_path / "dialogs")),
            routes=(Route("5000", uri=f"sip:desk@127.0.0.1:{far.port}", ring_s=60.0),),
        )
        await bridge.open()
        serving = asyncio.create_task(serve_desk(desk, talks, dice))
        async with LossProxy(bridge.port, loss=0.05, reordered=0.1, seed=1) as near:

            async def one() -> str:
                async with room:
                    return await one_call(caller, near.port, dice)

            ends = await asyncio.gather(*(one() for _ in range(CALLS)))
            assert {"bye", "refused", "hung up on", "cancelled"} == set(ends)
            while bridge.calls or any(not talk.party._over for talk in talks):
                await asyncio.sleep(0.1)  # the last retransmissions run out
            assert near.lost > 0.03 * near.carried
            await bridge.close(5.0)
        serving.cancel()
    assert (tmp_path / "dialogs").read_bytes() == b""
