"""What an installation builds of Whisper base hears speech as the model does that it is built from."""

import wave
from pathlib import Path
from shutil import copyfile
from typing import Any

import ctranslate2
import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from engine.errors import WeightsMissing
from models.catalogue import WHISPER_BASE
from models.ctranslate import CtranslateModel
from models.decoder import Decoder, encoded_positions
from models.decoding import RATE_HZ
from models.installation import install
from models.whisper_onnx.decoder import CROSS, DECODER, Memory
from models.whisper_onnx.encoder import GRAPH, WhisperEncoder
from models.whisper_onnx.evens import load_evens
from models.whisper_onnx.export import cosines, export_graphs

CLIP = Path(__file__).parents[2] / "data" / "ears" / "good_question.wav"


@pytest.fixture(scope="module")
def weights(weights_dir: Path) -> Path:
    return install(WHISPER_BASE, weights_dir)


@pytest.fixture
def graphless(weights: Path, tmp_path: Path) -> Path:
    """The same model without our graphs."""
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        (tmp_path / name).symlink_to(weights / name)
    return tmp_path


def decoder(weights: Path, compute_type: str = "") -> Decoder:
    return Decoder(weights, workers=1, device="cpu", compute_type=compute_type, spelt_numbers=True)


def features(encoded: ctranslate2.StorageView) -> NDArray[np.float32]:
    return np.array(encoded.to(ctranslate2.DataType.float32))


def speech() -> NDArray[np.float32]:
    with wave.open(str(CLIP)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / np.float32(32768)


def test_the_encoder_hears_as_ctranslate2s_does(weights: Path, graphless: Path) -> None:
    mel = FeatureExtractor(feature_size=80)(speech(), padding=0)[None]
    mel = np.ascontiguousarray(mel[:, :, :300], dtype=np.float32)
    ours = WhisperEncoder(weights / GRAPH).encode(mel)
    theirs = CtranslateModel(graphless, workers=1, device="cpu", compute_type="int8").encode(mel)
    assert ours.shape == (1, 150, 512)
    assert float(cosines(ours, features(theirs)).mean()) > 0.99


@pytest.mark.parametrize("beam", [1, 5])
def test_words_and_their_times_are_those_that_ctranslate2_finds(weights: Path, graphless: Path, beam: int) -> None:
    found: list[Any] = []
    for model in (decoder(weights), decoder(graphless)):
        encoded = model.encode(speech(), 9.0)
        assert isinstance(encoded, Memory) == (not found), "both were heard by the same"
        language = model.languages(encoded)
        plain = model.decode(encoded, "en", 100, beam=beam)
        marked = model.decode_from(encoded, "en", 0.0, "Thank you.", 100, beam=beam)
        times = model.times(encoded, "en", plain.text, len(speech()) / RATE_HZ)
        found.append((language, plain, marked, times))
    (languages, plain, marked, times), (their_languages, their_plain, their_marked, their_times) = found
    assert max(languages, key=languages.__getitem__) == "en"
    assert languages["en"] == pytest.approx(their_languages["en"], abs=0.1)
    assert set(languages) == set(their_languages)
    for one, other in ((plain, their_plain), (marked, their_marked)):
        assert len(one.text.split()) >= 6
        assert one.text == other.text
        assert one.log_probability == pytest.approx(other.log_probability, abs=0.06)
        assert one.no_speech == pytest.approx(other.no_speech, abs=0.06)
        assert one.until_s == other.until_s
    assert [(word.start, word.end) for word in times] == [(word.start, word.end) for word in their_times]
    assert [word.start_ms for word in times] == pytest.approx([word.start_ms for word in their_times], abs=60)
    begins = [word.start_ms for word in times]
    assert all(start <= word.end_ms for start, word in zip(begins, times, strict=True))
    assert all(word.end_ms <= start for word, start in zip(times, begins[1:], strict=False)), "a word ends in the next"


def test_words_behind_others_are_those_that_follow(weights: Path, graphless: Path) -> None:
    for model in (decoder(weights), decoder(graphless)):
        encoded = model.encode(speech(), 9.0)
        whole = model.decode(encoded, "en", 100, beam=1)
        begun = " ".join(whole.text.split()[:4])
        behind = model.decode(encoded, "en", 100, beam=1, prefix=begun)
        assert behind.text == whole.text
        assert behind.new == whole.text.removeprefix(begun).lstrip(" ,.")
        assert model.decode(encoded, "en", 3, beam=1).capped
        assert model.decode(encoded, "en", 100, beam=1, prefix=begun, expected=f"{begun} question").new == behind.new


def test_more_is_given_than_there_is_room_behind(weights: Path) -> None:
    model = decoder(weights)
    encoded = model.encode(speech(), 9.0)
    said = "no " * 300
    for found in (
        model.decode(encoded, "en", 400, beam=1, prefix="no " * 200, expected="no " * 440),
        model.decode_from(encoded, "en", 1.0, said, 400, beam=1),
        model.decode_from(encoded, "en", 1.0, said, 400, beam=3),
    ):
        assert found.log_probability <= 0


def test_no_sound_has_no_times(weights: Path) -> None:
    model = decoder(weights)
    [word] = model.times(model.encode(speech(), 9.0), "en", "Hello.", 0.005)
    assert (word.start_ms, word.end_ms) == (0, 0)


def test_behind_the_first_of_it_padding_is_what_silence_is_at_its_place(weights: Path) -> None:
    model = decoder(weights)
    sound = np.random.default_rng(5).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32)
    own = encoded_positions(len(sound), 400)
    padded, brief, silence = (model.encode(*window) for window in ((sound, 8.0), (sound, own / 50), (sound[:0], 30.0)))
    assert padded.positions == 400
    assert np.array_equal(padded.values[2][:, :, :own], brief.values[2])
    assert np.array_equal(padded.values[2][:, :, own:], silence.values[2][:, :, own:400])
    assert not np.array_equal(model.encode(sound, 8.0, whole=True).values[2], padded.values[2])
    assert np.array_equal(model.encode(sound, 1.5).keys[0], model.encode(sound[:24_000], 1.5).keys[0])


def test_the_precision_that_is_asked_for_is_ctranslate2s(weights: Path) -> None:
    model = decoder(weights, "float32")
    assert isinstance(model.encode(speech(), 6.0), ctranslate2.StorageView)


def test_a_model_with_other_outliers_is_not_exported(weights: Path, tmp_path: Path) -> None:
    for name in ("model.bin", "config.json"):
        copyfile(weights / name, tmp_path / name)
    out = tmp_path / "out"
    out.mkdir()
    evens = {name: even[::-1].copy() ** 8 for name, even in load_evens().items()}
    with pytest.raises(WeightsMissing, match="differs from its source"):
        export_graphs(tmp_path, out, evens)
    assert [path.name for path in export_graphs(tmp_path, out)] == [GRAPH, CROSS, DECODER]
