from media.rtp_clock import Placement, RtpClock


class Stream:
    """20 ms packets of one source, whose sound is heard up to where the last one was put."""

    def __init__(self) -> None:
        self.clock = RtpClock(8000)
        self.timestamp = 0xFFFFFF00  # wraps in the second packet
        self.frontier = 0
        self.ssrc = 1
        self.unheard = False

    def send(self, arrived_ms: float, *, skip_ms: int = 0, quiet: bool = True) -> Placement:
        self.timestamp = (self.timestamp + skip_ms * 8) & 0xFFFFFFFF
        placement = self.clock.place(
            ssrc=self.ssrc,
            timestamp=self.timestamp,
            samples=160,
            arrived_ms=arrived_ms,
            frontier=self.frontier,
            quiet=quiet,
            unheard=self.unheard,
        )
        self.frontier -= placement.pulled
        self.timestamp = (self.timestamp + 160) & 0xFFFFFFFF
        self.frontier = max(self.frontier, placement.position + 160)
        return placement

    def run(self, start_ms: float, packets: int, step_ms: float = 20, *, quiet: bool = True) -> list[Placement]:
        return [self.send(start_ms + at * step_ms, quiet=quiet) for at in range(packets)]


def test_the_first_packet_was_spoken_just_before_it_came() -> None:
    assert Stream().send(520).position == 500 * 8


def test_packets_that_come_sooner_than_the_first_pull_it_until_somebody_speaks() -> None:
    stream = Stream()
    stream.unheard = True
    assert stream.send(520).position == 4000
    assert stream.send(450) == Placement(4000 + 160 - 90 * 8, pulled=90 * 8)
    assert stream.send(467).position == 4000 + 320 - 90 * 8  # 3 ms are jitter
    stream.unheard = False
    assert stream.send(450).pulled == 0


def test_nothing_is_pulled_before_answer_or_after_the_first_second() -> None:
    stream = Stream()
    stream.unheard = True
    assert stream.send(120).position == 800
    assert [stream.send(at).pulled for at in (21, 22)] == [800, 0]
    stream = Stream()
    stream.unheard = True
    stream.run(520, 60)
    assert stream.send(1600).pulled == 0


def test_nothing_lies_before_answer() -> None:
    assert Stream().send(5).position == 0


def test_jitter_moves_nothing() -> None:
    stream = Stream()
    positions = [stream.send(520 + at * 20 + (at * 37) % 90).position for at in range(100)]
    assert positions == [4000 + at * 160 for at in range(100)]


def test_a_pause_of_the_timestamps_is_silence() -> None:
    stream = Stream()
    stream.send(520)
    placement = stream.send(3540, skip_ms=3000)
    assert placement == Placement(4000 + 160 + 24_000)


def test_a_new_ssrc_is_a_new_anchor() -> None:
    stream = Stream()
    stream.run(520, 10)
    stream.ssrc, stream.timestamp = 2, 77
    placement = stream.send(1020)
    assert placement.position == 8000
    assert placement.reset is not None
    assert placement.reset.reason == "source"


def test_timestamps_that_jump_are_a_new_anchor() -> None:
    for skip_ms in (3_600_000, -5_000):
        stream = Stream()
        stream.run(520, 10)
        placement = stream.send(720, skip_ms=skip_ms)
        assert placement.position == 4000 + 1600
        assert placement.reset is not None
        assert placement.reset.reason == "timestamps"


def test_a_sender_that_stops_its_clock_in_a_pause_is_put_where_it_speaks() -> None:
    stream = Stream()
    stream.run(520, 10)
    stream.frontier = 10_000 * 8  # the pause was taken for silence
    placement = stream.send(10_240)
    assert placement.position == 80_000
    assert placement.reset is not None
    assert placement.reset.reason == "stall"
    assert placement.reset.shift_ms == 9_300


def test_a_burst_after_a_stall_loses_nothing() -> None:
    stream = Stream()
    stream.run(520, 10)
    stream.frontier = 1000 * 8
    burst = [stream.send(1240, quiet=False).position for _ in range(25)]
    assert burst == [8000 + at * 160 for at in range(25)]
    assert stream.clock.ahead_ms > 250


def test_a_fast_sender_is_set_right_in_silence_only() -> None:
    stream = Stream()
    speaking = stream.run(520, 200, 18, quiet=False)
    assert all(placement.reset is None for placement in speaking)
    assert stream.clock.ahead_ms > 200
    placement = stream.send(520 + 200 * 18)
    assert placement.reset is not None
    assert placement.reset.reason == "drift"
    assert placement.reset.shift_ms < -200
    assert stream.clock.ahead_ms < 20
    after = stream.run(520 + 201 * 18, 40)
    assert [one.position for one in after] == [placement.position + (at + 1) * 160 for at in range(40)]
    assert all(one.reset is None for one in after)


def test_a_stall_while_time_repeats_is_a_stall() -> None:
    stream = Stream()
    stream.run(520, 200, 18, quiet=False)
    stream.send(520 + 200 * 18)
    stream.frontier += 8000
    assert stream.send(520 + 201 * 18 + 1400).position == stream.frontier - 160


def test_a_slow_sender_is_set_right_after_a_whole_late_window() -> None:
    stream = Stream()
    resets = [placement.reset for placement in stream.run(520, 400, 22) if placement.reset is not None]
    assert resets
    assert all(reset.reason == "drift" and reset.shift_ms >= 200 for reset in resets)


def test_one_late_burst_is_no_drift() -> None:
    stream = Stream()
    stream.run(520, 100)
    late = [stream.send(2920) for _ in range(20)]
    assert all(placement.reset is None for placement in late)
