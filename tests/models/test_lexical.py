"""The hashed features: the trained weights rest on every bit of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.lexical import WIDTH, WORD_WIDTH, lexical, words


def test_accents_and_case_are_folded_but_masks_stay() -> None:
    assert words("Mi tarjeta es [card], o’clock!") == ["mi", "tarjeta", "es", "[card]", "o'clock"]


def test_features_do_not_change_between_runs() -> None:
    row = lexical(["quiero cancelar"])[0]
    assert np.flatnonzero(row[:WORD_WIDTH]).tolist() == [852, 1671, 2019, 2023, 3700]


def test_same_words_without_signs_are_the_same() -> None:
    spoken, written = lexical(["no quiero cancelar", "No, ¡quiero cancelar!"])
    assert np.array_equal(spoken, written)


@given(st.text(max_size=300))
def test_any_text_gives_finite_rows_of_bounded_length(text: str) -> None:
    row = lexical([text])
    assert row.shape == (1, WIDTH)
    assert np.isfinite(row).all()
    assert float(np.linalg.norm(row[0, :WORD_WIDTH])) < 1.001
    assert float(np.linalg.norm(row[0, WORD_WIDTH:])) < 1.001
