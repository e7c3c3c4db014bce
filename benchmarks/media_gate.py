"""Whether the gate before the VAD loses speech: every onset of the bundled calls, on lines of many kinds, with it and
without.

A line is a codec, a gain and a noise of its own; the lines of a leg are heard side by side, as the plane hears calls.
"""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from engine.facts import Pcm16, SpeechSegment
from engine.ports.intake import CallEnded, CallOffer, MediaEvent
from media.codecs import PCMA, PCMU
from media.hearing import Hearing, listen
from media.vad import VadBank
from media.wav_file import read_channels

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "pipelines" / "demo_calls", ROOT / "tests" / "data", ROOT / "tests" / "data" / "digits")
GAINS_DB = (-24, -12, 0, 6)
NOISES = (0, 10, 30, 100, 300)
"""Standard deviation in 16 bits, on the line behind the gain. From 100 on a quiet voice drowns, for the VAD too."""
HUMS = (False, True)
"""Mains hum as loud as the noise, beside it."""
COVER_MS = 200
"""A segment that begins so much later still has the word."""


def line(sound: Pcm16, codec: str, gain_db: int, noise: int, hum: bool, seed: int) -> Pcm16:
    chance = np.random.default_rng(seed)
    heard = sound * 10 ** (gain_db / 20) + chance.normal(0, noise, len(sound))
    if hum:
        heard = heard + noise * np.sqrt(2) * np.sin(2 * np.pi * 50 * np.arange(len(sound)) / 8000)
    law = PCMU if codec == "PCMU" else PCMA
    return law.decode([law.encode(np.clip(heard, -32768, 32767).astype(np.int16))])[0]


def segments(lines: Sequence[Pcm16], *, gated: bool) -> tuple[list[list[tuple[int, int]]], float]:
    """Where speech lies on each, by the whole road behind the decoder; and the share of frames that the VAD judged."""
    bank = CountingBank()
    events: list[MediaEvent] = []
    hearing = Hearing(CallOffer("gate", "file", "", "", "", ()), bank, gated=gated, sink=events.append)
    for at in range(len(lines)):
        hearing.add_stream(str(at))
    for start in range(0, len(lines[0]), 160):
        for at, sound in enumerate(lines):
            hearing.put(str(at), start, sound[start : start + 160])
        listen(bank, [hearing])
    hearing.finish(CallEnded(0, "bye"))
    found: list[list[tuple[int, int]]] = [[] for _ in lines]
    for event in events:
        if isinstance(event, SpeechSegment) and event.state == "ended":
            found[int(event.stream)].append((event.start_ms, event.end_ms))
    return found, bank.frames / (len(lines) * len(lines[0]) / 256)


class CountingBank(VadBank):
    def __init__(self) -> None:
        super().__init__()
        self.frames = 0

    def score(self, slots: Sequence[int], frames: np.typing.NDArray[np.float32]) -> list[float]:
        self.frames += len(slots)
        return super().score(slots, frames)


def lost(plain: Sequence[tuple[int, int]], gated: Sequence[tuple[int, int]]) -> int:
    """Onsets that no segment covers from `COVER_MS` after them on, nor one that begins sooner."""
    return sum(not any(got[0] <= one[0] + COVER_MS and got[1] > one[0] for got in gated) for one in plain)


def media_gate() -> dict[str, Any]:
    kinds = [kind for kind in product(("PCMU", "PCMA"), GAINS_DB, NOISES, HUMS) if kind[2] or not kind[3]]
    rows: list[dict[str, Any]] = []
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.flac")):
            for leg, sound in enumerate(read_channels(path)[0]):
                rows += leg_rows(path.stem, leg, sound, kinds)
            so_far = [sum(row[what] for row in rows) for what in ("onsets", "lost")]
            print(f"  {path.stem}: {so_far[0]} onsets so far, {so_far[1]} lost", flush=True)
    onsets, missed = sum(row["onsets"] for row in rows), sum(row["lost"] for row in rows)
    judged = round(float(np.mean([row["judged"] for row in rows])), 3)
    worst = sorted((row for row in rows if row["lost"]), key=lambda row: -row["lost"])[:10]
    print(f"  {onsets} onsets of speech, of which the gate loses {missed}; the VAD judges {judged:.0%} of all frames")
    for row in worst:
        print(f"    {row}")
    by_noise = {
        str(noise): {
            "onsets": sum(row["onsets"] for row in rows if row["noise"] == noise),
            "lost": sum(row["lost"] for row in rows if row["noise"] == noise),
        }
        for noise in NOISES
    }
    per_thousand = round(1000 * missed / max(1, onsets), 3)
    return {
        "onsets": onsets,
        "lost": missed,
        "lost_per_1000": per_thousand,
        "judged_share": judged,
        "by_noise": by_noise,
        "worst": worst,
    }


def leg_rows(name: str, leg: int, sound: Pcm16, kinds: Sequence[tuple[str, int, int, bool]]) -> list[dict[str, Any]]:
    lines = [line(sound, *kind, seed) for seed, kind in enumerate(kinds)]
    plain, _ = segments(lines, gated=False)
    gated, judged = segments(lines, gated=True)
    return [
        {
            "call": name,
            "leg": leg,
            **dict(zip(("codec", "gain_db", "noise", "hum"), kind, strict=True)),
            "onsets": len(one),
            "lost": lost(one, other),
            "judged": judged,
        }
        for kind, one, other in zip(kinds, plain, gated, strict=True)
    ]


CELLS: dict[str, Callable[[], dict[str, Any]]] = {"media_gate": media_gate}
