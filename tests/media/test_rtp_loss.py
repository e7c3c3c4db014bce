"""A bad network for ten minutes, and packets that come when the live path has long gone on."""

import random
from collections.abc import AsyncIterator

import numpy as np
import pytest

from engine.facts import Pcm16
from engine.ports.intake import CallOffer, MediaNotice
from media.codecs import PCMU
from media.ports import PortRange
from media.rtp import RtpPacket, build_packet
from media.rtp_plane import RtpPlane
from media.rtp_session import RtpSession
from media.session import StreamOffer
from media.vad import VadBank

PEER = ("192.0.2.1", 4000)
BURST_EVERY_S = 20
BURST = 800
"""100 ms of noise that is found again by its shape."""


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


class Wire:
    """One stream of a plane in virtual time."""

    def __init__(self, plane: RtpPlane, session: RtpSession, clock: Clock) -> None:
        self.plane, self.session, self.clock = plane, session, clock

    def arrive(self, number: int, sound: Pcm16) -> None:
        data = build_packet(RtpPacket(0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, 5, PCMU.encode(sound)))
        self.session.streams["a"].receive(data, PEER, self.session.now_ms())

    def tick(self) -> None:
        self.clock.now_s += 0.020
        self.plane.tick()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    clock = Clock()
    plane = RtpPlane(ports=PortRange(32_400, 32_499), bank=VadBank(), clock=clock)
    session = await plane.allocate(CallOffer("call", "sip", "", "", "", ()), (StreamOffer("a", 0, "PCMU", 0),))
    yield Wire(plane, session, clock)
    await plane.aclose()


def burst() -> Pcm16:
    return np.random.default_rng(5).integers(-9000, 9000, BURST).astype(np.int16)


def found_at(heard: Pcm16) -> int:
    """Where the burst begins, in samples."""
    return int(np.argmax(np.correlate(heard.astype(float), burst().astype(float), "valid")))


async def test_ten_minutes_of_loss_and_jitter_move_nothing(wire: Wire) -> None:
    """2 % of packets are lost and the others come 0 to 80 ms late, out of order: sound stays on its clock."""
    chance = random.Random(11)
    silence, spoken = np.zeros(160, np.int16), burst()
    under_way: list[tuple[int, int, Pcm16]] = []
    offsets_ms: list[float] = []
    packets = 600 * 50
    for number in range(packets):
        into = (number * 160) % (BURST_EVERY_S * 8000) - 8000  # a second into each stretch
        sound = spoken[into : into + 160] if 0 <= into < BURST else silence
        if chance.random() >= 0.02:
            under_way.append((number + chance.choice((0, 0, 0, 0, 1, 2, 3, 4)), number, sound))
        for arrival in [one for one in under_way if one[0] <= number]:
            wire.arrive(*arrival[1:])
            under_way.remove(arrival)
        wire.tick()
        if into == 16_000:
            start_ms = (number - 150) * 20
            heard = wire.session.audio("a", start_ms + 20, start_ms + 2020)[::2]
            offsets_ms.append(found_at(heard) / 8 - 980)
    assert len(offsets_ms) == 30
    assert abs(offsets_ms[0]) < 100
    assert max(offsets_ms) - min(offsets_ms) < 20
    assert offsets_ms[-1] == pytest.approx(offsets_ms[0], abs=0.2)
    wire.session.close("bye")
    events = [event async for event in wire.session.events()]
    notices = [event for event in events if isinstance(event, MediaNotice)]
    assert {event.name for event in notices} == {"media.quality"}
    assert notices[-1].data["loss"] == pytest.approx(0.02, abs=0.004)


@pytest.mark.parametrize(("late_ms", "kept"), [(100, True), (1900, True), (2200, False)])
async def test_what_comes_late_is_written_down_while_the_live_path_goes_on(
    wire: Wire, late_ms: int, kept: bool
) -> None:
    sound = np.random.default_rng(2).integers(-9000, 9000, 160 * 200).astype(np.int16)
    sound = PCMU.decode([PCMU.encode(sound)])[0]
    for number in range(200):
        if number != 20:
            wire.arrive(number, sound[number * 160 : number * 160 + 160])
        if number == 20 + late_ms // 20:
            before = wire.session.audio("a", 400, 420)[::2].copy()
            wire.arrive(20, sound[3200:3360])
            wire.arrive(20, np.zeros(160, np.int16))  # doubled: it changes nothing
        wire.tick()
    assert not np.array_equal(before, sound[3200:3360])
    assert np.array_equal(wire.session.audio("a", 400, 420)[::2], sound[3200:3360]) == kept
    assert np.array_equal(wire.session.audio("a", 420, 3900)[::2], sound[3360:31_200])
    if kept:
        fates = wire.session.streams["a"].fates
        assert (fates["played"], fates["late"], fates["lost"]) == (199, 2, 1)
    wire.session.close("bye")
