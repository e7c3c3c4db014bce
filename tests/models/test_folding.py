"""Texts without accents and capitals."""

from models.folding import fold


def test_accents_and_case_are_folded_but_masks_stay() -> None:
    assert fold("Ñandú, ¿CÓMO está?") == "nandu, ¿como esta?"
    assert fold("Mi tarjeta es [card], O’Clock!") == "mi tarjeta es [card], o'clock!"
