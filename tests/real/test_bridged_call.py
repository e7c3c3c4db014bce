"""A call through the bridge while the engine is killed and starts anew: nobody who talks notices."""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

from media.bridge.party import Answered, HungUp
from media.ports import PortRange
from tests.media.bridge.telephones import Telephone
from tests.media.sip.test_sipp import free_port
from tests.real.bridge_process import bridge_process
from tests.real.sip.test_bridge import dial, noise, speak
from tests.real.test_kills import TIMEOUT_S, serve

pytestmark = pytest.mark.real
NUMBER = "+18005550199"


async def calls_of(url: str, count: int) -> None:
    """Waits until the engine has so many calls."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(TIMEOUT_S):
        while True:
            async with http.get(f"{url}/metrics") as answer:
                found = re.search(r"^welcomedly_calls_live (\S+)$", await answer.text(), re.MULTILINE)
            if found and float(found[1]) == count:
                return
            await asyncio.sleep(0.1)


async def test_a_call_outlives_the_engine_which_hears_it_again(tmp_path: Path, weights: Path) -> None:
    sip_port = free_port()
    async with (
        Telephone(PortRange(26_400, 26_419)) as customer,
        Telephone(PortRange(26_420, 26_439)) as desk,
        bridge_process(tmp_path, {NUMBER: desk.uri}, engine=f"sip:127.0.0.1:{sip_port};transport=tcp") as bridge,
    ):
        async with serve(tmp_path / "engine", weights, sip_port) as engine:
            talk = dial(customer, bridge, NUMBER)
            agent = await desk.rung()
            agent.party.accept("PCMU")
            await talk.told(Answered)
            await calls_of(engine.url, 1)
            engine.process.kill()
            await engine.process.wait()
        both = noise(5, 100), noise(6, 100)
        await asyncio.gather(speak(talk, both[0]), speak(agent, both[1]))
        await agent.hears(*both[0][2:])
        await talk.hears(*both[1][2:])
        async with serve(tmp_path / "engine", weights, sip_port) as again:
            await calls_of(again.url, 1)
            later = noise(7, 50)
            await speak(talk, later)
            await agent.hears(*later)
            talk.party.hang_up("bye")
            await agent.told(HungUp)
            await calls_of(again.url, 0)
