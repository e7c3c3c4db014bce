"""What of Asterisk's events makes a call, what takes it away, and what of it is left in Asterisk."""

import asyncio

import pytest

from engine.ports.intake import TAKEN_UP_S, CallEnded, MediaNotice, Refusal
from media.sockets.ari_rest import address_of
from tests.media.sockets.test_called import CHANNEL, Intake, agent_of, asterisk


def offered(intake: Intake) -> list[str]:
    return [offer.correlation["asterisk-channel"] for offer in intake.offers]


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
        await played.talks(CHANNEL, "customer")
        await intake.until(lambda it: bool(it.offers) and not it.places)
        assert ari.calls == 0
        assert not intake.sessions


@pytest.mark.parametrize("reason", ["peer_vanished", "shutdown"])
async def test_an_asterisk_that_answers_nothing_keeps_no_call(reason: str) -> None:
    intake = Intake()
    async with asterisk(intake) as (played, ari, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        for number in (1, 2):
            await played.talks(CHANNEL | {"id": str(number)}, "customer")
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
        await played.talks(CHANNEL, "customer")
        await intake.until(lambda it: bool(it.offers) and not it.places)
        await played.emptied()
        assert ari.calls == 0


async def test_a_channel_that_is_marked_twice_is_one_call() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        for _ in range(2):
            await played.talks(CHANNEL, "customer")
        await intake.begun()
        await played.talks(CHANNEL | {"id": "another"}, "customer")
        await intake.begun(2)
        assert offered(intake) == [CHANNEL["id"], "another"]


AGENT = {"id": "1700000000.8", "name": "PJSIP/1001-00000002", "caller": {"number": "1001", "name": "Bea"}}
WAITING = {"id": "1700000000.9", "name": "PJSIP/trunk-00000003"}


@pytest.mark.parametrize(
    ("steps", "begins"),
    [
        ("mark", False),  # it rings, or a queue's announcements are heard
        ("mark customer", False),
        ("mark agent", False),
        ("mark customer agent", True),
        ("mark agent customer", True),
        ("customer mark agent", True),
        ("customer agent mark", True),
        ("customer agent", False),
        ("customer agent left mark", False),
        ("mark parked", False),
        ("mark parked customer agent", True),
        ("mark unmark customer agent", False),
        ("mark destroyed customer agent", False),
    ],
)
async def test_a_call_begins_once_its_channel_talks(steps: str, begins: bool) -> None:
    intake = Intake()
    intake.refusal = Refusal("overloaded")
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        for step in steps.split():
            match step:
                case "mark" | "unmark":
                    await played.mark(CHANNEL, "customer" if step == "mark" else "")
                case "customer" | "agent":
                    await played.enters(CHANNEL if step == "customer" else AGENT)
                case "parked":
                    await played.enters(WAITING, "parking", "holding")
                    await played.enters(CHANNEL, "parking", "holding")
                case "left":
                    await played.leaves(AGENT)
                case "destroyed":
                    await played.say("ChannelDestroyed", CHANNEL)
        await played.talks(CHANNEL | {"id": "last"}, "customer")
        await intake.until(lambda it: "last" in offered(it))
        assert offered(intake) == [CHANNEL["id"]] * begins + ["last"]


async def test_a_channel_that_talked_before_we_connected_is_heard_when_it_is_marked() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.bridges["b"] = {"id": "b", "bridge_type": "mixing", "channels": [CHANNEL["id"], AGENT["id"]]}
        played.connected.clear()
        await played.hang()
        await asyncio.wait_for(played.connected.wait(), 5)
        await played.mark(CHANNEL, "customer")
        await intake.begun()


@pytest.mark.parametrize(("talks", "age_s"), [(True, TAKEN_UP_S), (False, 0.0)], ids=["it talks", "it waits"])
async def test_a_channel_that_was_marked_before_we_connected_is_heard(talks: bool, age_s: float) -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.channels, played.marks = [AGENT, CHANNEL], {str(CHANNEL["id"]): "customer"}
        if talks:
            played.bridges["b"] = {"id": "b", "bridge_type": "mixing", "channels": [CHANNEL["id"], AGENT["id"]]}
        played.connected.clear()
        await played.hang()
        await asyncio.wait_for(played.connected.wait(), 5)
        if not talks:
            for one in (CHANNEL, AGENT):
                await played.enters(one)
        await intake.begun()
        assert [(offer.from_aor, offer.age_s) for offer in intake.offers] == [("+34600000001", age_s)]


async def test_a_call_that_was_being_set_up_when_the_connection_was_lost_is_heard_over_the_next() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.stuck = f"channels/{CHANNEL['id']}/snoop/"
        await played.talks(CHANNEL, "customer")
        await played.requested("/snoop/", 1)
        played.channels, played.marks = [CHANNEL, agent_of(CHANNEL)], {str(CHANNEL["id"]): "customer"}
        played.connected.clear()
        await played.hang()
        await asyncio.wait_for(played.connected.wait(), 5)
        await played.talks(CHANNEL | {"id": "another"}, "customer")
        await intake.until(lambda it: "another" in offered(it))  # by now the first one's mark has been found
        played.freed.set()
        await intake.begun(2)
        assert offered(intake) == [CHANNEL["id"], "another", CHANNEL["id"]]
        assert [offer.age_s for offer in intake.offers] == [0.0, 0.0, TAKEN_UP_S]


async def test_a_hold_behind_local_channels_that_talked_before_we_connected_is_seen() -> None:
    halves = [{"id": f"half-{end}", "name": f"Local/1001@agents-0000002a;{end}"} for end in "12"]
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.channels, played.marks = [CHANNEL, *halves, AGENT], {str(CHANNEL["id"]): "customer"}
        for bridge, pair in (("1", [CHANNEL["id"], "half-1"]), ("2", ["half-2", AGENT["id"]])):
            played.bridges[bridge] = {"id": bridge, "bridge_type": "mixing", "channels": pair}
        await played.hang()
        await intake.begun()
        await played.say("ChannelHold", AGENT)
        await intake.noticed("call.held")


async def test_what_an_engine_before_us_has_left_is_taken_away() -> None:
    left = [f"{kind}s/welcomedly-{name}-{'0' * 32}" for kind, name in (("channel", "snoop"), ("channel", "rtp"))]
    others = ["channels/welcomedly-2-rtp-" + "0" * 32, f"channels/{CHANNEL['id']}"]
    async with asterisk(Intake()) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.channels = [{"id": path.partition("/")[2]} for path in (*left, *others)]
        bridge = f"welcomedly-bridge-{'0' * 32}"
        played.bridges = {name: {"id": name, "bridge_type": "mixing", "channels": []} for name in (bridge, "another")}
        played.connected.clear()
        await played.hang()
        await asyncio.wait_for(played.connected.wait(), 5)
        played.requests.clear()
        await played.requested("/variable", len(others))
        changing = [(method, path) for method, path, _ in played.requests if method != "GET"]
        assert {path for _, path in changing} == {*left, f"bridges/{bridge}"}
        asked = [place for place, (_, path, _) in enumerate(played.requests) if path.endswith("/variable")]
        assert len(asked) == len(others), "none of ours is asked"
        assert all(method != "DELETE" for method, _, _ in played.requests[asked[0] :]), "what is left goes first"


@pytest.mark.parametrize("slow", ["bridges", "channels", "channels/slow/variable"])
async def test_an_asterisk_that_is_slow_to_tell_what_there_is_is_heard_all_the_same(
    slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.sockets.ari_stock.WITHIN_S", 0.2)
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.unanswered, played.channels = slow, [{"id": "slow"}]
        played.connected.clear()
        await played.hang()
        await asyncio.wait_for(played.connected.wait(), 5)
        await played.talks(CHANNEL, "customer")
        async with asyncio.timeout(5):
            await intake.begun()


async def test_several_channels_are_asked_at_once() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.together, played.marks = 8, {str(CHANNEL["id"]): "customer"}
        played.channels = [AGENT, *({"id": str(number)} for number in range(10)), CHANNEL]
        played.bridges["b"] = {"id": "b", "bridge_type": "mixing", "channels": [CHANNEL["id"], AGENT["id"]]}
        await played.hang()
        async with asyncio.timeout(5):
            await intake.begun()


async def test_who_answered_is_known_from_the_beginning() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        await played.mark(CHANNEL, "customer")
        await played.say("ChannelConnectedLine", CHANNEL | {"connected": {"number": "1001", "name": "Bea"}})
        await played.enters(CHANNEL | {"connected": {"number": "1001", "name": "Bea"}})
        await played.enters(AGENT)
        await intake.begun()
        assert [(one.aor, one.name) for one in intake.offers[0].participants] == [
            ("+34600000001", "Ana"),
            ("1001", "Bea"),
        ]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("agent ChannelHold, agent ChannelUnhold", ["call.held", "call.resumed"]),
        ("customer ChannelHold, customer ChannelUnhold", ["call.held", "call.resumed"]),
        ("agent ChannelHold, agent ChannelLeftBridge", ["call.held", "call.resumed"]),
        ("agent ChannelHold, agent ChannelDestroyed", ["call.held", "call.resumed"]),
        ("agent ChannelHold, customer ChannelHold, agent ChannelUnhold", ["call.held"]),
        ("agent ChannelHold, stranger ChannelUnhold", ["call.held"]),
        ("stranger ChannelHold", []),
        ("agent ChannelUnhold", []),
    ],
)
async def test_a_call_is_held_as_long_as_a_party_holds_it(steps: str, told: list[str]) -> None:
    intake = Intake()
    channels = {"customer": CHANNEL, "agent": agent_of(CHANNEL), "stranger": WAITING}
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        await played.talks(CHANNEL, "customer")
        await intake.begun()
        for step in steps.split(", "):
            who, event = step.split()
            if event == "ChannelLeftBridge":
                await played.leaves(channels[who], f"bridge of {CHANNEL['id']}")
            else:
                await played.say(event, channels[who])
        await played.say("ChannelDestroyed", CHANNEL)
        await intake.reason()
    names = [event.name for event in intake.events if isinstance(event, MediaNotice)]
    assert [name for name in names if name.startswith("call.")] == told


@pytest.mark.parametrize(
    ("role", "dialled", "number"),
    [
        ("customer", "910000001", "910000001"),
        ("customer", "+34910000001", "+34910000001"),
        ("customer", "s", "+34910000000"),
        ("customer", "600", "+34910000000"),
        ("customer", "", "+34910000000"),
        ("agent", "+34600000009", "+34910000000"),
    ],
)
async def test_the_peers_number_is_for_calls_to_none(role: str, dialled: str, number: str) -> None:
    intake = Intake()
    intake.refusal = Refusal("overloaded")
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        await played.talks(CHANNEL | {"dialplan": {"exten": dialled}}, role)
        await intake.until(lambda it: bool(it.offers))
        assert (intake.offers[0].to_aor, intake.offers[0].else_aor) == (number, "+34910000000")
