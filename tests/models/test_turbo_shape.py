"""A model with large-v3-turbo's bands and tokens, which are not Whisper base's, is heard with like any other.

Its weights are random and few: what it says means nothing, only that ids and sizes are taken from the model counts.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from faster_whisper.tokenizer import Tokenizer

from benchmarks.whisper_shape import TURBO, write_random
from engine.ports.hearing import ListenJob
from models.catalogue import WHISPER_BASE
from models.decoder import Decoder
from models.installation import install
from models.own_model import bring_in
from models.whisper import Whisper

SHAPE = TURBO._replace(width=32, heads=2, encoder_layers=1, decoder_layers=1)
ADDED = "<|yue|>"
"""Cantonese, the language that large-v3 has more than base: every id behind it is one higher."""
SOUND = (np.random.default_rng(1).standard_normal(3 * 16_000) / 10).astype(np.float32)


@pytest.fixture(scope="module")
def weights(weights_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = install(WHISPER_BASE, weights_dir)
    folder = tmp_path_factory.mktemp("turbo")
    write_random(SHAPE, folder)
    vocabulary = json.loads((base / "vocabulary.json").read_text("utf-8"))
    at = vocabulary.index("<|su|>") + 1
    vocabulary.insert(at, ADDED)
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary), "utf-8")
    tokenizer = json.loads((base / "tokenizer.json").read_text("utf-8"))
    added: list[dict[str, Any]] = tokenizer["added_tokens"]
    like = next(token for token in added if token["content"] == "<|su|>")
    moved = [token | {"id": token["id"] + (token["id"] >= at)} for token in added]
    tokenizer["added_tokens"] = sorted([*moved, like | {"id": at, "content": ADDED}], key=lambda token: token["id"])
    words = {word: number for word, number in tokenizer["model"]["vocab"].items() if number < SHAPE.eot}
    tokenizer["model"]["vocab"] = words
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    return bring_in(folder, "turbo", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def decoder(weights: Path) -> Decoder:
    return Decoder(weights, workers=1, device="cpu", compute_type="float32", spelt_numbers=True)


def test_ids_are_taken_from_the_model(weights: Path) -> None:
    vocabulary = tokenizers.Tokenizer.from_file(str(weights / "tokenizer.json"))
    tokenizer = Tokenizer(vocabulary, True, "transcribe", "en")
    assert [*tokenizer.sot_sequence, tokenizer.no_timestamps] == SHAPE.prompt
    assert tokenizer.timestamp_begin == SHAPE.vocabulary - 1501


def test_every_language_of_the_model_is_weighed(decoder: Decoder) -> None:
    scores = decoder.languages(decoder.encode(SOUND, 6.0))
    assert len(scores) == SHAPE.languages
    assert {"es", "pt", "en", "yue"} <= set(scores)
    assert sum(scores.values()) == pytest.approx(1.0, abs=1e-3)


def test_as_many_positions_as_the_model_has_bands_are_no_sound(decoder: Decoder) -> None:
    encoded = decoder.encode(SOUND, 6.0)
    first = 300 - SHAPE.mels
    exact, wider = (decoder.languages(encoded, behind) for behind in (first, first - 1))
    assert exact == pytest.approx(wider, abs=1e-6)
    assert exact != pytest.approx(decoder.languages(encoded, first + 1), abs=1e-6)
    times = decoder.times(encoded, "en", "good morning", 2.5, first)
    assert times == decoder.times(encoded, "en", "good morning", 2.5, first - 1)


def test_it_decodes_plainly_behind_words_and_from_a_mark(decoder: Decoder) -> None:
    encoded = decoder.encode(SOUND, 6.0)
    plain = decoder.decode(encoded, "es", 8, beam=5)
    assert plain.text
    assert "<|" not in plain.text
    behind = decoder.decode(encoded, "pt", 8, beam=1, prefix="bom dia")
    assert behind.text.startswith("bom dia")
    marked = decoder.decode_from(encoded, "en", 1.0, "good morning", 8, beam=1)
    assert "<|" not in marked.text
    assert marked.until_s is None or 1.0 <= marked.until_s <= 30.0


def test_a_segment_is_heard(weights: Path) -> None:
    job = ListenJob(job=1, call_id="c", stream="1", segment=0, kind="final", due=0.0, language="es")
    heard = Whisper(weights, device="cpu").hear(job, (SOUND * 32_000).clip(-32_000, 32_000).astype(np.int16))
    assert heard.language == "es"
    assert not heard.shed
