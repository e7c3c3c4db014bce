"""Numbers of a stream that is fed by others in turn."""

import random

from media.bridge.renumbering import Renumbering
from media.rtp import RtpPacket


def packet(sequence: int, timestamp: int, ssrc: int, *, marker: bool = False) -> RtpPacket:
    return RtpPacket(0, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, b"", marker)


def test_gaps_and_order_of_a_source_stay_as_they_came() -> None:
    out = Renumbering(8000, random.Random(1))
    first, stamp, begins = out.place(packet(65_534, 2**32 - 160, 5), 0.0)
    assert begins
    steps = [0, 1, 3, 2, 4]
    placed = [out.place(packet(65_534 + step, 2**32 - 160 + 160 * step, 5), 0.02 * step) for step in steps[1:]]
    assert [(one[0] - first) & 0xFFFF for one in placed] == steps[1:]
    assert [(one[1] - stamp) & 0xFFFFFFFF for one in placed] == [160 * step for step in steps[1:]]
    assert not any(one[2] for one in placed)


def test_another_source_goes_on_where_the_one_before_was_and_says_that_it_begins() -> None:
    out = Renumbering(8000, random.Random(2))
    out.place(packet(10, 1600, 5), 0.0)
    before, stamp, _ = out.place(packet(11, 1760, 5), 0.02)
    after, later, begins = out.place(packet(40_000, 99, 6), 0.52)
    assert ((after - before) & 0xFFFF, (later - stamp) & 0xFFFFFFFF, begins) == (1, 4000, True)
    assert out.place(packet(40_001, 259, 6), 0.54)[:2] == ((after + 1) & 0xFFFF, (later + 160) & 0xFFFFFFFF)


def test_packets_of_our_own_come_between_and_no_number_is_given_twice() -> None:
    out = Renumbering(8000, random.Random(3))
    numbers = [out.place(packet(1, 160, 5), 0.0)[0]]
    numbers.append(out.insert(0.02)[0])
    numbers.append(out.follow())
    numbers.append(out.place(packet(2, 320, 5), 0.06)[0])
    assert [(number - numbers[0]) & 0xFFFF for number in numbers] == [0, 1, 2, 3]
