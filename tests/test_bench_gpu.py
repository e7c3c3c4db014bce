"""The model of turbo's shape is what it says, and the arithmetic on paper adds up."""

import struct
from pathlib import Path

import ctranslate2
import pytest

from benchmarks.gpu import Decodes, Plan, measure, on_paper
from benchmarks.whisper_shape import (
    BASE,
    CARDS,
    TURBO,
    Shape,
    encoder_flops,
    step_bytes,
    weights,
    windows_a_second,
    write_random,
)
from models.catalogue import WHISPER_BASE
from models.installation import install

SMALL = Shape(mels=128, width=32, heads=2, encoder_layers=2, decoder_layers=1, languages=100)


def header(path: Path) -> dict[str, tuple[tuple[int, ...], int]]:
    """Dimensions and type of every entry of a model file."""
    found: dict[str, tuple[tuple[int, ...], int]] = {}
    with path.open("rb") as file:

        def number(kind: str) -> int:
            return int(struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))[0])

        def text() -> str:
            return file.read(number("H"))[:-1].decode()

        assert (number("I"), text(), number("I")) == (6, "WhisperSpec", 3)
        for _ in range(number("I")):
            name = text()
            dimensions = tuple(number("I") for _ in range(number("B")))
            found[name] = (dimensions, number("B"))
            file.seek(number("I"), 1)
        assert [(text(), text()) for _ in range(number("I"))] == [
            ("decoder/projection/weight", "decoder/embeddings/weight")
        ]
    return found


def test_a_file_of_random_weights_is_laid_out_as_the_real_one(weights_dir: Path, tmp_path: Path) -> None:
    real = install(WHISPER_BASE, weights_dir)
    write_random(BASE, tmp_path)
    assert header(tmp_path / "model.bin") == header(real / "model.bin")


def test_turbo_has_the_parameters_that_it_is_known_by() -> None:
    assert (TURBO.parameters, BASE.parameters) == (808_878_080, 72_593_920)
    assert (TURBO.vocabulary, BASE.vocabulary) == (51_866, 51_865)
    assert TURBO.prompt == [50_258, 50_259, 50_360, 50_364]


def test_exactly_so_many_tokens_are_decoded(tmp_path: Path) -> None:
    write_random(SMALL, tmp_path)
    model = ctranslate2.models.Whisper(str(tmp_path), device="cpu", compute_type="int8")
    assert model.n_mels == SMALL.mels
    for beam in (1, 5):
        Decodes(model, SMALL, 2, 3, beam).whole(7)  # raises when there were others


def test_each_window_batch_beam_and_number_of_workers_gives_a_row(tmp_path: Path) -> None:
    write_random(SMALL, tmp_path)
    rows = measure(tmp_path, SMALL, "cpu", Plan("int8", (1, 2), (1, 2), (1, 5), (8, 12), (1, 2), 1))
    assert len(rows) == 2 * 2 * 2 + 2
    assert {"2 s window, batch 2, beam 5", "1 s window, 2 workers, beam 5"} < set(rows)


def test_the_arithmetic_counts_what_the_model_is_made_of() -> None:
    products = sum(
        dimensions[0] * dimensions[1]
        for name, dimensions in weights(TURBO)
        if name.startswith("encoder/layer_") and len(dimensions) == 2
    )
    seconds = 0.02  # one position: no attention to speak of
    cross = TURBO.decoder_layers * 2 * TURBO.width**2
    convolutions = 3 * TURBO.width * (2 * TURBO.mels + TURBO.width)
    assert encoder_flops(TURBO, seconds) == pytest.approx(2 * (products + cross + convolutions), rel=0.001)
    assert step_bytes(TURBO, 30, 2) - step_bytes(TURBO, 30, 1) == 2 * TURBO.decoder_layers * 2 * 1500 * TURBO.width


def test_a_better_card_a_larger_batch_and_a_shorter_window_do_more() -> None:
    def rate(card: str, window_s: int = 30, batch: int = 1) -> float:
        return windows_a_second(TURBO, CARDS[card], window_s, 40, batch, 5)

    assert rate("H100 SXM") > rate("L4") > rate("T4")
    assert rate("L4", batch=16) > rate("L4")
    assert rate("T4", window_s=12) > rate("T4")
    assert {name.partition(",")[0] for name in on_paper(TURBO)} >= set(CARDS)
