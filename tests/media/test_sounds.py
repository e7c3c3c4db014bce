"""Tones and music, told from voices."""

from pathlib import Path

import numpy as np
import pytest

from engine.facts import Pcm16, SpeechSegment
from media.sounds import MUSIC_MS, RATE_HZ, Music, is_tone
from media.wav_file import FileSession

CALL = Path(__file__).parent.parent / "data" / "call_15s.flac"


def tones(*frequencies: float, seconds: float = 1.0, loud: float = 0.3) -> Pcm16:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    waves = [np.sin(2 * np.pi * hertz * time) for hertz in frequencies]
    return np.asarray(32767 * loud / len(frequencies) * np.sum(waves, axis=0), np.int16)


def melody(seconds: float = 3.0) -> Pcm16:
    """A chord under notes of a third of a second, each with harmonics."""
    chord = tones(220, 277, 330, 440, seconds=seconds)
    notes = [
        tones(hertz, 2 * hertz, 3 * hertz, seconds=0.35) for hertz in (523, 587, 659, 523, 698, 659, 587, 523, 494)
    ]
    return np.asarray(chord // 2 + np.concatenate(notes)[: len(chord)] // 2, np.int16)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(tones(440, 480), id="ringback"),
        pytest.param(tones(425, seconds=0.4), id="busy"),
        pytest.param(tones(770, 1336, seconds=0.4), id="a key"),
        pytest.param(tones(1100, loud=0.01), id="a fax far off"),
        pytest.param(np.concatenate([tones(1000, seconds=0.5), np.zeros(4000, np.int16)]), id="a beep and silence"),
        pytest.param(melody(), id="hold music"),
    ],
)
def test_what_stands_still_is_a_tone(sound: Pcm16) -> None:
    assert is_tone(sound)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(np.zeros(RATE_HZ, np.int16), id="silence"),
        pytest.param(tones(440, seconds=0.2), id="too short to tell"),
        pytest.param(np.random.default_rng(1).normal(0, 2000, RATE_HZ).astype(np.int16), id="noise"),
        pytest.param(
            (8000 * np.sin(np.cumsum(np.linspace(0.05, 0.6, RATE_HZ)))).astype(np.int16), id="a glide, as of a voice"
        ),
    ],
)
def test_what_does_not_stand_still_is_none(sound: Pcm16) -> None:
    assert not is_tone(sound)


async def spoken() -> list[Pcm16]:
    """Every segment of speech in a call of fifteen seconds, at 8 kHz."""
    session = FileSession(CALL)
    ends = [event async for event in session.events() if isinstance(event, SpeechSegment) and event.state == "ended"]
    return [session.audio(end.stream, end.start_ms, end.end_ms)[::2] for end in ends]


async def test_speech_is_no_tone_and_neither_is_speech_over_music_that_is_softer() -> None:
    segments = await spoken()
    assert len(segments) >= 3
    for segment in segments:
        music = np.resize(melody(), len(segment)).astype(np.float32)
        music *= 0.2 * np.sqrt(np.mean(np.square(segment, dtype=np.float32)) / np.mean(np.square(music)))
        assert not is_tone(segment)
        assert not is_tone(np.clip(segment + music, -32768, 32767).astype(np.int16))


def told(sound: Pcm16) -> list[tuple[int, bool]]:
    """Seconds at which the state changed, and to what."""
    music, changes = Music(), []
    for second in range(2, len(sound) // RATE_HZ + 1):
        end = second * RATE_HZ
        if music.next_second(sound[end - MUSIC_MS * RATE_HZ // 1000 : end]):
            changes.append((second, music.playing))
    return changes


def test_hold_music_is_known_after_some_seconds_and_its_end_too() -> None:
    silence = np.zeros(6 * RATE_HZ, np.int16)
    assert told(np.concatenate([silence, np.tile(melody(), 4), silence])) == [(10, True), (22, False)]


def test_ringback_is_no_music_and_neither_is_a_hum_that_nobody_hears() -> None:
    ring = np.concatenate([tones(440, 480, seconds=2), np.zeros(4 * RATE_HZ, np.int16)])
    assert told(np.tile(ring, 5)) == []
    assert told(tones(120, 180, 240, seconds=20, loud=0.005)) == []
