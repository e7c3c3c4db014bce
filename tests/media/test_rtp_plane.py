import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import uvloop

from engine.errors import Overloaded
from engine.facts import Pcm16, SpeechSegment
from engine.ports.intake import (
    CallEnded,
    CallOffer,
    ClockTick,
    MediaEvent,
    MediaNotice,
    Participant,
    ParticipantsChanged,
)
from media.audio import AudioRing
from media.codecs import CODECS
from media.jitter import Released
from media.ports import PortRange
from media.rtp import RtpPacket, build_packet
from media.rtp_plane import RtpPlane
from media.rtp_sender import RtpLine, RtpSender
from media.rtp_session import Before, RtpSession
from media.rtp_stream import RtpStream
from media.session import MediaAllocator, MediaSession, StreamOffer
from media.source_lock import Address
from media.vad import VadBank
from media.wav_file import FileSession, read_channels

CALL = Path(__file__).parents[1] / "data" / "call_15s.flac"
PEER: Address = ("192.0.2.1", 4000)
OFFER = CallOffer("call", "siprec", "192.0.2.1:5060/udp", "", "", ())
CUSTOMER = StreamOffer("customer", 0, "PCMU", 0, event_payload_type=101, comfort_payload_type=13)
AGENT = StreamOffer("agent", 1, "PCMA", 8)


@pytest.fixture(scope="module")
def bank() -> VadBank:
    return VadBank()


@pytest.fixture(scope="module")
def voices() -> list[Pcm16]:
    return read_channels(CALL)[0]


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Line:
    """One line's packets, in virtual time straight into the stream."""

    def __init__(self, session: RtpSession, offer: StreamOffer, sound: Pcm16, ptime_ms: int = 20) -> None:
        self.session, self.offer, self.sound = session, offer, sound
        self.size = ptime_ms * 8
        self.ssrc, self.sequence, self.address = 77 + offer.position, 65_530, PEER
        self.timestamp = 0xFFFFF000
        self.sent = 0

    def packet(self) -> bytes:
        """The next of the sound, whether it is sent or not."""
        sound = self.sound[self.sent : self.sent + self.size]
        payload = CODECS[self.offer.codec].encode(sound)
        packet = RtpPacket(self.offer.payload_type, self.sequence, self.timestamp, self.ssrc, payload)
        self.sent += len(sound)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + len(sound)) & 0xFFFFFFFF
        return build_packet(packet)

    def arrive(self, data: bytes) -> None:
        self.session.streams[self.offer.stream].receive(data, self.address, self.session.now_ms())


class BrokenStream(RtpStream):
    def place(self, item: Released, samples: Pcm16) -> None:
        raise ArithmeticError


class Room:
    """A plane in virtual time."""

    def __init__(self, bank: VadBank, *, suspend_after_s: float = 30.0) -> None:
        self.clock = FakeClock()
        self.plane = RtpPlane(
            ports=PortRange(30_000, 30_399), bank=bank, clock=self.clock, suspend_after_s=suspend_after_s
        )

    def pass_time(self, ms: float = 20) -> None:
        for _ in range(round(ms / 20)):
            self.clock.now_s += 0.020
            self.plane.tick()

    def play(self, *lines: Line, ms: int, lose: frozenset[int] = frozenset()) -> None:
        for at in range(ms // 20):
            self.clock.now_s += 0.020
            for line in lines:
                due = (at + 1) * 20 % (line.size // 8) == 0 or line.size == 160
                if due:
                    data = line.packet()
                    if at not in lose:
                        line.arrive(data)
            self.plane.tick()


@pytest.fixture
async def room(bank: VadBank) -> AsyncIterator[Room]:
    room = Room(bank)
    yield room
    await room.plane.aclose()


async def drained(session: RtpSession, reason: str = "bye") -> list[MediaEvent]:
    session.close(reason)
    return [event async for event in session.events()]


def ended(events: list[MediaEvent], stream: str = "customer") -> list[SpeechSegment]:
    return [
        event
        for event in events
        if isinstance(event, SpeechSegment) and event.stream == stream and event.state == "ended"
    ]


def notices(events: list[MediaEvent]) -> list[MediaNotice]:
    """But for those that come every 10 s."""
    return [event for event in events if isinstance(event, MediaNotice) and event.name != "media.quality"]


def test_it_is_what_signalling_asks_for(bank: VadBank) -> None:
    allocator: MediaAllocator = RtpPlane(bank=bank)
    session: type[MediaSession] = RtpSession
    assert allocator.address("192.0.2.7") == "127.0.0.1"
    assert session
    assert RtpPlane("0.0.0.0", bank=bank, advertise="198.51.100.1").address("192.0.2.7") == "198.51.100.1"
    assert RtpPlane("0.0.0.0", bank=bank).address("127.0.0.1") == "127.0.0.1"


async def test_two_legs_are_heard_as_the_file_is(room: Room, voices: list[Pcm16], bank: VadBank) -> None:
    agent = StreamOffer("agent", 1, "PCMU", 0)
    session = await room.plane.allocate(OFFER, (CUSTOMER, agent))
    room.play(Line(session, CUSTOMER, voices[0]), Line(session, agent, voices[1]), ms=15_000)
    events = await drained(session)
    file = FileSession(CALL, legs=("customer", "agent"), bank=bank)
    expected = [event async for event in file.events()]
    for stream in ("customer", "agent"):
        live, read = ended(events, stream), ended(expected, stream)
        assert [(one.start_ms, one.end_ms) for one in live] == [(one.start_ms, one.end_ms) for one in read]
    assert events[-1] == CallEnded(15_000, "bye")
    assert notices(events) == []
    assert np.array_equal(session.audio("customer", 5000, 8000), file.audio("customer", 5000, 8000))


async def test_packets_of_30_ms(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0], ptime_ms=30)
    for _ in range(300):
        room.clock.now_s += 0.030
        line.arrive(line.packet())
        room.plane.tick()
    assert len(ended(await drained(session))) == 2


async def test_the_clock_goes_on_without_packets(room: Room) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    room.pass_time(3000)
    ticks = [event.at_ms for event in await drained(session) if isinstance(event, ClockTick)]
    assert ticks == list(range(250, 2751, 250))


async def test_a_speaker_who_falls_silent_without_packets_has_ended(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0][4000 * 8 :])  # "No." ends at 4,384 ms
    room.play(line, ms=380)
    room.pass_time(1000)
    events = await drained(session)
    (spoken,) = ended(events)
    assert abs(spoken.end_ms - 380) <= 64
    assert events.index(spoken) < events.index(ClockTick(1000))


async def test_losses_are_hidden_and_words_go_on(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    lose = frozenset(range(5, 500, 23)) | {300, 301}
    room.play(Line(session, CUSTOMER, voices[0]), ms=9_000, lose=lose)
    hidden = session.audio("customer", 5 * 20 + 23 * 20 * 12, 5 * 20 + 23 * 20 * 12 + 20)  # mid-word at 5,620 ms
    events = await drained(session)
    assert len(ended(events)) == 2
    assert np.abs(hidden).max() > 100
    assert session.streams["customer"].fates["lost"] == len([at for at in lose if at < 450])


async def test_reordered_and_doubled_packets_change_nothing(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line, chance = Line(session, CUSTOMER, voices[0]), random.Random(5)
    under_way: list[tuple[int, bytes]] = []
    for at in range(450):
        room.clock.now_s += 0.020
        data = line.packet()
        under_way += [(at + chance.choice([0, 0, 0, 1, 2]), data), (at + 1, data)]
        for packet in [data for due, data in under_way if due == at]:
            line.arrive(packet)
        under_way = [(due, data) for due, data in under_way if due > at]
        room.plane.tick()
    sound = session.audio("customer", 5000, 8000)
    events = await drained(session)
    assert len(ended(events)) == 2
    assert session.streams["customer"].fates["lost"] == 0
    original = voices[0][5000 * 8 : 8000 * 8]
    assert min(np.abs(sound[::2].astype(int) - np.roll(original, shift)).mean() for shift in (0, 160, 320)) < 200


async def test_random_bytes_are_dropped_and_counted(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line, chance = Line(session, CUSTOMER, voices[0]), random.Random(3)
    for _ in range(450):
        room.clock.now_s += 0.020
        line.arrive(line.packet())
        for _ in range(20):
            noise = chance.randbytes(chance.randrange(0, 400))
            session.streams["customer"].receive(noise, ("198.51.100.9", 9), session.now_ms())
            spoofed = b"\x80\x00" + chance.randbytes(170)
            session.streams["customer"].receive(spoofed, PEER, session.now_ms())
        room.plane.tick()
    events = await drained(session)
    assert len(ended(events)) == 2
    assert notices(events) == []
    fates = room.plane.fates()
    assert fates["malformed"] + fates["foreign"] + fates["unagreed"] > 17_000
    assert fates["played"] == 450


async def test_another_ssrc_is_a_new_anchor_and_loses_nothing(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0])
    room.play(line, ms=4_800)
    line.ssrc, line.sequence, line.timestamp = 5, 100, 9
    line.sent += 200 * 8
    room.pass_time(200)
    room.play(line, ms=4_000)
    events = await drained(session)
    (reset,) = notices(events)
    assert (reset.name, reset.stream, reset.data["reason"]) == ("media.clock_reset", "customer", "source")
    last = ended(events)[-1]
    assert abs(last.end_ms - 8512) <= 64


async def test_hold_and_silence(bank: VadBank, voices: list[Pcm16]) -> None:
    room = Room(bank, suspend_after_s=2)
    session = await room.plane.allocate(OFFER, (CUSTOMER, AGENT))
    lines = Line(session, CUSTOMER, voices[0]), Line(session, AGENT, voices[1])
    room.play(*lines, ms=1000)
    session.hold()
    session.hold()
    room.pass_time(5000)
    session.resume()
    session.resume()
    for line in lines:
        line.timestamp += 5000 * 8
    room.play(lines[0], ms=2500)
    for line in lines[1:]:
        line.timestamp += 2500 * 8
    room.play(*lines, ms=200)
    events = await drained(session)
    assert [(notice.name, notice.stream) for notice in notices(events)] == [
        ("call.held", ""),
        ("call.resumed", ""),
        ("stream.suspended", "agent"),
        ("stream.resumed", "agent"),
    ]
    await room.plane.aclose()


async def test_a_stream_that_is_to_be_silent_is_not_suspended(bank: VadBank) -> None:
    room = Room(bank, suspend_after_s=2)
    quiet = StreamOffer("agent", 1, "PCMA", 8, flowing=False)
    session = await room.plane.allocate(OFFER, (quiet,))
    room.pass_time(3000)
    await session.update((AGENT,))
    room.pass_time(3000)
    (notice,) = notices(await drained(session))
    assert (notice.name, notice.stream) == ("stream.suspended", "agent")
    assert abs(notice.at_ms - 5000) <= 100
    await room.plane.aclose()


async def test_a_re_invite_changes_codec_and_adds_and_removes_lines(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0])
    room.play(line, ms=5_600)
    ports = session.local_ports()
    other = StreamOffer("customer", 0, "PCMA", 8)
    third = StreamOffer("third", 2, "PCMU", 0)
    await session.update((other, third))
    assert session.local_ports()[0] == ports[0]
    assert set(session.local_ports()) == {0, 2}
    line.offer = other
    joined = Line(session, third, voices[1])
    room.play(line, joined, ms=3_600)
    await session.update((other,))
    dropped = session.streams["third"].fates.get("malformed", 0)
    room.play(joined, ms=100)
    assert session.streams["third"].fates["malformed"] == dropped + 5
    events = await drained(session)
    assert [one.end_ms for one in ended(events)] == pytest.approx([4384, 8512], abs=64)
    assert len(ended(events, "third")) == 1


@pytest.mark.parametrize(("rates", "rate_hz"), [({}, 16_000), ({"customer": 8_000}, 8_000)])
async def test_a_stream_that_began_elsewhere_keeps_its_rate(room: Room, rates: dict[str, int], rate_hz: int) -> None:
    wide, rings = StreamOffer("customer", 0, "G722", 9), list[AudioRing]()

    def ring(stream: str, rate_hz: int) -> AudioRing:
        rings.append(AudioRing(rate_hz))
        return rings[-1]

    session = await room.plane.allocate(OFFER, (wide,), ring=ring, before=Before(room.clock(), rates=rates))
    for number in range(20):
        room.clock.now_s += 0.020
        packet = RtpPacket(9, number, number * 160, 7, bytes(160))
        session.streams["customer"].receive(build_packet(packet), PEER, session.now_ms())
        room.plane.tick()
    session.close("bye")
    assert session.streams["customer"].fates["played"] == 20
    assert [one.rate_hz for one in rings] == [rate_hz]
    assert 400 <= rings[0].end * 1000 / rate_hz <= 440


async def test_a_re_invite_opens_no_line_to_strangers_but_where_the_source_may_move(
    room: Room, voices: list[Pcm16]
) -> None:
    """A hold or another codec tells nothing of the address; what does holds for a second of the source's packets."""
    named = msgspec.structs.replace(CUSTOMER, remote_host=PEER[0], remote_port=PEER[1])
    other = msgspec.structs.replace(AGENT, remote_host=PEER[0], remote_port=PEER[1] + 2)
    session = await room.plane.allocate(OFFER, (named, other))
    line, agent = Line(session, named, voices[0]), Line(session, other, voices[1])
    agent.address = (PEER[0], PEER[1] + 2)
    room.play(line, agent, ms=400)
    held = msgspec.structs.replace(other, flowing=False)
    moved = msgspec.structs.replace(other, remote_port=PEER[1] + 4)
    same = msgspec.structs.replace(named)  # as it comes from another negotiation, or from another process
    for update in ((same, held), (same, other), (same, moved), (same, other)):
        await session.update(update)
    room.play(line, agent, ms=1_200)
    strangers = [Line(session, named, voices[1]), Line(session, other, voices[0])]
    for stranger in strangers:
        stranger.address, stranger.ssrc = ("198.51.100.66", 9999), 666
    for _ in range(200):
        room.play(line, agent, *strangers, ms=20)
        sources = [session.streams[name].rtp_address("") for name in ("customer", "agent")]
        assert sources == [line.address, agent.address]
    await session.update((same,))
    room.play(line, ms=2_000)
    await session.update((same, other))
    moved_on = Line(session, other, voices[1])
    moved_on.address, moved_on.ssrc = ("198.51.100.67", 5000), 78
    room.play(line, moved_on, ms=60)
    assert session.streams["agent"].rtp_address("") == moved_on.address, "a line that comes back is a new one"
    session.close("bye")


async def test_tones_and_comfort_noise_are_no_sound(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0])
    room.play(line, ms=200)
    for payload_type in (101, 13, 99):
        packet = RtpPacket(payload_type, line.sequence, line.timestamp, line.ssrc, b"\x05\x0a\x00\xa0")
        line.sequence += 1
        line.arrive(build_packet(packet))
    room.pass_time(100)
    assert session.streams["customer"].fates["unagreed"] == 1
    assert not np.any(session.audio("customer", 210, 300))
    session.close("bye")


async def test_a_first_packet_that_comes_late_anchors_nothing(room: Room, voices: list[Pcm16]) -> None:
    """A busy machine delivers the first packets in one go: once the others come as they are spoken, the sound moves to
    where it belongs, and not a sample is heard twice or lost."""
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0])
    held = [line.packet() for _ in range(13)]
    room.pass_time(260)
    for data in held:
        line.arrive(data)
    room.play(line, ms=8_740)
    events = await drained(session)
    assert notices(events) == []
    assert [one.end_ms for one in ended(events)] == pytest.approx([4384, 8512], abs=64)
    assert np.array_equal(session.audio("customer", 0, 8900)[::2], voices[0][: 8900 * 8])


async def test_a_packet_came_when_the_kernel_took_it(bank: VadBank, voices: list[Pcm16]) -> None:
    """The loop was busy for so long when it reads a packet: that long ago it came."""
    plane = RtpPlane(ports=PortRange(31_300, 31_399), bank=bank, clock=FakeClock())
    session = await plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0])
    (port,) = session._ports.values()
    busy_s = (0.3, 0.2, 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for ago_s in busy_s:
            peer.sendto(line.packet(), ("127.0.0.1", port.number))
            assert port.read(port.sockets[0], time.time() + ago_s)
    came = session.streams["customer"].drain(session.now_ms(), last=True)
    for item, ago_s in zip(came, busy_s, strict=True):
        assert -10_000 < item.at_ms - session.now_ms() <= -1000 * ago_s
    await plane.aclose()


async def test_participants_and_the_last_packet(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    assert session.last_packet_at() == 1000.0
    room.play(Line(session, CUSTOMER, voices[0]), ms=400)
    assert session.last_packet_at() == pytest.approx(1000.4)
    people = (Participant("customer", 0, "1001@pbx.example"),)
    session.participants_changed(people)
    session.close("bye")
    session.close("again")
    events = [event async for event in session.events()]
    assert ParticipantsChanged(400, people) in events
    assert events[-1] == CallEnded(400, "bye")


async def test_monotonic_time_is_that_of_speaking(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    assert session.monotonic_ms("customer", 500) == 1_000_500
    line = Line(session, CUSTOMER, np.zeros(60_000, np.int16))
    room.play(line, ms=1_200)
    for _ in range(8):  # its clock has run ahead
        line.arrive(line.packet())
    room.play(line, ms=2_000)
    assert session.monotonic_ms("customer", 1000) < 1_001_000
    session.close("bye")


async def test_ports_run_out_and_rest(bank: VadBank) -> None:
    clock = FakeClock()
    plane = RtpPlane(ports=PortRange(31_000, 31_003), bank=bank, clock=clock)
    session = await plane.allocate(OFFER, (CUSTOMER, AGENT))
    assert all(port % 2 == 0 for port in session.local_ports().values())
    with pytest.raises(Overloaded):
        await plane.allocate(OFFER, (CUSTOMER,))
    with pytest.raises(Overloaded):
        await session.update((CUSTOMER, AGENT, StreamOffer("third", 2, "PCMU", 0)))
    session.close("bye")
    with pytest.raises(Overloaded):
        await plane.allocate(OFFER, (CUSTOMER,))
    clock.now_s += 31
    await asyncio.sleep(0)  # the loop closes sockets a turn later
    (await plane.allocate(OFFER, (CUSTOMER,))).close("bye")
    await plane.aclose()


async def test_a_busy_port_is_passed_over(bank: VadBank) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 31_010))
        plane = RtpPlane(ports=PortRange(31_010, 31_013), bank=bank)
        session = await plane.allocate(OFFER, (CUSTOMER,))
        assert session.local_ports() == {0: 31_012}
        await plane.aclose()


async def play_on_loopback(bank: VadBank, voices: list[Pcm16]) -> None:
    async with RtpPlane(ports=PortRange(31_100, 31_199), bank=bank) as plane:
        session = await plane.allocate(OFFER, (CUSTOMER, AGENT))
        lines = [RtpLine(voices[0][5000 * 8 : 5800 * 8]), RtpLine(voices[1][: 800 * 8], "PCMA", 8)]
        sender = RtpSender(lines, seed=1)
        ports = session.local_ports()
        started = await sender.send([("127.0.0.1", ports[0]), ("127.0.0.1", ports[1])])
        sender.close()
        session.close("bye")
        events = [event async for event in session.events()]
    assert {fate: count for fate, count in plane.fates().items() if count} == {"played": 80}
    (spoken,) = ended(events)
    assert isinstance(events[-1], CallEnded)
    heard_s = session.monotonic_ms("customer", spoken.end_ms) / 1000
    assert started < heard_s < session.monotonic_ms("customer", events[-1].at_ms + 50) / 1000


async def test_real_packets_on_loopback_to_the_last_one(bank: VadBank, voices: list[Pcm16]) -> None:
    await play_on_loopback(bank, voices)


def test_the_same_on_uvloop(bank: VadBank, voices: list[Pcm16]) -> None:
    uvloop.run(play_on_loopback(bank, voices))


async def test_a_sender_whose_clock_is_fast_is_heard_to_the_end(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0])
    for _ in range(700):
        room.clock.now_s += 0.019
        line.arrive(line.packet())
        room.plane.tick()
    events = await drained(session)
    resets = notices(events)
    assert resets
    assert all(reset.data["reason"] == "drift" and reset.data["shift_ms"] <= -200 for reset in resets)
    assert len(ended(events)) == 2
    assert isinstance(events[-1], CallEnded)
    assert abs(ended(events)[-1].end_ms - 8512 * 0.95) < 300


async def test_shutdown_ends_the_calls(bank: VadBank) -> None:
    async with RtpPlane(ports=PortRange(31_200, 31_299), bank=bank) as plane:
        session = await plane.allocate(OFFER, (CUSTOMER,))
    (event,) = [event async for event in session.events()]
    assert isinstance(event, CallEnded)
    assert event.reason == "shutdown"


async def test_a_busy_loop_misses_nothing(bank: VadBank, voices: list[Pcm16]) -> None:
    """The process stands still for 800 ms of speech; the kernel keeps it, and no silence is put in its place."""
    room = Room(bank)
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0])
    line.address = ("127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for at in range(450):
            peer.sendto(line.packet(), ("127.0.0.1", session.local_ports()[0]))
            room.clock.now_s += 0.020
            if not 280 < at < 320:
                room.plane.tick()
                session.poll()
    events = await drained(session)
    assert notices(events) == []
    assert [one.end_ms for one in ended(events)] == pytest.approx([4384, 8512], abs=64)
    await room.plane.aclose()


async def test_a_broken_call_ends_and_the_others_go_on(room: Room, voices: list[Pcm16]) -> None:
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    other = await room.plane.allocate(OFFER, (CUSTOMER,))
    lines = Line(session, CUSTOMER, voices[0]), Line(other, CUSTOMER, voices[0])
    room.play(*lines, ms=200)
    session.streams["customer"] = BrokenStream(CUSTOMER, session.hearing)
    room.play(*lines, ms=8_800)
    broken = [event async for event in session.events()]
    assert isinstance(broken[-1], CallEnded)
    assert broken[-1].reason == "error"
    assert len(ended(await drained(other))) == 2


async def test_fates_are_passed_on(bank: VadBank, voices: list[Pcm16]) -> None:
    room, counted = Room(bank), list[tuple[str, int]]()
    room.plane = RtpPlane(
        ports=PortRange(30_400, 30_499),
        bank=bank,
        clock=room.clock,
        counted=lambda fate, count: counted.append((fate, count)),
    )
    session = await room.plane.allocate(OFFER, (CUSTOMER,))
    line = Line(session, CUSTOMER, voices[0])
    room.play(line, ms=6_000)
    line.arrive(b"nothing")
    room.play(line, ms=3_000)
    session.close("bye")
    await room.plane.aclose()
    assert sum(count for fate, count in counted if fate == "played") == 450
    assert ("malformed", 1) in counted
