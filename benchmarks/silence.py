"""How many words are invented where nobody speaks, and whether what keeps them out costs a word that was said.

    python -m benchmarks silence.music silence.hold_music …

Half an hour of each class that `benchmarks/non_speech.py` makes, and hold music and sounds of Debian's packages,
through G.711, the segmenter and the real `ears`, drafts included: `words_shown` must be 0. `silence.blind` asks what
Whisper would say if the VAD let every kind of sound through, with and without the guard. `silence.speech` counts what
the guard leaves out of real speech.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.debian import recordings
from benchmarks.listening import RATE_HZ, Listened, listened, read, real_ears, telephone, telephone_legs
from benchmarks.non_speech import CLASSES
from engine.facts import Pcm16
from engine.ports.hearing import ListenJob
from media.audio import Recording, window_16k
from media.sounds import is_tone
from models.catalogue import WHISPER_BASE
from models.installation import install
from models.whisper import Whisper
from pipelines.transcribe import SURE

MADE_S = 1800
PART_S = 300
"""Made and heard at a time."""
BLIND_WINDOWS = 12
CALLS = Path(__file__).parents[1] / "pipelines" / "demo_calls"
MUSIC = {"hold_music": ("asterisk-moh-opsound-wav", "wav"), "game_music": ("frozen-bubble-data", "ogg")}
SOUNDS = {"desktop_sounds": ("oxygen-sounds", "ogg")}
PROMPTS = {"es": "asterisk-core-sounds-es-wav", "en": "asterisk-core-sounds-en-wav"}
PROMPTS_EACH = 40


def made(name: str) -> Iterator[Pcm16]:
    rng = np.random.default_rng(7)
    for _ in range(MADE_S // PART_S):
        yield telephone(CLASSES[name](rng, PART_S))


def packed(package: str, kind: str) -> Iterator[Pcm16]:
    for path in recordings(package, kind):
        yield read(path)


def invented(sounds: Callable[[], Iterator[Pcm16]]) -> dict[str, Any]:
    """Words shown to an agent in all of these sounds."""
    return asyncio.run(_invented(sounds()))


async def _invented(sounds: Iterator[Pcm16]) -> dict[str, Any]:
    seconds, segments, texts = 0.0, 0, list[str]()
    async with real_ears() as ears:
        for at, sound in enumerate(sounds):
            found = await listened(ears, [sound], ("es", "pt", "en")[at % 3])
            seconds += len(sound) / RATE_HZ
            segments += len(found.segments)
            texts += [text for text in found.words() if text]
        asked = ears.asked
    return {
        "minutes": round(seconds / 60, 1),
        "segments_by_the_vad": segments,
        "windows_heard": asked,
        "words_shown": sum(len(text.split()) for text in texts),
        "words_an_hour": round(3600 * sum(len(text.split()) for text in texts) / seconds, 2),
        "texts": texts[:10],
    }


def blind() -> dict[str, Any]:
    """Stretches of one to three seconds of every class, heard as if the VAD had taken each for speech."""
    whisper = Whisper(install(WHISPER_BASE, Path("data/models")), device="cpu")
    rng = np.random.default_rng(11)
    sources: dict[str, Callable[[], Iterator[Pcm16]]] = {name: partial(_one, name, rng) for name in CLASSES}
    sources |= {name: partial(packed, *package) for name, package in (MUSIC | SOUNDS).items()}
    return {name: _blind(whisper, list(sounds()), rng) for name, sounds in sources.items()}


def _one(name: str, rng: np.random.Generator) -> Iterator[Pcm16]:
    yield telephone(CLASSES[name](rng, 60))


def _blind(whisper: Whisper, sounds: Sequence[Pcm16], rng: np.random.Generator) -> dict[str, int]:
    unguarded, guarded, tones, count = 0, 0, 0, 0
    while count < BLIND_WINDOWS:
        sound = sounds[int(rng.integers(len(sounds)))]
        length = min(len(sound), int(rng.integers(1, 4)) * RATE_HZ)
        start = int(rng.integers(0, len(sound) - length + 1))
        window = sound[start : start + length]
        if np.abs(window).max() < 100:
            continue
        language = ("es", "pt", "en")[count % 3]
        count += 1
        job = ListenJob(job=1, call_id="", stream="", segment=0, kind="final", due=0.0, language=language)
        pcm = window_16k(Recording(window, RATE_HZ), 0, length * 1000 // RATE_HZ)
        unguarded += len(whisper.hear(job, pcm).text.split())
        if is_tone(window):
            tones += 1
        else:
            guarded += len(whisper.hear(msgspec.structs.replace(job, suspect=True), pcm).text.split())
    return {"windows": count, "tones": tones, "words_without_guard": unguarded, "words": guarded}


def speech() -> dict[str, Any]:
    """Segments of the demo calls and of human prompts: how many the guard doubts, and how many it leaves out."""
    return asyncio.run(_speech())


async def _speech() -> dict[str, Any]:
    result: dict[str, Any] = {}
    async with real_ears() as ears:
        for language, call in (("es", "demo_es_cobranza"), ("pt", "demo_pt_sac"), ("en", "demo_en_sales")):
            legs = telephone_legs(CALLS / f"{call}.flac")
            result[call] = _doubted(await listened(ears, legs, language, drafts=False))
        for language, package in PROMPTS.items():
            spoken = [path for path in recordings(package) if path.parent.name.startswith(f"{language}_")]
            pause = np.zeros(RATE_HZ, np.int16)
            prompts = [part for path in spoken[:: len(spoken) // PROMPTS_EACH] for part in (read(path), pause)]
            result[package] = _doubted(await listened(ears, [np.concatenate(prompts)], language, drafts=False))
    return result


def _doubted(found: Listened) -> dict[str, Any]:
    """A segment of speech without words is one that the guard has cost."""
    pairs = list(zip(found.segments, found.finals, strict=True))
    return {
        "segments": len(pairs),
        "words": sum(len(final.heard.text.split()) for _, final in pairs),
        "doubted": sum(segment.voice < SURE for segment, _ in pairs),
        "left_out": [segment.end_ms - segment.start_ms for segment, final in pairs if not final.heard.text],
    }


CELLS = {
    **{f"silence.{name}": partial(invented, partial(made, name)) for name in CLASSES},
    **{f"silence.{name}": partial(invented, partial(packed, *package)) for name, package in (MUSIC | SOUNDS).items()},
    "silence.blind": blind,
    "silence.speech": speech,
}
