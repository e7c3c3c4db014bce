"""Word error rate by what the line leaves of a voice: ours and offline faster-whisper's with the same weights.

    python -m benchmarks accuracy.bands.es.g711 accuracy.bands.es.amr

`wideband`: 16 kHz, the prompts from G.722, the clips as they are. `g711`: µ-law at 8 kHz. `lost`: one packet of 20 ms
of G.711 in fifty never comes and is concealed as our media plane does. `amr`: a speech coder of G.729's kind and rate.
Voices are Debian's Asterisk prompts and LibriVox clips (`benchmarks/load/material.py`), two speakers by turns; in
Portuguese the bundled demo call, the only one with its words, which a machine speaks and the telephone's band has.

`ours` hears the segments that the VAD cuts, as a call's finals. `offline` hears each conversation at once, both
speakers mixed, with a beam of 5 on windows of 30 s, numbers as words as ours. Both hear the same sound. Accents do not
count: the scripts of the Spanish prompts have none.
"""

import asyncio
import itertools
import random
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import jiwer
import msgspec
import numpy as np
import soxr
from av.audio.codeccontext import AudioCodecContext
from faster_whisper import WhisperModel

from benchmarks.accuracy import hear, normalised, segments_of
from benchmarks.load.material import LEGS, LENGTH_S, Clip, prompts, readers
from engine.facts import Pcm16, Samples
from media.codecs import PCMU
from media.concealment import HISTORY_MS, conceal
from models.catalogue import WHISPER_BASE
from models.decoder import never_chosen
from models.installation import install
from models.privacy.lexicon import fold
from models.whisper import Whisper
from pipelines import demo

WIDE_HZ, NARROW_HZ = 16_000, 8_000
PAUSE_S = 0.7
LOST = 0.02
_PACKET = NARROW_HZ // 50
_AMR_BIT_RATE = 7_950
_AMR_FRAME = NARROW_HZ // 50


class Spoken(msgspec.Struct, frozen=True):
    """A conversation: sound by leg, all of one length, and what is said in it in order."""

    sound: dict[str, Pcm16]
    rate_hz: int
    text: str


Line = Callable[[Pcm16, str], Pcm16]
"""What comes out of a line at 8 kHz, by leg."""


# ─── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def g711(sound: Pcm16, _leg: str = "") -> Pcm16:
    return np.concatenate(PCMU.decode([PCMU.encode(sound)]))


def lossy(sound: Pcm16, leg: str) -> Pcm16:
    """G.711 without every fiftieth packet, by chance: the same ones in every run, others on each leg."""
    chance, heard = random.Random(f"{leg} {len(sound)}"), g711(sound)
    for at in range(0, len(heard), _PACKET):
        if chance.random() < LOST:
            history = heard[max(0, at - HISTORY_MS * NARROW_HZ // 1000) : at]
            heard[at : at + _PACKET] = conceal(history, min(_PACKET, len(heard) - at))
    return heard


def amr(sound: Pcm16, _leg: str = "") -> Pcm16:
    """ACELP at 7.95 kbit/s (3GPP TS 26.071). No encoder of G.729 (8 kbit/s) can be had from a package."""
    coder = av.CodecContext.create("libopencore_amrnb", "w")
    assert isinstance(coder, AudioCodecContext)
    coder.sample_rate, coder.layout, coder.format, coder.bit_rate = NARROW_HZ, "mono", "s16", _AMR_BIT_RATE
    decoder = av.CodecContext.create("amrnb", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate, decoder.layout = NARROW_HZ, "mono"
    heard: list[Samples] = []
    for at in range(0, len(sound) - _AMR_FRAME + 1, _AMR_FRAME):
        frame = av.AudioFrame.from_ndarray(sound[None, at : at + _AMR_FRAME], "s16", "mono")
        frame.sample_rate, frame.pts = NARROW_HZ, at
        for packet in coder.encode(frame):
            heard += [decoded.to_ndarray()[0] for decoded in decoder.decode(packet)]
    joined = np.clip(np.concatenate(heard)[: len(sound)] * 32767, -32768, 32767).astype(np.int16)
    return np.pad(joined, (0, len(sound) - len(joined)))


WIDEBAND = "wideband"
NARROW: dict[str, Line] = {"g711": g711, "lost": lossy, "amr": amr}


def conversations(language: str, name: str) -> list[Spoken]:
    """What both hear on a line."""
    if language == "pt":
        narrow = [_demo(language)]
    else:
        voices = [*prompts(language, WIDE_HZ), *(readers(WIDE_HZ) if language == "en" else ())]
        wide = list(_conversations(voices, language))
        if name == WIDEBAND:
            return wide
        narrow = [_narrowed(one) for one in wide]
    line = NARROW[name]
    sounds = [{leg: line(pcm, leg) for leg, pcm in one.sound.items()} for one in narrow]
    return [Spoken(sound, NARROW_HZ, one.text) for sound, one in zip(sounds, narrow, strict=True)]


def _conversations(clips: Sequence[Clip], language: str) -> Iterator[Spoken]:
    """All that is said, in the same order in every run, the speakers by turns."""
    deck, turn = list(clips), itertools.cycle(LEGS)
    random.Random(language).shuffle(deck)
    while deck:
        sounds: dict[str, list[Pcm16]] = {leg: [] for leg in LEGS}
        texts, length = [], 0
        while deck and length < LENGTH_S * WIDE_HZ:
            clip, leg = deck.pop(), next(turn)
            said = np.clip(np.pad(clip.sound, (0, round(PAUSE_S * WIDE_HZ))) * 32767, -32768, 32767).astype(np.int16)
            for other in LEGS:
                sounds[other].append(said if other == leg else np.zeros_like(said))
            texts.append(clip.text)
            length += len(said)
        yield Spoken({leg: np.concatenate(parts) for leg, parts in sounds.items()}, WIDE_HZ, " ".join(texts))


def _narrowed(wide: Spoken) -> Spoken:
    def telephone(pcm: Pcm16) -> Pcm16:
        return np.asarray(soxr.resample(pcm, WIDE_HZ, NARROW_HZ), np.int16)

    return Spoken({leg: telephone(pcm) for leg, pcm in wide.sound.items()}, NARROW_HZ, wide.text)


def _demo(language: str) -> Spoken:
    call = demo.load_call(language)
    turns = sorted(call.script.turns, key=lambda one: one.start_ms)
    return Spoken(dict(zip(call.script.legs, call.sound, strict=True)), NARROW_HZ, " ".join(one.text for one in turns))


# ─── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def cell(language: str, line: str) -> dict[str, Any]:
    weights = install(WHISPER_BASE, Path("data/models"))
    ours = Whisper(weights, device="cpu")
    offline = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
    spoken = conversations(language, line)
    said = [_plain(one.text) for one in spoken]
    heard = [_plain(_ours(ours, one, language)) for one in spoken]
    theirs = [_plain(_offline(offline, one, language)) for one in spoken]
    rates = [round(100 * jiwer.wer(said, words), 2) for words in (heard, theirs)]
    words = sum(len(text.split()) for text in said)
    print(f"  {language} {line:<8} {words:>5} words  ours {rates[0]:>6} %  offline {rates[1]:>6} %", flush=True)
    return {"words": words, "ours": rates[0], "offline": rates[1]}


def _plain(text: str) -> str:
    return normalised(fold(text))


def _ours(model: Whisper, spoken: Spoken, language: str) -> str:
    """Finals in the order in which they began."""
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        path = Path(folder) / "conversation.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(len(spoken.sound))
            file.setsampwidth(2)
            file.setframerate(spoken.rate_hz)
            file.writeframes(np.stack(list(spoken.sound.values()), axis=1).astype("<i2").tobytes())
        windows = asyncio.run(segments_of(path, tuple(spoken.sound)))
    finals = zip(windows, hear(model, language, windows), strict=True)
    return " ".join(one.text for _, one in sorted(finals, key=lambda final: final[0][0].start_ms))


def _offline(model: WhisperModel, spoken: Spoken, language: str) -> str:
    mixed = np.sum([pcm.astype(np.float32) / 32768 for pcm in spoken.sound.values()], axis=0).astype(np.float32)
    if spoken.rate_hz != WIDE_HZ:
        mixed = soxr.resample(mixed, spoken.rate_hz, WIDE_HZ)
    suppressed = never_chosen(model.hf_tokenizer)
    segments, _ = model.transcribe(mixed, language=language, beam_size=5, suppress_tokens=suppressed)
    return " ".join(segment.text for segment in segments)


CELLS = {
    f"accuracy.bands.{language}.{line}": partial(cell, language, line)
    for language in ("es", "en", "pt")
    for line in (WIDEBAND, *NARROW)
    if (language, line) != ("pt", WIDEBAND)
}
