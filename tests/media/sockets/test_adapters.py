"""What any bytes do to the adapters, and what the AudioHook and the others promise beside the interop table."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.control.peers import Peer, PeerProtocol, load_peers
from engine.control.trunks import RoleOverride
from engine.errors import StartupError
from engine.facts import Suggestion, Transcript
from engine.ports.intake import CallEnded, Refusal
from media.sockets.adapters import adapter_for
from media.sockets.audiohook import seconds_of
from media.sockets.bencode import decode, encode
from media.sockets.link import Link
from media.sockets.plane import SocketPlane
from media.sockets.signature import Upgrade
from media.sockets.switchboard import Switchboard
from media.sockets.wire import Malformed, Open, Parties, Sound
from tests.media.sockets.clients import AudioHookClient, AudioSocketClient, Disconnected, Twilio
from tests.media.sockets.site import Counted, FakeClock, FakeIntake, bank, site
from tests.media.sockets.speech import FRAME, to_ulaw, voices

WIRED: tuple[PeerProtocol, ...] = (
    "twilio",
    "telnyx",
    "plivo",
    "exotel",
    "vonage",
    "audiohook",
    "audiosocket",
    "chan_websocket",
    "audio_fork",
    "audio_stream",
    "jambonz",
)
STARTS: dict[PeerProtocol, str | bytes] = {
    "twilio": '{"event":"start","start":{"tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw"}}}',
    "telnyx": '{"event":"start","start":{"media_format":{"encoding":"PCMU","sample_rate":8000}}}',
    "plivo": '{"event":"start","start":{"tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-l16"}}}',
    "exotel": '{"event":"start","start":{}}',
    "vonage": '{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}',
    "audiohook": json.dumps(
        {
            "version": "2",
            "id": "s",
            "type": "open",
            "seq": 1,
            "serverseq": 0,
            "position": "PT0S",
            "parameters": {
                "conversationId": "c",
                "participant": {"id": "p"},
                "media": [{"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}],
            },
        }
    ),
    "audiosocket": b"\x01\x00\x10" + bytes(16),
    "chan_websocket": "MEDIA_START format:ulaw",
    "audio_fork": "anything",
    "audio_stream": "{}",
    "jambonz": '{"sampleRate":8000}',
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner))
NAMES = (
    *("event", "start", "media", "stop", "dtmf", "version", "id", "type", "seq", "serverseq", "parameters", "position"),
    *("payload", "timestamp", "chunk", "track", "mediaFormat", "media_format", "encoding", "sampleRate", "tracks"),
    *("callSid", "discarded", "conversationId", "participant"),
)
names = st.sampled_from(NAMES)
objects = st.dictionaries(names, values | st.sampled_from(["start", "media", "2", "open", "resumed", "1", "inbound"]))
messages = st.one_of(
    st.binary(max_size=700),
    st.text(max_size=300),
    objects.map(lambda found: json.dumps(found, default=str)),
)


@pytest.mark.parametrize("protocol", WIRED)
@pytest.mark.parametrize("started", [False, True])
@given(stream=st.lists(messages, max_size=8))
@settings(max_examples=30)
def test_no_message_is_an_exception(protocol: PeerProtocol, started: bool, stream: list[str | bytes]) -> None:
    """Only `Malformed` leaves an adapter; and the link takes that, too."""
    peer = Peer("p", protocol)
    adapter = adapter_for(peer, None if protocol == "audiosocket" else Upgrade("/p", {}, ""))
    try:
        for message in ([STARTS[protocol]] if started else []) + stream:
            for act in adapter.receive(message):
                if isinstance(act, Open):
                    list(adapter.admitted())
                assert not isinstance(act, Sound) or act.samples.dtype == np.int16
    except Malformed:
        list(adapter.hang_up("malformed"))


@pytest.mark.parametrize("protocol", WIRED)
@given(stream=st.lists(messages, max_size=8))
@settings(max_examples=12)
async def test_no_stream_harms_more_than_its_own_call(protocol: PeerProtocol, stream: list[str | bytes]) -> None:
    board = Switchboard(FakeIntake(), SocketPlane(bank=bank(), clock=FakeClock()), Counted())
    peer = Peer("p", protocol)
    adapter = adapter_for(peer, None if protocol == "audiosocket" else Upgrade("/p", {}, ""))
    link = Link(board, peer, adapter, "192.0.2.1:1/ws")
    for message in [STARTS[protocol], *stream]:
        link.receive(message)
    board.plane.tick()
    link.lost(clean=False)
    assert len(board) == 0
    assert link.over


# ─── who is who ──────────────────────────────────────────────────────────────────────────────────────────────────────

NUMBERS = {"from": "+15550100", "to": "+34600000001"}
NAMED = NUMBERS | {"agent": "1001"}
TWILIO = {"event": "start", "start": {"tracks": ["inbound", "outbound"], "customParameters": NAMED}}
MEDIA_START = {"event": "MEDIA_START", "format": "ulaw"}


@pytest.mark.parametrize(
    ("protocol", "roles", "start", "people"),
    [
        ("twilio", None, TWILIO, "inbound customer +15550100, outbound agent 1001"),
        ("twilio", "first_is_agent", TWILIO, "inbound agent 1001, outbound customer +34600000001"),
        (
            "telnyx",
            "first_is_agent",
            {"event": "start", "start": {"from": "1001", "to": "+34600000001"}},
            "inbound agent 1001, outbound customer +34600000001",
        ),
        (
            "chan_websocket",
            "first_is_agent",
            MEDIA_START | {"channel_variables": NAMED | {"ch": "in"}},
            "customer agent 1001",
        ),
        (
            "chan_websocket",
            "first_is_agent",
            MEDIA_START | {"channel_variables": NAMED | {"ch": "out"}},
            "agent customer +34600000001",
        ),
        ("chan_websocket", None, MEDIA_START | {"channel_variables": NAMED | {"ch": "out"}}, "agent agent 1001"),
        (
            "audio_fork",
            "first_is_agent",
            NAMED | {"mix": "stereo"},
            "caller agent 1001, callee customer +34600000001",
        ),
        ("audio_fork", "first_is_customer", NAMED | {"mix": "stereo"}, "caller customer +15550100, callee agent 1001"),
        (
            "audio_fork",
            "first_is_customer",
            NUMBERS | {"mix": "stereo"},
            "caller customer +15550100, callee agent +34600000001",
        ),
    ],
)
def test_an_address_is_on_the_party_whose_it_is(
    protocol: PeerProtocol, roles: RoleOverride | None, start: dict[str, Any], people: str
) -> None:
    adapter = adapter_for(Peer("p", protocol, roles=roles), Upgrade("/p", {}, ""))
    (opened,) = [act for act in adapter.receive(json.dumps(start)) if isinstance(act, Open)]
    parties = [channel.participant for channel in opened.channels]
    assert ", ".join(f"{one.stream} {one.role} {one.aor}" for one in parties) == people


# ─── AudioHook ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_connection_probe_is_answered_and_makes_no_call() -> None:
    peer = AudioHookClient.peer()
    async with site([peer]) as place:
        client = AudioHookClient(place.address(peer))
        client.probe = True
        await client.connect()
        await client.begin()
        await client.hang_up()
        assert client.opened["parameters"]["media"] == [client.offered[2]]
        assert not place.intake.offers


async def test_opened_repeats_the_offer_that_parts_the_speakers() -> None:
    peer = AudioHookClient.peer()
    async with site([peer]) as place:
        client = AudioHookClient(place.address(peer))
        await client.connect()
        await client.begin()
        assert client.opened["parameters"]["media"] == [client.offered[2]]
        (offer,) = place.intake.offers
        assert offer.from_aor == "+34600000001"
        assert offer.to_aor == "+34910000000"
        assert offer.participants[1].aor == "1001@pbx.example"
        assert offer.correlation["session-id"] == client.session
        await client.control("ping", rtt="PT0.1S")
        await client.answer("pong")
        await client.hang_up()


@pytest.mark.parametrize("channels", [["external", "internal"], ["internal", "external"]])
def test_the_callers_name_is_the_external_channels_and_outlasts_an_update(channels: list[str]) -> None:
    adapter = adapter_for(Peer("p", "audiohook"), Upgrade("/p", {}, ""))
    opening = json.loads(STARTS["audiohook"])
    opening["parameters"]["participant"]["aniName"] = "Ana"
    opening["parameters"]["media"][0]["channels"] = channels
    (opened,) = [act for act in adapter.receive(json.dumps(opening)) if isinstance(act, Open)]
    people = tuple(channel.participant for channel in opened.channels)
    assert {one.stream: one.name for one in people} == {"external": "Ana", "internal": ""}
    list(adapter.admitted())
    update = opening | {"type": "update", "seq": 2, "parameters": {"language": "pt-BR"}}
    assert Parties(people) in list(adapter.receive(json.dumps(update)))


async def test_a_refusal_is_a_disconnect_that_says_why() -> None:
    peer = AudioHookClient.peer()
    async with site([peer]) as place:
        place.intake.refusal = Refusal("overloaded", 5)
        client = AudioHookClient(place.address(peer))
        await client.connect()
        with pytest.raises(Disconnected):
            await client.begin()
        assert client.answers[-1]["parameters"] == {"reason": "error", "info": "overloaded"}
        await client.hang_up()
        assert not place.intake.sessions


async def test_words_and_cards_go_back_as_entities() -> None:
    peer = AudioHookClient.peer()
    async with site([peer]) as place:
        client = AudioHookClient(place.address(peer))
        await client.connect()
        await client.begin()
        session = await place.intake.session()
        call = session.offer.call_id
        said = Transcript(
            call_id=call, seq=7, stream="internal", leg="agent", start_ms=1200, end_ms=2000, turn=7, text="buenos días"
        )
        card = Suggestion(call_id=call, seq=8, turn=7, article="fees", title="Fees?", body="None.", score=0.8)
        session.told([said, card])
        message = await client.answer("event")
        transcript, assist = message["parameters"]["entities"]
        assert transcript["data"]["channelId"] == 1
        assert transcript["data"]["offset"] == "PT1.200S"
        assert transcript["data"]["alternatives"][0]["interpretations"][0]["transcript"] == "buenos días"
        assert assist["data"]["suggestions"][0]["answer"] == "None."
        await client.hang_up()


@pytest.mark.parametrize(("transcripts", "told"), [(None, True), (True, True), (False, False)])
async def test_a_platform_is_told_nothing_where_its_peer_says_so(transcripts: bool | None, *, told: bool) -> None:
    peer = msgspec.structs.replace(AudioHookClient.peer(), transcripts=transcripts)
    async with site([peer]) as place:
        client = AudioHookClient(place.address(peer))
        await client.connect()
        await client.begin()
        session = await place.intake.session()
        call = session.offer.call_id
        session.told(
            [
                Transcript(call_id=call, seq=7, stream="internal", turn=7, text="buenos días"),
                Suggestion(call_id=call, seq=8, turn=7, article="fees", title="Fees?", body="None.", score=0.8),
            ]
        )
        await client.hang_up()
        assert ("event" in {answer["type"] for answer in client.answers}) is told


async def test_what_is_discarded_keeps_its_length() -> None:
    """A pause of two seconds by the wire: what is said after it lies two seconds later."""
    peer = AudioHookClient.peer()
    async with site([peer]) as place:
        client = AudioHookClient(place.address(peer))
        await client.connect()
        await client.begin()
        await client.speak([voice[:8000] for voice in voices()])
        await client.pause()
        session = await place.intake.session()
        await place.clock.until(lambda: session.tracks["internal"].frontier >= 8000)
        place.passes(3.0)
        await client.resume(2000)
        await client.speak([voice[8000:16_000] for voice in voices()])
        await place.clock.until(lambda: session.tracks["internal"].frontier >= 32_000)
        for stream, voice in zip(client.streams, voices(), strict=True):
            assert np.array_equal(session.hearing.sound(stream, 24_000, 8000), voice[8000:16_000])
            assert not session.hearing.sound(stream, 8000, 16_000).any()


async def test_sound_during_a_pause_is_against_the_protocol() -> None:
    peer = AudioHookClient.peer()
    async with site([peer]) as place:
        client = AudioHookClient(place.address(peer))
        await client.connect()
        await client.begin()
        await client.pause()
        await client.frame([voice[:FRAME] for voice in voices()])
        assert (await client.answer("disconnect"))["parameters"]["reason"] == "error"


async def test_our_shutdown_asks_the_client_to_close() -> None:
    peer = AudioHookClient.peer()
    async with site([peer]) as place:
        client = AudioHookClient(place.address(peer))
        await client.connect()
        await client.begin()
        (link,) = place.server.links
        link.hang_up("shutdown")
        message = await client.answer("disconnect")
        assert message["parameters"]["reason"] == "completed"
        await client.hang_up()
        assert isinstance((await place.intake.over())[-1], CallEnded)


@pytest.mark.parametrize("text", ["PT", "1S", "PT1.2", "P1D", "PT99999H", None, 3])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(Malformed):
        seconds_of(text)
    assert seconds_of("PT1H2M3.5S") == 3723.5


# ─── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_too_many_sockets_are_told_to_come_later() -> None:
    peer = Twilio.peer()
    async with site([peer], max_links=1) as place:
        first, second = Twilio(place.address(peer)), Twilio(place.address(peer))
        await first.connect()
        with pytest.raises(Exception, match="503"):
            await second.connect()
        assert place.counted.outcomes[-1] == "limited"
        await first.close()


async def test_a_socket_that_says_nothing_is_closed() -> None:
    peer = Twilio.peer()
    async with site([peer]) as place:
        client = Twilio(place.address(peer))
        await client.connect()
        await place.clock.until(lambda: bool(place.server.links))
        place.clock.now += 11
        place.server.look_after(place.clock())
        assert await client.ended_by_server()


async def test_an_audiosocket_may_be_silent_before_its_first_sound() -> None:
    """A party that is rung, or says nothing, has no voice frames."""
    peer = AudioSocketClient.peer()
    async with site([peer]) as place:
        client = AudioSocketClient(place.address(peer))
        await client.connect()
        await client.begin()
        place.clock.now += 3600
        place.server.look_after(place.clock())
        await client.speak([voice[: 10 * FRAME] for voice in voices()])
        session = await place.intake.session()
        await place.clock.until(lambda: len(session.tracks) == 2)
        await client.close()


class Hurried(asyncio.SelectorEventLoop):
    """Whose time can be put forward."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def test_an_audiosocket_may_be_silent_for_as_long_as_it_is_held() -> None:
    async def hold() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Hurried)
        peer = AudioSocketClient.peer()
        async with site([peer]) as place:
            client = AudioSocketClient(place.address(peer))
            await client.connect()
            await client.begin()
            await client.speak([voice[:8000] for voice in voices()])
            session = await place.intake.session()
            await place.clock.until(lambda: sum(track.frontier for track in session.tracks.values()) == 16_000)
            loop.ahead_s = 3600
            for _ in range(3):  # turns of the loop, in which all that is due happens
                await asyncio.sleep(0)
            await client.speak([voice[8000:16_000] for voice in voices()])
            await place.clock.until(lambda: sum(track.frontier for track in session.tracks.values()) == 32_000)
            assert not session.closed
            await client.close()

    with asyncio.Runner(loop_factory=Hurried) as runner:
        runner.run(hold())


class FaultyIntake(FakeIntake):
    def begin(self, session: object) -> None:
        self.sessions.append(session)  # type: ignore[arg-type]
        raise KeyError("a fault of the pipeline")


async def test_a_fault_of_the_intake_ends_that_call_alone() -> None:
    intake, counted = FaultyIntake(), Counted()
    board = Switchboard(intake, SocketPlane(bank=bank(), clock=FakeClock()), counted)
    link = Link(board, Peer("p", "audio_fork"), adapter_for(Peer("p", "audio_fork"), Upgrade("/", {}, "")), "a:1/ws")
    link.receive("{}")
    assert link.over
    assert counted.outcomes == ["fault"]
    assert intake.sessions[0].closed
    assert len(board) == 0


async def test_a_flood_is_cut_off() -> None:
    clock, counted = FakeClock(), Counted()
    board = Switchboard(FakeIntake(), SocketPlane(bank=bank(), clock=clock), counted)
    link = Link(board, Peer("p", "twilio"), adapter_for(Peer("p", "twilio"), None), "192.0.2.1:1/ws")
    for _ in range(5000):
        link.receive('{"event":"mark"}')
    assert link.over
    assert counted.outcomes == ["flood"]


async def test_sound_far_ahead_of_the_clock_is_dropped() -> None:
    clock = FakeClock()
    plane = SocketPlane(bank=bank(), clock=clock, ahead_ms=1000)
    intake = FakeIntake()
    board = Switchboard(intake, plane, Counted())
    link = Link(board, Peer("p", "audio_fork"), adapter_for(Peer("p", "audio_fork"), Upgrade("/", {}, "")), "a:1/ws")
    link.receive("")
    for _ in range(20):
        link.receive(bytes(3200))
    (track,) = intake.sessions[0].tracks.values()
    assert track.frontier <= 8000 + 1600
    assert track.dropped > 0
    link.lost(clean=True)


async def test_an_unknown_uuid_and_a_strange_address_are_no_call() -> None:
    peer = AudioSocketClient.peer()
    fenced = Peer("far", "audiosocket", port=0, networks=load_networks("192.0.2.0/24"))
    async with site([peer, fenced]) as place:
        client = AudioSocketClient(place.address(peer))
        await client.connect()
        client.lines[0][1].write(b"\x01\x00\x10" + bytes(16))
        assert await client.ended_by_server()
        await client.close()
        stranger = AudioSocketClient(("127.0.0.1", place.server.tcp_port("far")))
        await stranger.connect()
        assert await stranger.ended_by_server()
        await stranger.close()
        assert "forbidden" in place.counted.outcomes
        assert not place.intake.offers


def load_networks(text: str) -> Any:
    import ipaddress

    return (ipaddress.ip_network(text),)


async def test_g711_where_linear_is_promised_is_found_out() -> None:
    """A Dial without `/c(slin)`: refused unless the peer says what its frames are."""
    frame = b"\x10\x00\xa0" + to_ulaw(voices()[0][:FRAME])
    adapter = adapter_for(Peer("p", "audiosocket"), None)
    with pytest.raises(Malformed, match=r"c\(slin\)"):
        list(adapter.receive(STARTS["audiosocket"] + frame))  # type: ignore[operator]
    told = adapter_for(Peer("p", "audiosocket", codec="ulaw"), None)
    sounds = [act for act in told.receive(STARTS["audiosocket"] + frame) if isinstance(act, Sound)]  # type: ignore[operator]
    assert np.array_equal(sounds[0].samples, voices()[0][:FRAME])


# ─── the file of peers, bencode ──────────────────────────────────────────────────────────────────────────────────────


def test_peers_are_read_and_secrets_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sockets.toml"
    file.write_text(
        '[[peer]]\nname = "twilio"\nprotocol = "twilio"\nsecret = "env:TOKEN"\nnumber = "+1"\n'
        '[[peer]]\nname = "pbx"\nprotocol = "audiosocket"\nport = 9092\naddresses = ["10.0.0.0/8"]\npair = true\n'
    )
    monkeypatch.setenv("TOKEN", "hush-hush")
    twilio, pbx = load_peers(file)
    assert (twilio.path, twilio.secret) == ("/twilio", "hush-hush")
    assert "hush" not in repr(twilio)
    assert twilio.allows("203.0.113.9")
    assert pbx.allows("10.1.2.3")
    assert not pbx.allows("203.0.113.9")


@pytest.mark.parametrize(
    "text",
    [
        "[[peer]]",
        '[[peer]]\nname = "a"\nprotocol = "smoke"',
        '[[peer]]\nname = "a"\nprotocol = "audiosocket"',
        '[[peer]]\nname = "a"\nprotocol = "audiosocket"\nport = 9092\nsecret = "topsecret"',
        '[[peer]]\nname = "a"\nprotocol = "rtpengine"',
        '[[peer]]\nname = "a"\nprotocol = "audiohook"\nsecret = "topsecret"',
        '[[peer]]\nname = "a"\nprotocol = "twilio"\nsecret = "env:NOT_THERE_AT_ALL"',
        '[[peer]]\nname = "a"\nprotocol = "twilio"\npath = "x"',
        '[[peer]]\nname = "a"\nprotocol = "twilio"\n[[peer]]\nname = "a"\nprotocol = "plivo"',
        "not toml",
    ],
)
def test_a_wrong_file_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "sockets.toml"
    file.write_text(text)
    with pytest.raises(StartupError, match="SOCKETS") as error:
        load_peers(file)
    assert "topsecret" not in str(error.value)


plain = st.recursive(
    st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_bencode_returns_what_it_was_given(value: object) -> None:
    assert decode(encode(value)) == value


@given(st.binary(max_size=200) | st.text("dlei0123456789:", max_size=80).map(str.encode))
def test_bencode_takes_any_bytes(data: bytes) -> None:
    try:
        decode(data)
    except ValueError:
        return
