"""What of a text is counted, and where."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.wide.grams import PLACES, places


@given(st.text(max_size=200))
def test_any_text_has_grams_within_the_table_and_the_same_each_time(text: str) -> None:
    found = places(text)
    assert len(found) >= 1
    assert 0 <= found.min() <= found.max() < PLACES
    assert np.array_equal(found, places(text))


def test_accents_case_and_signs_are_no_difference_and_order_is_one() -> None:
    assert np.array_equal(places("¡No me llamen MÁS!"), places("no me llamen mas"))
    assert set(places("no me llamen")) != set(places("me no llamen"))


def test_a_misheard_word_shares_its_pieces_and_its_neighbours() -> None:
    said, heard = set(places("quiero cancelar el servicio")), set(places("quiero cancelal el servicio"))
    assert len(said & heard) > len(said) / 2


def test_a_mask_is_a_word_of_its_own() -> None:
    assert set(places("[card]")) - set(places("card"))
