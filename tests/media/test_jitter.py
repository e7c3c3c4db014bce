from hypothesis import given
from hypothesis import strategies as st

from media.jitter import CAPACITY, HOLD_MS, JitterBuffer, Released
from media.rtp import RtpPacket


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(0, sequence & 0xFFFF, (sequence * 160) & 0xFFFFFFFF, 1, b"x")


def numbers(released: list[Released]) -> list[int]:
    return [item.packet.sequence for item in released]


def begun(at: int = 10) -> JitterBuffer:
    jitter = JitterBuffer()
    jitter.push(packet(at), 0)
    assert numbers(jitter.pop(HOLD_MS)) == [at & 0xFFFF]
    return jitter


def test_the_first_packet_waits_for_earlier_ones() -> None:
    jitter = JitterBuffer()
    jitter.push(packet(6), 0)
    jitter.push(packet(5), 20)
    assert jitter.pop(HOLD_MS - 1) == []
    assert numbers(jitter.pop(HOLD_MS)) == [5, 6]


def test_in_order_leaves_at_once() -> None:
    jitter = begun()
    jitter.push(packet(11), 80)
    assert numbers(jitter.pop(80)) == [11]


def test_a_late_packet_is_waited_for() -> None:
    jitter = begun()
    jitter.push(packet(12), 100)
    assert jitter.pop(100) == []
    jitter.push(packet(11), 140)
    released = jitter.pop(140)
    assert numbers(released) == [11, 12]
    assert [item.lost for item in released] == [0, 0]


def test_a_lost_packet_is_given_up() -> None:
    jitter = begun()
    jitter.push(packet(13), 100)
    assert jitter.pop(100 + HOLD_MS - 1) == []
    (released,) = jitter.pop(100 + HOLD_MS)
    assert (released.packet.sequence, released.lost, jitter.lost) == (13, 2, 2)
    jitter.push(packet(12), 170)
    jitter.push(packet(12), 170)
    (late,) = jitter.pop(170)
    assert (late.packet.sequence, late.late, late.lost) == (12, True, 0)
    assert jitter.pop(170) == []
    assert jitter.late == 2
    jitter.push(packet(11), 180)
    assert [item.late for item in jitter.flush()] == [True]


def test_duplicates_are_dropped() -> None:
    jitter = begun()
    for _ in range(2):
        jitter.push(packet(12), 100)
    assert jitter.duplicates == 1
    jitter.push(packet(10), 100)
    assert jitter.late == 1


def test_the_number_wraps() -> None:
    jitter = begun(0xFFFE)
    for sequence in (0x10000, 0xFFFF, 0x10001):
        jitter.push(packet(sequence), 100)
    assert numbers(jitter.pop(100)) == [0xFFFF, 0, 1]


def test_a_far_number_counts_when_the_next_follows() -> None:
    jitter = begun()
    jitter.push(packet(40_000), 100)
    assert jitter.pop(200) == []
    jitter.push(packet(11), 110)
    assert numbers(jitter.pop(110)) == [11]
    jitter.push(packet(50_000), 120)
    jitter.push(packet(50_001), 140)
    released = jitter.pop(140)
    assert numbers(released) == [50_000, 50_001]
    assert [item.lost for item in released] == [0, 0]


def test_a_source_that_begins_anew_a_few_numbers_back_is_told_by_its_timestamps() -> None:
    jitter = begun(100)
    for sequence in range(101, 150):
        jitter.push(packet(sequence), 100)
    jitter.pop(100)
    jitter.push(packet(120), 110)  # the network's doubles
    jitter.push(packet(121), 110)
    jitter.push(RtpPacket(101, 150, 110 * 160, 1, b"x"), 110)  # a key: its timestamp is that of its start
    jitter.push(packet(148), 110)
    jitter.push(packet(149), 110)
    assert numbers(jitter.pop(110)) == [150]
    assert jitter.late == 4
    again = [RtpPacket(0, 100 + at, 1_000_000 + at * 160, 1, b"x") for at in range(60)]
    jitter.push(again[0], 120)
    assert jitter.pop(120) == [], "one alone may be any"
    jitter.push(again[1], 140)
    released = jitter.pop(140)
    for one in again[2:]:
        assert jitter.pass_by(one)
    assert numbers(released) == [100, 101]
    assert [item.lost for item in released] == [0, 0]
    assert (jitter.lost, jitter.late) == (0, 4)


def test_it_is_bounded() -> None:
    jitter = begun()
    for sequence in range(12, 12 + CAPACITY):
        jitter.push(packet(sequence), 100)
    assert len(jitter.pop(100)) == CAPACITY


@given(st.permutations(range(12)), st.sets(st.integers(1, 11), max_size=4), st.integers(0, 0xFFFF))
def test_whatever_comes_leaves_once_in_order(order: list[int], lost: set[int], first: int) -> None:
    jitter = begun(first)
    sent = [number for number in order if number not in lost]
    for number in sent:
        jitter.push(packet(first + 1 + number), 100)
    released = jitter.pop(100) + jitter.flush()
    assert numbers(released) == [(first + 1 + number) & 0xFFFF for number in sorted(sent)]
    assert sum(item.lost for item in released) == max(sent) + 1 - len(sent)
