import pytest

from pipelines.typed_text import mask_typed
from tests.leaks import stretches

CARD = "4539148803436467"


@pytest.mark.parametrize(
    "text",
    [
        "Pagó con 4539 1488 0343 6467.",
        "Tarjeta 4539-1488-0343-6467, cvv 123",
        "cuatro cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete",
        "Nota:\n4539148803436467\nVence 05/27",
    ],
)
def test_cards_that_are_typed_are_masked(text: str) -> None:
    masked = mask_typed(text, "es", "CO")
    assert stretches(masked, CARD, 5) == []
    assert "[card]" in masked


def test_what_is_typed_amid_the_words_that_name_it_is_masked() -> None:
    typed = "Pagó con visa 4532015112830366 número confirmado, código 712 de atrás"
    assert mask_typed(typed, "es", "MX") == "Pagó con visa [card] número confirmado, código [cvv] de atrás"


def test_what_is_no_secret_stays() -> None:
    said = "Le llamo el 3 de marzo a las 15:00 por $150.000, factura 20261."
    assert mask_typed(said, "es", "CO") == said
    assert mask_typed("  ", "es", "CO") == ""
