from pathlib import Path

import numpy as np
import pytest
import soxr

from engine.facts import Pcm16, SpeechSegment
from engine.ports.intake import CallEnded, CallOffer, ClockTick, MediaEvent, MediaNotice
from media.event_queue import CROWDED, EVENTS
from media.hearing import BEGINNING, Hearing, Since, listen
from media.vad import VadBank
from media.wav_file import read_channels

OFFER = CallOffer("call", "file", "", "", "", ())


@pytest.fixture(scope="module")
def bank() -> VadBank:
    return VadBank()


def noise(count: int, seed: int = 0) -> Pcm16:
    return np.random.default_rng(seed).integers(-3000, 3000, count).astype(np.int16)


async def read(hearing: Hearing) -> list[MediaEvent]:
    return [event async for event in hearing.events()]


async def test_sound_lies_where_it_was_put(bank: VadBank) -> None:
    hearing = Hearing(OFFER, bank)
    hearing.add_stream("a")
    first, second = noise(800), noise(800, 1)
    hearing.put("a", 8000, first)
    hearing.put("a", 16_000, second)
    assert np.array_equal(hearing.sound("a", 8000, 800), first)
    assert np.array_equal(hearing.audio("a", 2000, 2100)[::2], second)
    assert not np.any(hearing.audio("a", 1200, 1900))
    assert len(hearing.audio("nobody", 0, 100)) == 1600
    hearing.finish(CallEnded(2100, "bye"))
    assert await read(hearing) == [CallEnded(2100, "bye")]


async def test_late_sound_gets_into_the_recording_but_is_not_judged_again(bank: VadBank) -> None:
    hearing = Hearing(OFFER, bank)
    ear = hearing.add_stream("a")
    ear.silence(8000)
    hearing.put("a", 7900, noise(200))
    assert ear.frontier == 8100
    assert np.any(hearing.audio("a", 988, 1000))
    hearing.finish(CallEnded(0, "bye"))


async def test_the_clock_is_that_of_the_stream_that_is_furthest_behind(bank: VadBank) -> None:
    hearing = Hearing(OFFER, bank)
    ahead, behind = hearing.add_stream("a"), hearing.add_stream("b")
    ahead.silence(16_000)
    behind.silence(6_000)
    listen(bank, [hearing])
    hearing.tick()
    hearing.tick()
    behind.silence(16_384)
    ahead.silence(16_384)
    listen(bank, [hearing])
    hearing.tick()
    hearing.finish(CallEnded(2048, "bye"))
    assert await read(hearing) == [ClockTick(500), ClockTick(2000), CallEnded(2048, "bye")]


async def test_a_slow_reader_misses_what_later_events_replace(bank: VadBank) -> None:
    hearing = Hearing(OFFER, bank)
    hearing.add_stream("a")
    for at in range(CROWDED):
        hearing.emit(MediaNotice(at, "call.held"))
    hearing.emit(ClockTick(1))
    hearing.emit(SpeechSegment("a", 0, "continues", 0, 1))
    ended = SpeechSegment("a", 0, "ended", 0, 1)
    hearing.emit(ended)
    assert hearing.left_out == 2
    for at in range(EVENTS):
        hearing.emit(MediaNotice(at, "call.held"))
    hearing.finish(CallEnded(0, "bye"))
    assert len(await read(hearing)) == EVENTS


async def test_an_aborted_call_says_so_and_no_more(bank: VadBank) -> None:
    hearing = Hearing(OFFER, bank)
    hearing.add_stream("a")
    hearing.put("a", 0, noise(8000))
    hearing.abort(CallEnded(0, "error"))
    assert await read(hearing) == [CallEnded(0, "error")]


async def test_what_is_being_said_when_a_call_breaks_is_told_of(bank: VadBank) -> None:
    (leg, *_), _ = read_channels(Path(__file__).parents[1] / "data" / "call_15s.flac")
    whole, broken = Hearing(OFFER, bank), Hearing(OFFER, bank)
    for hearing in (whole, broken):
        hearing.add_stream("a")
    whole.put("a", 0, leg)
    whole.finish(CallEnded(15_000, "bye"))
    said = next(one for one in await read(whole) if isinstance(one, SpeechSegment) and one.state == "ended")
    middle_ms = (said.start_ms + said.end_ms) // 2
    broken.put("a", 0, leg[: middle_ms * 8])
    listen(bank, [broken])
    broken.abort(CallEnded(middle_ms, "error"))
    *_, ended, last = await read(broken)
    assert isinstance(ended, SpeechSegment)
    assert (ended.state, ended.segment, ended.start_ms) == ("ended", said.segment, said.start_ms)
    assert said.start_ms < ended.end_ms <= middle_ms
    assert last == CallEnded(middle_ms, "error")


async def test_wide_sound_is_kept_as_it_is_and_judged_as_its_narrow_half(bank: VadBank) -> None:
    (narrow, *_), _ = read_channels(Path(__file__).parents[1] / "data" / "call_15s.flac")
    wide = np.asarray(soxr.resample(narrow, 8000, 16_000), np.int16)
    hearing = Hearing(OFFER, bank)
    ear = hearing.add_stream("narrow"), hearing.add_stream("wide", rate_hz=16_000)
    for start in range(0, len(narrow), 160):
        hearing.put("narrow", 8001 + start, narrow[start : start + 160])
        hearing.put("wide", 16_002 + 2 * start, wide[2 * start : 2 * start + 320])
        listen(bank, [hearing])
        hearing.tick()
    assert ear[1].frontier == 2 * (ear[0].frontier or 0)
    assert np.array_equal(hearing.audio("wide", 4000, 8000), wide[3000 * 16 - 2 : 7000 * 16 - 2])
    assert np.array_equal(hearing.sound("wide", 16_002, 500), wide[:500])
    hearing.finish(CallEnded(16_000, "bye"))
    events = await read(hearing)
    spoken = [event for event in events if isinstance(event, SpeechSegment) and event.state == "ended"]
    by_stream = [[(one.start_ms, one.end_ms) for one in spoken if one.stream == name] for name in ("narrow", "wide")]
    assert len(by_stream[0]) == 2
    assert by_stream[0] == by_stream[1]
    assert ClockTick(15_750) in events


@pytest.mark.parametrize(("softer_db", "gains"), [(0, {1.0, 1.3}), (30, {16.0})])
async def test_what_a_quiet_line_is_raised_by_is_told_with_its_segments(
    bank: VadBank, softer_db: int, gains: set[float]
) -> None:
    (leg, *_), _ = read_channels(Path(__file__).parents[1] / "data" / "call_15s.flac")
    hearing = Hearing(OFFER, bank)
    hearing.add_stream("a")
    hearing.put("a", 0, (leg * 10 ** (-softer_db / 20)).astype(np.int16))
    hearing.finish(CallEnded(16_000, "bye"))
    ended = [one for one in await read(hearing) if isinstance(one, SpeechSegment) and one.state == "ended"]
    assert {one.gain for one in ended} == gains


def test_wide_sound_may_begin_between_two_narrow_samples(bank: VadBank) -> None:
    hearing = Hearing(OFFER, bank)
    ear = hearing.add_stream("a", rate_hz=16_000)
    hearing.put("a", 8001, noise(320))
    assert ear.frontier == 8321
    assert ear.judged_until == 4000
    assert np.array_equal(hearing.sound("a", 8001, 320), noise(320))
    hearing.finish(CallEnded(0, "bye"))


def test_other_rates_are_refused(bank: VadBank) -> None:
    with pytest.raises(ValueError, match="48000"):
        Hearing(OFFER, bank).add_stream("a", rate_hz=48_000)


@pytest.mark.parametrize("since", [BEGINNING, Since(60_000)], ids=["whole", "taken over"])
@pytest.mark.parametrize("rate_hz", [8000, 16_000])
async def test_who_joins_late_has_no_past_to_be_judged(bank: VadBank, rate_hz: int, since: Since) -> None:
    (narrow, *_), _ = read_channels(Path(__file__).parents[1] / "data" / "call_15s.flac")
    voice = np.asarray(soxr.resample(narrow, 8000, rate_hz), np.int16)
    on_time, late = Hearing(OFFER, bank), Hearing(OFFER, bank, since=since)
    on_time.add_stream("a", rate_hz=rate_hz)
    on_time.put("a", 0, voice)
    ear = late.add_stream("a", rate_hz=rate_hz)
    ear.silence(3600 * rate_hz)
    assert ear.frame() is None
    assert ear.judged_until == 3600 * 8000
    late.put("a", 3600 * rate_hz, voice)
    spoken = []
    for hearing in (on_time, late):
        hearing.finish(CallEnded(0, "bye"))
        segments = [one for one in await read(hearing) if isinstance(one, SpeechSegment) and one.state == "ended"]
        spoken.append([(one.start_ms, one.end_ms) for one in segments])
    assert spoken[1] == [(start_ms + 3_600_000, end_ms + 3_600_000) for start_ms, end_ms in spoken[0]]
    assert spoken[0]


async def test_music_on_a_stream_is_told_and_so_is_its_end(bank: VadBank) -> None:
    hearing = Hearing(OFFER, bank)
    hearing.add_stream("a")
    time = np.arange(8 * 8000) / 8000
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (262, 330, 392))
    sound = np.concatenate([3000 * chord, np.zeros(5 * 8000)]).astype(np.int16)
    for position in range(0, len(sound), 800):
        hearing.put("a", position, sound[position : position + 800])
        listen(bank, [hearing])
        hearing.tick()
    hearing.finish(CallEnded(13_000, "bye"))
    notices = [event for event in await read(hearing) if isinstance(event, MediaNotice)]
    assert [(notice.name, notice.stream) for notice in notices] == [("music.started", "a"), ("music.ended", "a")]
