"""The gate before the VAD: open for whoever speaks, closed on a line's own noise, also when that changes."""

from pathlib import Path

import numpy as np
import pytest

from engine.facts import Pcm16, SpeechSegment
from engine.ports.intake import CallEnded, CallOffer, MediaEvent
from media.gate import HOLD_FRAMES, EnergyGate
from media.hearing import Hearing, listen
from media.vad import VadBank
from media.wav_file import read_channels

CALL = Path(__file__).parents[1] / "data" / "call_15s.flac"


def test_noise_closes_it_and_a_voice_opens_it_at_once() -> None:
    gate = EnergyGate()
    assert any(gate.open(40) for _ in range(HOLD_FRAMES))
    for _ in range(1000):
        gate.open(40)
    assert not gate.open(44)
    assert gate.open(90)
    assert [gate.open(40) for _ in range(HOLD_FRAMES)] == [True] * (HOLD_FRAMES - 1) + [False]


def test_a_line_that_grows_noisy_closes_it_again() -> None:
    gate = EnergyGate()
    for _ in range(600):
        gate.open(20)
    assert gate.open(60)
    assert not [gate.open(60) for _ in range(600)][-1]


def started(sound: Pcm16, *, gated: bool) -> list[tuple[int, int]]:
    bank = VadBank()
    events: list[MediaEvent] = []
    hearing = Hearing(CallOffer("call", "file", "", "", "", ()), bank, gated=gated, sink=events.append)
    hearing.add_stream("a")
    for at in range(0, len(sound), 160):
        hearing.put("a", at, sound[at : at + 160])
        listen(bank, [hearing])
    hearing.finish(CallEnded(0, "bye"))
    return [
        (event.start_ms, event.end_ms)
        for event in events
        if isinstance(event, SpeechSegment) and event.state == "ended"
    ]


@pytest.mark.parametrize("noise", [0, 100])
def test_speech_begins_and_ends_where_it_does_without_it(noise: int) -> None:
    for leg in read_channels(CALL)[0]:
        sound = (leg + np.random.default_rng(1).normal(0, noise, len(leg))).astype(np.int16)
        ours, plain = started(sound, gated=True), started(sound, gated=False)
        assert len(ours) == len(plain) > 0
        for one, other in zip(ours, plain, strict=True):
            assert one == pytest.approx(other, abs=64)
