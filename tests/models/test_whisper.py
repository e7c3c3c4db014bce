"""The decoder in this process, on one clip."""

import json
import wave
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soxr

import models.decoder
from engine.errors import WeightsMissing
from engine.facts import Pcm16
from engine.ports.hearing import Heard, ListenJob
from media.audio import Recording, window_16k
from media.wav_file import read_channels
from models.catalogue import WHISPER_BASE
from models.decoder import Decode, Decoder
from models.decoding import PAUSE_S, RATE_HZ, Decoding
from models.hallucination import level_dbfs
from models.installation import install
from models.languages import likeliest
from models.whisper import Whisper

CLIP = Path(__file__).parent.parent / "data" / "ears" / "good_question.wav"
SPANISH = CLIP.parents[1] / "digits" / "fours_es.flac"
NAMES = CLIP.parents[1] / "vocabulary" / "en.ogg"
WORDS = "Good question. Let me check that for you."
FINAL = ListenJob(job=1, call_id="c", stream="1", segment=0, kind="final", due=0.0, language="en")
PARTIAL = msgspec.structs.replace(FINAL, kind="partial")


@pytest.fixture(scope="module")
def weights(weights_dir: Path) -> Path:
    return install(WHISPER_BASE, weights_dir)


@pytest.fixture(scope="module")
def whisper(weights: Path) -> Whisper:
    return Whisper(weights, device="cpu")


@pytest.fixture(scope="module")
def clip() -> Pcm16:
    with wave.open(str(CLIP)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def after(first: Pcm16, second: Pcm16) -> tuple[Pcm16, int]:
    """A window of both, and how much of it is context."""
    context = np.concatenate([first, np.zeros(int(PAUSE_S * RATE_HZ), np.int16)])
    return np.concatenate([context, second]), len(context)


@pytest.mark.parametrize("fails", ["loading", "encoding"])
def test_a_gpu_that_computes_nothing_is_none_unless_it_was_asked_for(
    weights: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    class OnCard:
        bands = 80

        def __init__(self) -> None:
            if fails == "loading":
                raise ValueError("Requested float16 compute type, but the target device does not support it")

        def encode(self, mel: Any) -> None:
            raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")

    def model(*arguments: Any) -> Any:
        return OnCard() if "cuda" in arguments else on_cpu(*arguments)

    on_cpu = models.decoder._model
    monkeypatch.setattr(models.decoder, "_model", model)
    monkeypatch.setattr(models.decoder, "_device", lambda device: "cuda" if device == "auto" else device)
    decoder = Decoder(weights, workers=1, device="auto", compute_type="", spelt_numbers=True)
    assert (decoder.device, decoder.borrows_silence) == ("cpu", True)
    with pytest.raises((RuntimeError, ValueError), match=r"float16|libcublas"):
        Decoder(weights, workers=1, device="cuda", compute_type="", spelt_numbers=True)


def test_the_language_is_identified_when_the_job_has_none(whisper: Whisper, clip: Pcm16) -> None:
    heard = whisper.hear(msgspec.structs.replace(FINAL, language=""), clip)
    assert (heard.text, heard.language) == (WORDS, "en")
    assert 0.5 < heard.language_score <= 1.0


def test_every_word_of_a_final_has_its_time(whisper: Whisper, clip: Pcm16) -> None:
    heard = whisper.hear(FINAL, clip)
    assert [heard.text[word.start : word.end] for word in heard.words] == WORDS.replace(".", "").split()
    times = [time for word in heard.words for time in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= len(clip) / 16


def test_words_are_timed_from_the_segment_on_whatever_was_said_before(whisper: Whisper, clip: Pcm16) -> None:
    alone = whisper.hear(FINAL, clip)
    both, context = after(clip, clip)
    second = whisper.hear(FINAL, both, context, WORDS)
    assert second.text == alone.text
    pairs = zip(alone.words, second.words, strict=True)
    assert max(abs(one.end_ms - other.end_ms) for one, other in pairs) <= 150


def test_more_words_than_the_decoder_has_places_for_have_no_times(weights: Path, clip: Pcm16) -> None:
    decoder = Decoder(weights, workers=1, device="cpu", compute_type="", spelt_numbers=True)
    encoded = decoder.encode((clip / 32768).astype(np.float32), 10.0)
    assert len(decoder.times(encoded, "en", "no " * 430, 3.0)) == 430
    assert decoder.times(encoded, "en", "no " * 450, 3.0) == ()


def test_a_partial_has_no_times(whisper: Whisper, clip: Pcm16) -> None:
    assert whisper.hear(msgspec.structs.replace(FINAL, kind="partial"), clip).words == ()


def test_a_speculation_hears_what_the_final_hears(whisper: Whisper, clip: Pcm16) -> None:
    final = whisper.hear(FINAL, clip)
    speculation = whisper.hear(msgspec.structs.replace(FINAL, kind="speculation"), clip)
    assert msgspec.structs.replace(final, run_ms=0.0) == msgspec.structs.replace(speculation, run_ms=0.0)


def test_a_partial_says_how_likely_each_of_its_words_is(whisper: Whisper, clip: Pcm16) -> None:
    heard = whisper.hear(PARTIAL, clip[: 2 * RATE_HZ])
    assert heard.text == "Good question."
    assert len(heard.chances) == 2
    assert min(heard.chances) > 0.5
    assert whisper.hear(FINAL, clip).chances == ()


@pytest.mark.parametrize(("end_s", "text"), [(0.7, "Good"), (1.0, "Good question.")])
def test_a_first_draft_that_loops_is_worth_what_it_begins_with(
    whisper: Whisper, clip: Pcm16, end_s: float, text: str
) -> None:
    assert whisper.hear(PARTIAL, clip[: round(end_s * RATE_HZ)]).text == text


def test_a_draft_in_doubt_takes_no_word_back(whisper: Whisper, clip: Pcm16) -> None:
    begun = msgspec.structs.replace(PARTIAL, expected="Good question. Let")
    assert whisper.hear(begun, clip[: round(0.7 * RATE_HZ)]).text == ""


def test_a_partial_goes_on_from_its_prefix(whisper: Whisper, clip: Pcm16) -> None:
    partial = msgspec.structs.replace(FINAL, kind="partial", prefix="Good question. Let me")
    assert whisper.hear(partial, clip).text == WORDS


def test_a_prefix_that_is_all_that_was_said_gets_nothing_added(whisper: Whisper, clip: Pcm16) -> None:
    partial = msgspec.structs.replace(FINAL, kind="partial", prefix=WORDS)
    assert whisper.hear(partial, clip).text == WORDS


def test_a_segment_is_heard_after_another_without_its_words(whisper: Whisper, clip: Pcm16) -> None:
    heard = whisper.hear(FINAL, *after(clip[:23_000], clip[23_000:]), said="Good question.")
    assert heard.text == "Let me check that for you."


@pytest.mark.parametrize(("clearness", "drafts"), [(-9.0, []), (0.0, ["Let me check that for you."])])
def test_words_in_doubt_are_a_draft_until_they_are_heard_once_more(
    whisper: Whisper, clip: Pcm16, weights: Path, clearness: float, drafts: list[str]
) -> None:
    strict = Whisper(weights, device="cpu", decoding=Decoding(sure_log_probability=clearness))
    shown: list[Heard] = []
    window, context = after(clip[:23_000], clip[23_000:])
    heard = strict.hear(FINAL, window, context, "Good question.", shown.append)
    assert heard.text == "Let me check that for you."
    assert [draft.text for draft in shown] == drafts
    assert all(0 < draft.run_ms < heard.run_ms for draft in shown)


def test_words_said_before_are_never_heard_twice(whisper: Whisper, clip: Pcm16) -> None:
    shown: list[Heard] = []
    window, context = after(clip[:18_000], clip[18_000:])  # cut before "question" is over
    heard = whisper.hear(FINAL, window, context, "Good question.", shown.append)
    assert heard.text.endswith("Let me check that for you.")
    assert not any(draft.text.startswith("question") for draft in [heard, *shown])


def test_names_of_a_vocabulary_are_heard_where_that_is_likelier_and_nowhere_else(
    whisper: Whisper, clip: Pcm16, weights: Path
) -> None:
    channels, rate_hz = read_channels(NAMES)
    script = json.loads(NAMES.with_suffix(".json").read_bytes())["turns"][3]
    sound = soxr.resample(channels[0], rate_hz, 16_000)
    bank = sound[16 * (script["start_ms"] - 200) : 16 * (script["end_ms"] + 200)]
    told = msgspec.structs.replace(FINAL, prompt="Sunvera, Quillbank, Kilowise.")
    assert "Quillbank" not in whisper.hear(told, bank).text, "a prompt is only for those who ask for it"
    prompted = Whisper(weights, device="cpu", decoding=Decoding(prompted=True))
    assert prompted.hear(told, bank).text == "I moved my savings to Quillbank last year."
    assert prompted.hear(told, clip).text == WORDS
    assert prompted.hear(FINAL, bank).text == whisper.hear(FINAL, bank).text


def test_words_of_another_language_are_heard_as_such_and_alone(whisper: Whisper, clip: Pcm16) -> None:
    before, _ = read_channels(SPANISH)
    spanish = window_16k(Recording(before[0], 8000), 500, 3500)
    job = msgspec.structs.replace(FINAL, language="es", belief={"es": 0.97, "pt": 0.01, "en": 0.01})
    context = np.concatenate([spanish, np.zeros(6400, np.int16)])
    heard = whisper.hear(job, np.concatenate([context, clip]), len(context), "¿Me da el número de su tarjeta?")
    assert (heard.text, heard.language) == (WORDS, "en")
    assert likeliest(heard.belief) == "en"


def test_a_language_of_the_job_without_a_belief_is_not_asked_again(whisper: Whisper, clip: Pcm16) -> None:
    heard = whisper.hear(msgspec.structs.replace(FINAL, language="es"), clip)
    assert (heard.language, heard.language_score, heard.belief) == ("es", 1.0, {})


@pytest.mark.parametrize("seed", range(3))
def test_noise_that_may_be_no_voice_has_no_words(whisper: Whisper, seed: int) -> None:
    noise = np.cumsum(np.random.default_rng(seed).normal(0, 400, 32_000))
    pcm = (noise - np.linspace(noise[0], noise[-1], len(noise))).clip(-32768, 32767).astype(np.int16)
    assert whisper.hear(msgspec.structs.replace(FINAL, suspect=True), pcm).text == ""


def test_silence_has_no_words(whisper: Whisper) -> None:
    assert whisper.hear(FINAL, np.zeros(16_000, np.int16)).text == ""


@pytest.mark.parametrize(("gain", "words"), [(1.0, ""), (16.0, WORDS)])
def test_soft_words_are_heard_where_all_are_soft(whisper: Whisper, clip: Pcm16, gain: float, words: str) -> None:
    level = level_dbfs(clip.astype(np.float32) / 32768.0)
    soft = (clip * 10 ** ((-58 - level) / 20)).astype(np.int16)
    assert whisper.hear(msgspec.structs.replace(FINAL, gain=gain), soft).text == words


def test_missing_files_of_the_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"tokenizer\.json"):
        Whisper(tmp_path)


@pytest.mark.parametrize(("capped", "text", "again"), [(True, "F-E-F", True), (False, "cuatro " * 12, False)])
def test_a_number_may_repeat_itself_but_not_to_the_cap(whisper: Whisper, capped: bool, text: str, again: bool) -> None:
    decode = Decode(text=text, new=text, log_probability=-0.02, no_speech=0.1, capped=capped)
    assert whisper._is_doubtful(decode, capture=True) == again
    assert decode.compression < 2.4 or not again
