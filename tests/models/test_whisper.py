"""The decoder in this process, on one clip."""

import wave
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.errors import WeightsMissing
from engine.facts import Pcm16
from engine.ports import ListenJob
from models.catalogue import WHISPER_BASE
from models.installation import install
from models.whisper import Whisper

CLIP = Path(__file__).parent.parent / "data" / "ears" / "good_question.wav"
WORDS = "Good question. Let me check that for you."
FINAL = ListenJob(job=1, call_id="c", stream="1", segment=0, kind="final", due=0.0, language="en")


@pytest.fixture(scope="module")
def whisper(pytestconfig: pytest.Config) -> Whisper:
    assert pytestconfig.cache is not None
    return Whisper(install(WHISPER_BASE, pytestconfig.cache.mkdir("models")), device="cpu")


@pytest.fixture(scope="module")
def clip() -> Pcm16:
    with wave.open(str(CLIP)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def test_the_language_is_identified_when_the_job_has_none(whisper: Whisper, clip: Pcm16) -> None:
    heard = whisper.hear(msgspec.structs.replace(FINAL, language=""), clip)
    assert (heard.text, heard.language) == (WORDS, "en")
    assert 0.5 < heard.language_score <= 1.0


def test_a_speculation_hears_what_the_final_hears(whisper: Whisper, clip: Pcm16) -> None:
    final = whisper.hear(FINAL, clip)
    speculation = whisper.hear(msgspec.structs.replace(FINAL, kind="speculation"), clip)
    assert msgspec.structs.replace(final, run_ms=0.0) == msgspec.structs.replace(speculation, run_ms=0.0)


def test_a_partial_goes_on_from_its_prefix(whisper: Whisper, clip: Pcm16) -> None:
    partial = msgspec.structs.replace(FINAL, kind="partial", prefix="Good question. Let me")
    assert whisper.hear(partial, clip).text == WORDS


def test_a_prefix_that_is_all_that_was_said_gets_nothing_added(whisper: Whisper, clip: Pcm16) -> None:
    partial = msgspec.structs.replace(FINAL, kind="partial", prefix=WORDS)
    assert whisper.hear(partial, clip).text == WORDS


def test_a_segment_is_heard_after_another_without_its_words(whisper: Whisper, clip: Pcm16) -> None:
    gap = np.zeros(6400, np.int16)
    first, second = clip[:23_000], clip[23_000:]
    window = np.concatenate([first, gap, second])
    heard = whisper.hear(FINAL, window, context=len(first) + len(gap), said="Good question.")
    assert heard.text == "Let me check that for you."


def test_silence_has_no_words(whisper: Whisper) -> None:
    assert whisper.hear(FINAL, np.zeros(16_000, np.int16)).text == ""


def test_missing_files_of_the_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"tokenizer\.json"):
        Whisper(tmp_path)
