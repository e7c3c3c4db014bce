"""What of Asterisk's events makes a call, what takes it away, and what of it is left in Asterisk."""

import asyncio

import pytest

from engine.ports.intake import CallEnded
from media.sockets.ari_rest import address_of
from tests.media.sockets.test_called import CHANNEL, Intake, asterisk


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.2:8088", "127.0.0.2"),
        ("https://127.0.0.2", "127.0.0.2"),
        ("https://127.0.0.2/behind/a/proxy/", "127.0.0.2"),
        ("http://[::1]:8088", "::1"),
        ("http://localhost:8088", "127.0.0.1"),
    ],
)
async def test_our_address_is_the_one_towards_the_urls_host(url: str, address: str) -> None:
    assert await address_of(url) == address


def no_way(host: str) -> str:
    raise OSError("network is unreachable")


async def test_a_call_whose_sound_could_not_reach_us_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    intake = Intake()
    async with asterisk(intake) as (played, ari, room):
        await asyncio.wait_for(played.connected.wait(), 5)
        monkeypatch.setattr(room.plane, "address", no_way)
        await played.say("ChannelVarset", CHANNEL, variable="WELCOMEDLY", value="customer")
        await intake.until(lambda it: bool(it.offers) and not it.places)
        assert ari.calls == 0
        assert not intake.sessions


@pytest.mark.parametrize("reason", ["peer_vanished", "shutdown"])
async def test_an_asterisk_that_answers_nothing_keeps_no_call(reason: str) -> None:
    intake = Intake()
    async with asterisk(intake) as (played, ari, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        for number in (1, 2):
            await played.say("ChannelVarset", CHANNEL | {"id": str(number)}, variable="WELCOMEDLY", value="customer")
            await intake.begun(number)
        played.silent = True
        if reason == "shutdown":
            await asyncio.wait_for(ari.close(), 5)
        else:
            played.connected.clear()
            await played.hang()
            await asyncio.wait_for(played.connected.wait(), 5)
        await intake.reason()
        assert [event.reason for event in intake.events if isinstance(event, CallEnded)] == [reason, reason]


async def test_nothing_is_left_of_a_caller_who_hung_up_meanwhile() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, ari, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.gone = CHANNEL
        await played.say("ChannelVarset", CHANNEL, variable="WELCOMEDLY", value="customer")
        await intake.until(lambda it: bool(it.offers) and not it.places)
        await played.emptied()
        assert ari.calls == 0


async def test_a_channel_that_is_marked_twice_is_one_call() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        for _ in range(2):
            await played.say("ChannelVarset", CHANNEL, variable="WELCOMEDLY", value="customer")
        await intake.begun()
        await played.say("ChannelVarset", CHANNEL | {"id": "another"}, variable="WELCOMEDLY", value="customer")
        await intake.begun(2)
        assert offered(intake) == [CHANNEL["id"], "another"]


def offered(intake: Intake) -> list[str]:
    return [offer.correlation["asterisk-channel"] for offer in intake.offers]
