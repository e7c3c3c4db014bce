"""The bridge as it runs: a SIP telephone on one side, an agent's browser (aiortc) on the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from aiohttp import ClientSession

from engine.control.phone_pass import bridge_key
from engine.settings import load_settings
from media.bridge.bridge import Bridge
from media.bridge.party import Answered, HungUp, Pressed, Refused, Turned
from media.codecs import PCMA
from media.ports import PortRange
from tests.media.bridge.phone_world import Door
from tests.media.bridge.telephones import Telephone

TONE = (8000 * np.sin(np.arange(16_000) * 2 * np.pi * 440 / 8000)).astype(np.int16)
NUMBER = "+34910000000"


class Office(Door):
    """A bridge, a telephone that may call it, and desks."""

    def __init__(self, bridge: Bridge, telephone: Telephone, key: bytes) -> None:
        super().__init__(bridge.web.url, key)
        self.bridge, self.telephone = bridge, telephone


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    settings = load_settings(
        data_dir=tmp_path,
        bridge_sip_port=0,
        bridge_http_port=0,
        bridge_rtp_ports="26100-26139",
        bridge_engine="off",
    )
    bridge = Bridge(settings)
    await bridge.start()
    async with Telephone(PortRange(26_140, 26_159)) as telephone:
        office = Office(bridge, telephone, bridge_key("", tmp_path))
        office.client = ClientSession()
        yield office
        await office.shut()
    await bridge.close()


async def test_a_call_from_a_trunk_rings_the_desk_and_is_talked_through(office: Office) -> None:
    desk = await office.desk("ana@desk").open(office.token("ana@desk", numbers=(NUMBER,)))
    port = office.bridge.exchange.port
    talk = office.telephone.call(f"sip:{NUMBER}@127.0.0.1:{port}", port, "PCMA")
    shown = await desk.hears("incoming")
    assert (shown["address"].partition("@")[0], shown["name"]) == ("+34600000001", "Ana")
    call = shown["call"]
    await desk.sound(call, TONE)
    await desk.say(type="accept", call=call)
    assert (await talk.told(Answered)).codec == "PCMA"
    await desk.hears("answered", call=call)
    for number in range(60):
        talk.say(PCMA.encode(TONE[number * 160 : number * 160 + 160]))
    await desk.peers[0].hears(20)
    await talk.hears_more(25)
    await desk.say(type="key", call=call, key="9")
    assert (await talk.told(Pressed)).key == "9"
    await desk.say(type="hold", call=call, on=True)
    assert (await talk.told(Turned)).direction == "inactive"
    await desk.say(type="hang_up", call=call)
    assert (await talk.told(HungUp)).reason == "bye"
    heard = np.concatenate(PCMA.decode(talk.heard[5:25])).astype(float)
    spectrum = np.abs(np.fft.rfft(heard))
    assert abs(np.argmax(spectrum) * 8000 / len(heard) - 440) < 10


@pytest.mark.parametrize(("numbers", "status"), [((NUMBER,), 480), ((), 404)])
async def test_nobody_who_may_be_rung_is_an_answer_to_the_trunk(
    office: Office, numbers: tuple[str, ...], status: int
) -> None:
    await office.desk("ana@desk").open(office.token("ana@desk", numbers=numbers), away=True)
    port = office.bridge.exchange.port
    talk = office.telephone.call(f"sip:{NUMBER}@127.0.0.1:{port}", port, "PCMU")
    assert (await talk.told(Refused)).status == status


async def test_an_extension_of_two_organisations_is_each_one_s_own(office: Office) -> None:
    ana = await office.desk("ana@desk").open(office.token("ana@desk", extension="1001"))
    await office.desk("eve@desk").open(office.token("eve@desk", extension="1001", organisation="other"))
    ben = await office.desk("ben@desk").open()
    await ben.say(type="dial", ref="r", to="1001")
    call = (await ana.hears("incoming"))["call"]
    await ana.sound(call)
    await ana.say(type="accept", call=call)
    await ben.hears("answered", call=call)
    await ben.say(type="transfer", call=call, to="eve")
    await ben.hears("transferred", call=call, status=404)
    port = office.bridge.exchange.port
    talk = office.telephone.call(f"sip:1001@127.0.0.1:{port}", port, "PCMU")
    assert (await talk.told(Refused)).status == 404


async def test_one_that_drains_keeps_its_call_and_takes_no_other(office: Office) -> None:
    desk = await office.desk("ana@desk").open(office.token("ana@desk", numbers=(NUMBER,)))
    port = office.bridge.exchange.port
    talk = office.telephone.call(f"sip:{NUMBER}@127.0.0.1:{port}", port, "PCMA")
    call = (await desk.hears("incoming"))["call"]
    await desk.sound(call)
    await desk.say(type="accept", call=call)
    await talk.told(Answered)
    for draining in (False, True):
        if draining:
            office.bridge.drain()
        async with office.client.get(office.bridge.web.url + "/readyz") as ready:
            assert ready.status == (503 if draining else 200)
            assert (await ready.json())["calls"] == 1
    other = office.telephone.call(f"sip:{NUMBER}@127.0.0.1:{port}", port, "PCMA")
    assert (await other.told(Refused)).status == 503
    await desk.say(type="dial", ref="r", to=NUMBER)
    await desk.hears("error", ref="r")
    assert office.bridge.calls == 1
    await desk.say(type="hang_up", call=call)
    assert (await talk.told(HungUp)).reason == "bye"
    assert office.bridge.calls == 0
