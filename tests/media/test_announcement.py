"""What the far end hears, packet by packet, in virtual time."""

from typing import get_args

import numpy as np
import pytest
import soxr

from engine.facts import Pcm16
from media.announcement import BEEP_HZ, BEEP_MS, RATE_HZ, Announcement, chime, encoded, tone
from media.codecs import CODECS
from media.rtp import RtpPacket
from media.session import AudioCodec

NOTICE = tone(500, 100)
SPOKEN: tuple[AudioCodec, ...] = tuple(codec for codec in get_args(AudioCodec) if codec != "G729")


def played(one: Announcement, until_ms: int, start_ms: int = 0, **how: bool) -> list[tuple[int, RtpPacket]]:
    """Each packet with the tick at which it went out."""
    return [(now, packet) for now in range(start_ms, until_ms, 20) for packet in one.due(now, **how)]


def sound_of(packets: list[RtpPacket]) -> Pcm16:
    return np.concatenate(CODECS["PCMU"].decode([packet.payload for packet in packets]))  # type: ignore[attr-defined]


def test_the_notice_goes_out_once_and_in_real_time() -> None:
    one = Announcement(NOTICE, "PCMU", 0, ssrc=7, sequence=65_533, timestamp=2**32 - 320)
    packets = played(one, 1_000)
    assert [now for now, _ in packets] == [0, 20, 40, 60, 80]
    assert [packet.sequence for _, packet in packets] == [65_534, 65_535, 0, 1, 2]
    assert [packet.timestamp for _, packet in packets] == [2**32 - 320, 2**32 - 160, 0, 160, 320]
    assert [packet.marker for _, packet in packets] == [True, False, False, False, False]
    assert {(packet.ssrc, packet.payload_type) for _, packet in packets} == {(7, 0)}
    assert np.abs(sound_of([packet for _, packet in packets]) - NOTICE).max() < 200
    assert (one.notice_over, one.notice_ms) == (True, 100)


def test_it_waits_for_somebody_to_hear_it() -> None:
    one = Announcement(NOTICE, "PCMA", 8, ssrc=7)
    assert played(one, 100, heard=False) == []
    first = played(one, 140, 100)
    assert played(one, 500, 140, heard=False) == []
    rest = played(one, 1_000, 500)
    assert (len(first), len(rest)) == (2, 3)
    stamps = [packet.timestamp for _, packet in first + rest]
    assert stamps == [800, 960, 4_000, 4_160, 4_320]  # time has passed, the numbers go on
    assert [packet.sequence for _, packet in first + rest] == [1, 2, 3, 4, 5]
    assert rest[0][1].marker


def test_beeps_come_while_the_call_is_recorded() -> None:
    one = Announcement(NOTICE[:0], "PCMU", 0, beep_every_s=2, ssrc=7)
    assert one.notice_over
    packets = played(one, 10_000)
    assert len(packets) == 5 * BEEP_MS // 20
    begins = [now for now, packet in packets if packet.marker]
    assert begins == [1_500, 3_500, 5_500, 7_500, 9_500]
    beep = sound_of([packet for _, packet in packets[:25]])
    spectrum = np.abs(np.fft.rfft(beep.astype(np.float64)))
    assert abs(int(spectrum.argmax()) * RATE_HZ / len(beep) - BEEP_HZ) < 5
    assert played(one, 20_000, 10_000, beeping=False) == []
    assert [now for now, packet in played(one, 24_000, 20_000) if packet.marker] == [21_500, 23_500]


def test_a_busy_loop_makes_a_pause_and_not_a_burst() -> None:
    one = Announcement(np.tile(NOTICE, 20), "PCMU", 0, ssrc=7)
    before = played(one, 100)
    late = one.due(1_000)
    assert (len(before), len(late)) == (5, 1)
    assert late[0].marker
    assert late[0].timestamp == 160 * 50
    assert len(one.due(1_100)) == 5  # what fits a jitter buffer is made up for


@pytest.mark.parametrize("codec", SPOKEN)
def test_every_codec_that_we_can_speak_says_the_same(codec: AudioCodec) -> None:
    sound = np.concatenate([tone(400, 200), tone(700, 200)])
    payloads = encoded(codec, sound)
    assert len(payloads) in (20, 21)  # Opus looks ahead
    decoder = CODECS[codec].decoder()
    heard = np.concatenate([decoder.decode(payload) for payload in payloads]).astype(np.float64)
    expected = soxr.resample(sound.astype(np.float64), RATE_HZ, CODECS[codec].rate_hz)
    full = np.correlate(heard, expected, "full")
    assert full.max() / np.sqrt((heard @ heard) * (expected @ expected)) > 0.9


def test_what_we_only_hear_is_not_spoken_and_another_codec_goes_on_where_it_was() -> None:
    with pytest.raises(ValueError, match="only heard"):
        Announcement(NOTICE, "G729", 18, ssrc=7)
    one = Announcement(NOTICE, "PCMU", 0, ssrc=7)
    played(one, 60)
    with pytest.raises(ValueError, match="only heard"):
        one.recode("G729", 18)
    one.recode("G722", 9)
    rest = played(one, 1_000, 60)
    assert [packet.payload_type for _, packet in rest] == [9, 9]
    assert rest[1][1].timestamp - rest[0][1].timestamp == 160  # G.722 counts 8,000 a second


def test_the_bundled_tone_is_short_and_soft() -> None:
    sound = chime()
    assert len(sound) < RATE_HZ
    assert 3_000 < np.abs(sound).max() < 5_000
    assert abs(int(sound[0])) < 100
