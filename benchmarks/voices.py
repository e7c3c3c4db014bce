"""Sentences read aloud by an open voice (`peers/kokoro_reader.py`), kept in `data/recordings/read` once they are.

The voice is installed once, with `python -m benchmarks.peers.environments kokoro`.
"""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr

from benchmarks.debian import FOLDER
from benchmarks.peers.environments import program
from engine.facts import Pcm16
from media.wav_file import read_channels

READ = FOLDER / "read"


class Sentence(NamedTuple):
    text: str
    language: str
    voice: int = 0
    """Which of the voices, counted around."""

    @property
    def path(self) -> Path:
        name = hashlib.sha256(f"{self.language} {self.voice} {self.text}".encode()).hexdigest()[:24]
        return READ / f"{name}.wav"


def read_aloud(sentences: Sequence[Sentence]) -> None:
    """What is there already is kept. Blocking: about 0.7 s of two cores a second of speech.

    Raises `FileNotFoundError` where the voice has not been installed, `CalledProcessError` when it fails.
    """
    missing = [one for one in dict.fromkeys(sentences) if not one.path.exists()]
    if not missing:
        return
    READ.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({**one._asdict(), "path": str(one.path)}) for one in missing]
    subprocess.run(program("kokoro"), input="\n".join(lines), text=True, check=True, stdout=subprocess.DEVNULL)


def sound_of(sentence: Sentence, rate_hz: int) -> Pcm16:
    """int16 at the rate, of a sentence that has been read aloud."""
    (samples,), rate = read_channels(sentence.path)
    return np.asarray(soxr.resample(samples, rate, rate_hz), np.int16)
