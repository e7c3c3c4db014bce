"""Whatever a network does to the packets of a stream, its sound is heard once, in order, and where it belongs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.facts import Pcm16
from engine.ports.intake import CallOffer
from media.codecs import PCMU
from media.hearing import Hearing
from media.rtp import RtpPacket, build_packet
from media.rtp_stream import FILL_AFTER_MS, RtpStream, decode_all
from media.session import StreamOffer
from media.vad import VadBank

PACKETS = 100
"""Codes 0 to 99 decode to values of their own."""
PEER = ("192.0.2.1", 4000)
BANK = VadBank()
OFFER = CallOffer("call", "sip", "", "", "", ())


class Tape(Hearing):
    """Keeps every packet's sound with its place; packet n is all code n, so that one can tell them apart."""

    def __init__(self) -> None:
        super().__init__(OFFER, BANK)
        self.put_at: list[tuple[int, int, int]] = []

    def put(self, stream: str, position: int, samples: Pcm16) -> None:
        frontier = next(iter(self.ears())).frontier or 0
        code = PCMU.encode(samples[:1])[0]
        if code < PACKETS and len(set(samples.tolist())) == 1:  # else it is what hides a loss
            self.put_at.append((code, position, frontier))
        super().put(stream, position, samples)

    def pull(self, stream: str, by: int) -> None:
        self.put_at = [(code, position - by, frontier - by) for code, position, frontier in self.put_at]
        super().pull(stream, by)


class Network:
    def __init__(self) -> None:
        self.tape = Tape()
        self.stream = RtpStream(StreamOffer("a", 0, "PCMU", 0), self.tape)
        self.now_ms = 0.0

    def deliver(self, arrivals: list[tuple[float, bytes]]) -> None:
        """Packets by time of arrival, and the plane's ticks between them."""
        pending = sorted(arrivals, key=lambda arrival: arrival[0])
        while pending or self.now_ms < 400:
            self.now_ms += 20
            while pending and pending[0][0] <= self.now_ms:
                at_ms, data = pending.pop(0)
                self.stream.receive(data, PEER, at_ms)
            self.tick()
        self.now_ms += 20
        self.tick(last=True)

    def tick(self, *, last: bool = False) -> None:
        waiting = [(self.stream, item) for item in self.stream.drain(self.now_ms, last=last)]
        for (stream, item), samples in zip(waiting, decode_all(waiting), strict=True):
            stream.place(item, samples)
        self.stream.fill(self.now_ms)


def packet(number: int, timestamp: int) -> bytes:
    return build_packet(RtpPacket(0, (65_500 + number) & 0xFFFF, timestamp & 0xFFFFFFFF, 9, bytes([number]) * 160))


delays = st.lists(st.sampled_from([0.0, 0.0, 0.0, 5.0, 15.0, 45.0]), min_size=60, max_size=60)


@settings(max_examples=40)
@given(delays, st.sets(st.integers(3, 56), max_size=6), st.sets(st.integers(3, 56), max_size=2))
def test_jitter_loss_and_pauses(delays: list[float], lost: set[int], pauses: set[int]) -> None:
    network, arrivals, spoken_ms = Network(), list[tuple[float, bytes]](), 0
    placed: dict[int, int] = {}
    for number in range(60):
        if number in pauses:
            spoken_ms += 700
        placed[number] = spoken_ms * 8
        if number not in lost:
            arrivals.append((spoken_ms + 20 + delays[number], packet(number, 0xFFFFF000 + spoken_ms * 8)))
        spoken_ms += 20
    network.deliver(arrivals)
    heard = [number for number, _, _ in network.tape.put_at]
    assert heard == sorted(number for number in range(60) if number not in lost)
    shifts = {position - placed[number] for number, position, _ in network.tape.put_at}
    assert len(shifts) == 1
    shift = shifts.pop()
    assert 0 <= shift <= 45 * 8
    for number, position, _ in network.tape.put_at:
        assert PCMU.encode(network.tape.sound("a", position, 160)) == bytes([number]) * 160


@settings(max_examples=40)
@given(st.integers(5, 50), st.integers(100, 2000))
def test_a_stall_loses_nothing(at: int, stall_ms: int) -> None:
    """The network holds everything back for a while, then delivers it at once."""
    network = Network()
    arrivals = []
    for number in range(PACKETS):
        due_ms = number * 20 + 20.0
        if number >= at:
            due_ms = max(due_ms, at * 20 + stall_ms)
        arrivals.append((due_ms, packet(number, number * 160)))
    network.deliver(arrivals)
    heard = network.tape.put_at
    assert [number for number, _, _ in heard] == list(range(PACKETS))
    after = [position for number, position, _ in heard if number >= at]
    assert after[0] * 1000 / 8000 <= at * 20 + max(0.0, stall_ms - FILL_AFTER_MS) + 40
    overlaps = [(number, position, frontier) for number, position, frontier in heard if position < frontier]
    assert all(number > at for number, _, _ in overlaps)


UNAGREED = {
    "comfort noise": (13, b"\x40"),
    "a key": (101, b"\x01\x0a\x00\xa0"),
    "an empty keep-alive": (0, b""),
    "another codec": (18, bytes(20)),
}


@pytest.mark.parametrize("odd", UNAGREED)
def test_what_nobody_agreed_on_is_silence_and_no_loss(odd: str) -> None:
    network, (kind, payload) = Network(), UNAGREED[odd]
    for number in range(PACKETS):
        network.now_ms += 20
        data = packet(number, number * 160)
        if number % 10 == 5:
            data = build_packet(RtpPacket(kind, (65_500 + number) & 0xFFFF, 0x12345678, 9, payload))
        network.stream.receive(data, PEER, network.now_ms)
        network.tick()
        if number > 3 and number % 10 != 5:
            assert network.tape.put_at[-1][0] == number, "it waits for nothing"
    heard = [number for number, _, _ in network.tape.put_at]
    assert heard == [number for number in range(PACKETS) if number % 10 != 5]
    assert all(
        not network.tape.sound("a", position - 160, 160).any()
        for number, position, _ in network.tape.put_at
        if number % 10 == 6
    )
    fates = {fate: count for fate, count in network.stream.fates.items() if count}
    assert fates == {"played": 90, "unagreed": 10}
    quality = network.stream.judge(whole=True)
    assert quality is not None
    assert (quality.packets, quality.loss, quality.jitter_ms) == (PACKETS, 0.0, 0.0)


def test_what_nobody_agreed_on_makes_no_source_and_counts_once() -> None:
    network = Network()
    odd = [build_packet(RtpPacket(99, number, 0, 7, b"x")) for number in range(50)]
    network.deliver([(number * 20.0, data) for number, data in enumerate(odd)])
    assert network.stream.last_packet_ms is None
    assert network.stream.fates["unagreed"] == 50
    for number in range(3):
        network.stream.receive(packet(number, number * 160), PEER, network.now_ms)
    repeated = build_packet(RtpPacket(99, (65_500 + 3) & 0xFFFF, 0, 9, b"x"))
    for _ in range(20):
        network.stream.receive(repeated, PEER, network.now_ms)
    network.tick(last=True)
    fates = {fate: count for fate, count in network.stream.fates.items() if count}
    assert fates == {"played": 3, "unagreed": 51, "late": 19}


def test_a_payload_type_that_is_given_to_another_codec_costs_the_packets_that_wait_and_nobody_else() -> None:
    network, other = Network(), Network()
    network.stream.renew(StreamOffer("a", 0, "opus", 96))
    for number in range(3):  # the first may not be the first that was sent: all wait
        opus = build_packet(RtpPacket(96, number, number * 960, 9, b"\xf8\xff\xfe"))
        network.stream.receive(opus, PEER, 20.0 * number)
        other.stream.receive(packet(number, number * 160), PEER, 20.0 * number)
    network.tick()
    network.stream.renew(StreamOffer("a", 0, "L16/16000", 96))
    waiting = [(one.stream, item) for one in (network, other) for item in one.stream.drain(100.0, last=True)]
    for (stream, item), samples in zip(waiting, decode_all(waiting), strict=True):
        stream.place(item, samples)
    assert [number for number, _, _ in other.tape.put_at] == [0, 1, 2]
    assert {fate: count for fate, count in network.stream.fates.items() if count} == {"unagreed": 3}


def test_time_passes_while_keys_are_pressed() -> None:
    """A speaker who falls silent is told so, though packets without sound go on."""
    network = Network()
    network.stream.renew(StreamOffer("a", 0, "PCMU", 0, event_payload_type=101))
    for number in range(PACKETS):
        network.now_ms += 20
        data = packet(number, number * 160)
        if number >= 20:
            data = build_packet(RtpPacket(101, (65_500 + number) & 0xFFFF, 20 * 160, 9, b"\x01\x0a\x00\xa0"))
        network.stream.receive(data, PEER, network.now_ms)
        network.tick()
    (ear,) = network.tape.ears()
    assert ear.frontier is not None
    assert ear.frontier >= (network.now_ms - FILL_AFTER_MS) * 8


@given(st.lists(st.binary(max_size=220), max_size=60))
def test_any_bytes(datagrams: list[bytes]) -> None:
    network = Network()
    network.deliver([(at * 7.0, data) for at, data in enumerate(datagrams)])
    assert sum(network.stream.fates.values()) <= len(datagrams)
    assert np.all(network.tape.sound("a", 0, 100) == 0) or network.stream.fates["played"] > 0
