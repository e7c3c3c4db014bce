"""Desks that talk through the bridge, each with aiortc as its browser."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts import Pcm16
from media.bridge import phone_messages
from media.bridge.party import EarlyMedia
from media.bridge.phones import Patience
from media.codecs import PCMA, PCMU
from tests.media.bridge.far_party import FarParty
from tests.media.bridge.phone_world import Desk, World

TONE = (8000 * np.sin(np.arange(16_000) * 2 * np.pi * 440 / 8000)).astype(np.int16)
NOISE = np.random.default_rng(3).integers(-9000, 9000, 16_000).astype(np.int16)
NUMBER = "+34910000000"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as world:
        yield world


async def answered(world: World, desk: Desk, far: FarParty) -> str:
    """A call from afar that the desk takes; gives its id."""
    call = world.call_in(far, desk.aor).call_id
    await desk.hears("incoming", call=call)
    await desk.sound(call, TONE)
    await desk.say(type="accept", call=call)
    await desk.hears("answered", call=call)
    return call


def is_tone(sound: Pcm16) -> bool:
    """440 Hz, wherever it begins."""
    spectrum = np.abs(np.fft.rfft(sound.astype(float)))
    return bool(
        abs(np.argmax(spectrum) * 8000 / len(sound) - 440) < 10 and spectrum.max() ** 2 > 0.4 * np.sum(spectrum**2)
    )


def likeness(heard: Pcm16, said: Pcm16) -> float:
    """Correlation where it is best."""
    at = int(np.argmax(np.correlate(said.astype(float), heard.astype(float))))
    return float(np.corrcoef(heard, said[at : at + len(heard)])[0, 1])


@pytest.mark.interop("desk's phone", "connects")
@pytest.mark.interop("desk's phone", "legs right")
async def test_two_desks_call_talk_and_hang_up(world: World) -> None:
    ana, ben = await world.desk("ana@desk").open(), await world.desk("ben@desk").open()
    await ana.say(type="dial", ref="r1", to="ben")
    call = (await ana.hears("dialling", ref="r1"))["call"]
    shown = await ben.hears("incoming", call=call)
    assert (shown["address"], shown["name"], shown["to"]) == ("ana@desk", "Ana@Desk", "ben")
    await ana.hears("progress", call=call)
    mine, theirs = await ana.sound(call, TONE), await ben.sound(call, TONE)
    await ben.say(type="accept", call=call)
    await asyncio.gather(ana.hears("answered", call=call), ben.hears("answered", call=call))
    await asyncio.gather(mine.hears(40), theirs.hears(40))
    assert is_tone(mine.sound[1600:4800])
    assert is_tone(theirs.sound[1600:4800])
    assert min(world.switch.recorder.heard) > 20
    await ana.say(type="hang_up", call=call)
    assert (await ben.hears("ended", call=call))["reason"] == "bye"
    await ana.hears("ended", call=call)
    assert world.switch.calls == {}


@pytest.mark.interop("desk's phone", "audio exact")
async def test_a_caller_hears_ringing_until_there_is_a_path_for_the_sound(world: World) -> None:
    ana = await world.desk("ana@desk").open()
    far = FarParty(NUMBER)
    call = world.call_in(far, "ana").call_id
    await ana.hears("incoming", call=call, address=NUMBER)
    await ana.say(type="accept", call=call)
    await far.until(lambda far: far.progressed > 0)
    assert far.accepted is None
    await ana.sound(call, NOISE)
    await ana.hears("answered", call=call)
    assert far.accepted == "PCMU"
    await far.until(lambda far: len(far.played) > 25)
    assert likeness(np.concatenate(PCMU.decode([packet.payload for packet in far.played[5:25]])), NOISE) > 0.99
    for number in range(60):
        far.speak([PCMU.encode(NOISE[number * 160 : number * 160 + 160])], number)
        await asyncio.sleep(0)
    await ana.peers[0].hears(40)
    assert likeness(ana.peers[0].sound[1600:4800], NOISE) > 0.99


async def test_the_other_law_is_looked_up_in_both_directions(world: World) -> None:
    """The browser was answered before anybody knew what the other side would take, which it had not said early."""
    ana = await world.desk("ana@desk").open()
    far = world.switch.far[NUMBER] = FarParty(NUMBER, "PCMA")
    await ana.say(type="dial", ref="r", to=NUMBER)
    call = (await ana.hears("dialling"))["call"]
    peer = await ana.sound(call, TONE)
    assert "PCMU/8000" in peer.connection.remoteDescription.sdp
    far.hear(EarlyMedia("PCMU"))
    await ana.hears("progress", early=True)
    far.answer()
    await ana.hears("answered", call=call)
    await far.until(lambda far: len(far.played) > 25)
    assert is_tone(np.concatenate(PCMA.decode([packet.payload for packet in far.played[5:25]])))
    for number in range(60):
        far.speak([PCMA.encode(TONE[number * 160 : number * 160 + 160])], number)
        await asyncio.sleep(0)
    await peer.hears(40)
    assert is_tone(peer.sound[1600:4800])


@pytest.mark.interop("desk's phone", "pause")
async def test_hold_keys_and_their_echo_on_the_desk(world: World) -> None:
    ana = await world.desk("ana@desk").open()
    far = FarParty(NUMBER)
    call = await answered(world, ana, far)
    await ana.say(type="key", call=call, key="5")
    await far.until(lambda far: far.keys == ["5"])
    await ana.say(type="hold", call=call, on=True)
    await far.until(lambda far: far.turns == ["inactive"])
    held_at = len(far.played)
    far.press("1", 100)
    call_of = world.switch.calls[call]
    assert call_of.held
    await ana.say(type="hold", call=call, on=False)
    await far.until(lambda far: far.turns[-1:] == ["sendrecv"])
    await far.until(lambda far: len(far.played) > held_at + 10)


async def test_a_call_is_declined_or_given_up(world: World) -> None:
    ana = await world.desk("ana@desk").open()
    far = FarParty(NUMBER)
    call = world.call_in(far, "ana").call_id
    await ana.hears("incoming", call=call)
    await ana.say(type="decline", call=call)
    await far.until(lambda far: far.over == ("rejected", 603))
    other = FarParty(NUMBER)
    bridged = world.call_in(other, "ana")
    await ana.hears("incoming", call=bridged.call_id)
    bridged.hang_up("cancelled")
    assert (await ana.hears("ended", call=bridged.call_id))["reason"] == "cancelled"


@pytest.mark.interop("desk's phone", "change")
async def test_a_call_is_given_to_another_desk_blind(world: World) -> None:
    ana, ben = await world.desk("ana@desk").open(), await world.desk("ben@desk").open()
    far = FarParty(NUMBER)
    call = await answered(world, ana, far)
    await ana.say(type="transfer", call=call, to="nobody")
    await ana.hears("transferred", call=call, status=404)
    await ana.say(type="transfer", call=call, to="0600\r\nX-Any: 1")
    await ana.hears("error", call=call, code="refused")
    await ana.say(type="transfer", call=call, to="ben")
    await ben.hears("incoming", call=call, address=NUMBER)
    await ben.sound(call, TONE)
    await ben.say(type="accept", call=call)
    await ana.hears("transferred", call=call, status=200)
    assert (await ana.hears("ended", call=call))["reason"] == "transferred"
    await ben.hears("answered", call=call)
    before = len(far.played)
    await far.until(lambda far: len(far.played) > before + 20)


@pytest.mark.interop("desk's phone", "change")
async def test_a_call_is_given_to_another_desk_after_a_word_with_it(world: World) -> None:
    ana, ben = await world.desk("ana@desk").open(), await world.desk("ben@desk").open()
    far = FarParty(NUMBER)
    call = await answered(world, ana, far)
    await ana.say(type="hold", call=call, on=True)
    await ana.say(type="dial", ref="c", to="ben@desk")
    consult = (await ana.hears("dialling", ref="c"))["call"]
    await ben.hears("incoming", call=consult)
    await ana.sound(consult)
    await ben.sound(consult, TONE)
    await ben.say(type="accept", call=consult)
    await ana.hears("answered", call=consult)
    await ana.say(type="dial", ref="d", to="ben@desk")
    assert (await ana.hears("error", ref="d"))["code"] == "too_many_calls"
    await ana.say(type="transfer", call=call, consult=consult)
    await ana.hears("ended", call=consult)
    await far.until(lambda far: len(far.played) > 20)
    assert far.over is None
    assert not world.phones.named("ana").busy  # type: ignore[union-attr]


@pytest.mark.interop("desk's phone", "abnormal end")
async def test_a_call_outlives_its_socket_and_a_reload_of_the_page(world: World) -> None:
    ana = await world.desk("ana@desk").open()
    far = FarParty(NUMBER)
    call = await answered(world, ana, far)
    await ana.lose()
    before = len(far.played)
    await far.until(lambda far: len(far.played) > before + 10)  # sound does not need the socket
    again = await world.desk("ana@desk", "w1").open()
    standing = again.registered["calls"]
    assert [(one["call"], one["state"], one["way"], one["address"]) for one in standing] == [(call, "up", "in", NUMBER)]
    await ana.peers[0].close()
    before = len(far.played)
    await again.sound(call, TONE)
    await far.until(lambda far: len(far.played) > before + 10)
    assert far.over is None


@pytest.mark.interop("desk's phone", "abnormal end")
async def test_a_browser_that_does_not_come_back_ends_its_call() -> None:
    async with World(Patience(grace_s=0.0, reconnect_s=0.0)) as world:
        ana = await world.desk("ana@desk").open()
        far = FarParty(NUMBER)
        call = await answered(world, ana, far)
        await ana.peers[0].connected()
        await ana.peers[0].close()
        assert (await ana.hears("ended", call=call))["reason"] == "peer_vanished"
        await far.until(lambda far: far.over == ("peer_vanished", 0))
        other = FarParty(NUMBER)
        await answered(world, ana, other)
        await ana.lose()
        await other.until(lambda far: far.over == ("peer_vanished", 0))
        assert len(world.phones) == 0


async def test_the_newest_window_rings_and_the_one_before_keeps_its_call(world: World) -> None:
    first = await world.desk("ana@desk", "w1").open()
    call = await answered(world, first, FarParty(NUMBER))
    second = await world.desk("ana@desk", "w2").open()
    await first.hears("replaced")
    far = FarParty(NUMBER)
    ringing = world.call_in(far, "ana").call_id
    await second.hears("incoming", call=ringing)
    await first.say(type="hang_up", call=call)
    assert await first.is_closed() == 4409


async def test_phones_are_found_by_the_numbers_of_their_campaigns(world: World) -> None:
    ana, ben, cyd = world.desk("ana@desk"), world.desk("ben@desk"), world.desk("cyd@desk")
    await ana.open(world.token("ana@desk", numbers=("+34 910 000 000",), extension="1001"))
    await ben.open(world.token("ben@desk", numbers=("910000000",)), away=True)
    await cyd.open(world.token("cyd@desk", numbers=("sales",)))
    found = world.phones.for_number("+34910000000")
    assert [(phone.aor, phone.busy) for phone in found] == [("ana@desk", False), ("ben@desk", True)]
    assert [phone.aor for phone in world.phones.for_number("sip:sales@pbx.example")] == ["cyd@desk"]
    assert world.phones.named("sip:1001@pbx.example").aor == "ana@desk"  # type: ignore[union-attr]
    await ben.say(type="presence", away=False)
    await ben.say(type="dial", ref="r", to="nobody")
    await ben.hears("error", ref="r")
    assert [phone.busy for phone in world.phones.for_number("910000000")] == [False, False]


@pytest.mark.interop("desk's phone", "bad auth")
async def test_a_pass_that_is_wrong_or_over_closes_the_socket() -> None:
    async with World(over_check_s=0.0) as world:
        assert await (await world.desk("ana@desk").knock("nonsense.pass")).is_closed() == 4401
        assert await (await world.desk("ana@desk").knock(world.token("ana@desk", lasts_s=-1))).is_closed() == 4401
        ana = await world.desk("ana@desk").open()
        await ana.say(type="renew", token=world.token("ben@desk"))
        assert await ana.is_closed() == 4401
        ben = await world.desk("ben@desk").open()
        await ben.say(type="renew", token=world.token("ben@desk", lasts_s=1_000.0))
        await ben.say(type="dial", ref="1", to="x")
        await ben.hears("error", ref="1")
        real = world.now
        world.now = lambda: real() + 800.0
        await ben.say(type="dial", ref="2", to="x")
        await ben.hears("error", ref="2")
        world.now = lambda: real() + 1_001.0
        assert await ben.is_closed() == 4401


@pytest.mark.interop("desk's phone", "bad auth")
@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"type": "dial", "ref": "r", "to": "ben"}, "not_dialled"),
        ({"type": "transfer", "to": "ben"}, "refused"),
    ],
    ids=["dial", "transfer"],
)
async def test_a_call_outlasts_the_pass_and_nobody_else_is_dialled_then(
    world: World, asked: dict[str, str], code: str
) -> None:
    ana, ben = await world.desk("ana@desk").open(), await world.desk("ben@desk").open()
    far = FarParty(NUMBER)
    call = await answered(world, ana, far)
    real = world.now
    world.now = lambda: real() + 1_000.0
    await ana.say(call=call, **asked)
    assert (await ana.hears("error"))["code"] == code
    await ana.say(type="key", call=call, key="5")
    await far.until(lambda far: far.keys == ["5"])
    assert (far.over, ben.said) == (None, [])


@pytest.mark.interop("desk's phone", "malformed input")
@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (['{"type": "presence", "away": true}'], 1002),
        ([b"\x00"], 1003),
        (["{}"], 1007),
        (['{"type": "register", "token": "t", "window": 7}'], 1007),
        (['{"type": "register", "token": "t", "window": "' + "w" * 99 + '"}'], 1007),
        (["x" * 40_000], 1009),
    ],
)
async def test_what_is_no_message_closes_with_its_code(world: World, frames: list[bytes | str], code: int) -> None:
    desk = world.desk("ana@desk")
    await desk.connect()
    for frame in frames:
        await desk.send(frame)
    assert await desk.is_closed() == code


@pytest.mark.interop("desk's phone", "malformed input")
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=20), st.lists, max_leaves=5))
def test_no_json_raises_but_a_value_error(value: object) -> None:
    for kind in ("register", "dial", "offer", "hold", "key", "transfer", "x"):
        said = {"type": kind, "call": value, "token": value, "to": value, "sdp": value, "key": value, "on": value}
        with suppress(ValueError):
            phone_messages.read(msgspec.json.encode(said))


async def test_a_socket_says_again_and_again_that_it_stands_once_its_phone_is_known() -> None:
    async with World(beat_s=0.01) as world:
        desk = world.desk("ana@desk")
        await desk.connect()
        await desk.say(type="register", token=world.token("ana@desk"), window="w1")
        await desk.hears("beat")
        await desk.hears("beat")
        assert desk.closed is None
        assert not world.phones.named("ana").busy  # type: ignore[union-attr]


async def test_no_more_sockets_than_there_is_room_for() -> None:
    async with World(max_sockets=1) as world:
        await world.desk("ana@desk").open()
        async with world.client.get(world.url + "/phone") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "5")


async def test_a_flood_is_cut(world: World) -> None:
    ana = await world.desk("ana@desk").open()
    for _ in range(100):
        await ana.send('{"type": "presence", "away": false}')
    assert await ana.is_closed() == 1008


async def test_another_site_s_page_gets_no_socket(world: World) -> None:
    for origin, status in (
        ("https://evil.example", 403),
        ("https://desk.example", 101),
        ("http://127.0.0.1:8080", 101),
        ("http://[", 403),
    ):
        async with world.client.get(
            world.url + "/phone",
            headers={
                "Origin": origin,
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        ) as response:
            assert response.status == status


async def test_a_bad_offer_and_an_unknown_call_are_said(world: World) -> None:
    ana = await world.desk("ana@desk").open()
    far = FarParty(NUMBER)
    call = world.call_in(far, "ana").call_id
    await ana.say(type="offer", call=call, sdp="v=0\r\n")
    assert (await ana.hears("error", call=call))["code"] == "bad_offer"
    await ana.say(type="accept", call="00000000-0000-7000-8000-000000000000")
    assert (await ana.hears("error"))["code"] == "no_such_call"
    await ana.say(type="decline", call=call)
    await far.until(lambda far: far.over is not None)


async def test_a_bridge_that_stops_says_so_and_ends_the_calls(world: World) -> None:
    ana = await world.desk("ana@desk").open()
    far = FarParty(NUMBER)
    call = await answered(world, ana, far)
    await world.stop()
    assert (await ana.hears("ended", call=call))["reason"] == "shutdown"
    assert await ana.is_closed() == 1001
    assert far.over == ("shutdown", 0)
