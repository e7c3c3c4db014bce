import json
import struct
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.facts import Pcm16, SpeechSegment
from engine.ports.intake import CallEnded, ClockTick, MediaEvent
from media.codecs import PCMU
from media.vad import VadBank
from media.wav_file import FileSession, NotAudioError, read_channels

CALL = Path(__file__).parents[1] / "data" / "call_15s.flac"


@pytest.fixture(scope="module")
def bank() -> VadBank:
    return VadBank()


def write_wav(path: Path, channels: list[Pcm16], rate_hz: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.stack(channels, 1).tobytes())
    return path


async def read(session: FileSession) -> list[MediaEvent]:
    return [event async for event in session.events()]


def write_mu_law(path: Path, channels: list[Pcm16]) -> Path:
    """RIFF with format tag 7, as recorders of telephone calls write it."""
    sound = PCMU.encode(np.stack(channels, 1).reshape(-1))
    count = len(channels)
    form = struct.pack("<HHIIHHH", 7, count, 8000, 8000 * count, count, 8, 0)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(sound)) + sound
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def ended(events: list[MediaEvent], stream: str) -> list[SpeechSegment]:
    return [
        event
        for event in events
        if isinstance(event, SpeechSegment) and event.stream == stream and event.state == "ended"
    ]


async def test_the_segments_of_a_call_are_its_turns(bank: VadBank) -> None:
    events = await read(FileSession(CALL, legs=("customer", "agent"), bank=bank))
    for turn in json.loads(CALL.with_suffix(".json").read_text())["turns"]:
        spoken = [
            segment
            for segment in ended(events, turn["leg"])
            if segment.start_ms < turn["end_ms"] and segment.end_ms > turn["start_ms"]
        ]
        assert spoken, turn["turn"]
        assert turn["start_ms"] - 400 <= spoken[0].start_ms <= turn["start_ms"]
        assert abs(spoken[-1].end_ms - turn["end_ms"]) <= 150
    assert events[-1] == CallEnded(15_000, "end_of_file")


async def test_the_clock_ticks_through_silence_in_order(bank: VadBank) -> None:
    events = await read(FileSession(CALL, legs=("customer", "agent"), bank=bank))
    ticks = [event.at_ms for event in events if isinstance(event, ClockTick)]
    assert ticks[-1] >= 14_750
    assert all(0 < later - earlier <= 350 for earlier, later in pairwise(ticks))


async def test_every_run_gives_the_same_events(bank: VadBank) -> None:
    first = await read(FileSession(CALL, legs=("customer", "agent"), bank=bank))
    others = [bank.open() for _ in range(3)]
    assert await read(FileSession(CALL, legs=("customer", "agent"), bank=bank)) == first
    for slot in others:
        bank.close(slot)


async def test_wide_recordings_are_heard_at_16_khz(bank: VadBank, tmp_path: Path) -> None:
    channels, _ = read_channels(CALL)
    wide = np.repeat(channels[0], 6)  # 48 kHz
    session = FileSession(write_wav(tmp_path / "wide.wav", [wide], 48_000), legs=("customer",), bank=bank)
    heard = ended(await read(session), "customer")
    assert len(heard) == 2
    sound = session.audio("customer", 5_200, 6_200)
    assert len(sound) == 16_000
    assert np.abs(sound).max() > 1000


def test_mu_law_recordings_are_read_as_they_are(tmp_path: Path) -> None:
    channels, _ = read_channels(CALL)
    again, rate_hz = read_channels(write_mu_law(tmp_path / "call.wav", channels))
    assert rate_hz == 8000
    assert all(np.array_equal(one, two) for one, two in zip(again, channels, strict=True))


async def test_quiet_lines_are_heard_like_loud_ones(bank: VadBank, tmp_path: Path) -> None:
    channels, _ = read_channels(CALL)
    quiet = [(channel * 0.05).astype(np.int16) for channel in channels]
    path = write_mu_law(tmp_path / "quiet.wav", quiet)
    events = await read(FileSession(path, legs=("customer", "agent"), bank=bank))
    for turn in json.loads(CALL.with_suffix(".json").read_text())["turns"]:
        spoken = [
            segment
            for segment in ended(events, turn["leg"])
            if segment.start_ms < turn["end_ms"] and segment.end_ms > turn["start_ms"]
        ]
        assert spoken[0].start_ms <= turn["start_ms"] + 50
        assert spoken[-1].end_ms >= turn["end_ms"] - 300


async def test_one_channel_without_a_name_is_mixed(bank: VadBank, tmp_path: Path) -> None:
    sound = np.zeros(1600, np.int16)
    session = FileSession(write_wav(tmp_path / "one.wav", [sound], 8000), bank=bank)
    (participant,) = session.offer.participants
    assert (participant.stream, participant.mixed) == ("mixed", True)
    assert await read(session) == [CallEnded(200, "end_of_file")]
    assert session.monotonic_ms("mixed", 150) >= session.monotonic_ms("mixed", 50) > 0
    assert len(session.audio("nobody", 0, 10)) == 160


async def test_a_reader_may_leave_early(bank: VadBank) -> None:
    session = FileSession(CALL, legs=("customer", "agent"), bank=bank)
    events = session.events()
    assert await anext(events)
    await events.aclose()
    assert [event async for event in events] == []


@pytest.mark.parametrize(
    "data",
    [b"", b"no sound at all\n" * 40, bytes(4000), b"RIFF" + struct.pack("<I", 4000) + b"WAVEfmt " + bytes(300)],
)
def test_a_file_that_is_not_sound(data: bytes, bank: VadBank, tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(data)
    with pytest.raises(NotAudioError, match=r"call\.wav"):
        FileSession(path, bank=bank)


def test_what_is_no_call(bank: VadBank, tmp_path: Path) -> None:
    sound = np.zeros(800, np.int16)
    with pytest.raises(NotAudioError, match="3 channels"):
        FileSession(write_wav(tmp_path / "three.wav", [sound] * 3, 8000), bank=bank)
    with pytest.raises(NotAudioError, match="legs"):
        FileSession(write_wav(tmp_path / "two.wav", [sound] * 2, 8000), legs=("customer",), bank=bank)
    with pytest.raises(NotAudioError, match="holds no sound"):
        FileSession(write_wav(tmp_path / "none.wav", [sound[:0]], 8000), bank=bank)
    with pytest.raises(NotAudioError, match="longer"):
        read_channels(write_wav(tmp_path / "long.wav", [np.zeros(9000, np.int16)], 8000), max_seconds=1)
    with pytest.raises(FileNotFoundError):
        FileSession(tmp_path / "absent.wav", bank=bank)


async def test_real_speed_follows_the_clock(bank: VadBank, tmp_path: Path) -> None:
    session = FileSession(write_wav(tmp_path / "short.wav", [np.zeros(1600, np.int16)], 8000), speed="real", bank=bank)
    await read(session)
    assert session.monotonic_ms("mixed", 200) - session.monotonic_ms("mixed", 0) == 200
