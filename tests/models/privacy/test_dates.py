"""Days of the calendar in words, also as recognition leaves them."""

import pytest

from models.privacy.dates import dates
from models.privacy.numbers import lex


@pytest.mark.parametrize(
    ("language", "said", "day"),
    [
        ("es", "El doce de marzo de mil novecientos ochenta.", "doce de marzo de mil novecientos ochenta"),
        ("es", "Doce de marzo de mil, ninecientos, 85.", "Doce de marzo de mil, ninecientos, 85"),
        ("es", "Doce de marzo de nineteencientos ochenta y cinco.", "Doce de marzo de nineteencientos ochenta y cinco"),
        ("es", "doce de marzo de mil, novecientos, ochenta", "doce de marzo de mil, novecientos, ochenta"),
        ("pt", "doze de março de mil, novessentos e oitenta, isso", "doze de março de mil, novessentos e oitenta"),
        ("pt", "doze de março de mil novesentos", "doze de março de mil novesentos"),
        ("en", "march twelfth nineteen eighty five", "march twelfth nineteen eighty five"),
    ],
)  # fmt: skip
def test_a_year_belongs_to_its_day_however_it_was_heard(language: str, said: str, day: str) -> None:
    [found] = dates(lex(said, language))
    assert (said[found.start : found.end], found.has_year) == (day, True)


@pytest.mark.parametrize(
    "said",
    [
        "el doce de marzo de mil pesos y 85",
        "el doce de marzo pago mil quinientos",
        "el doce de marzo, asientos cuatro y cinco",
    ],
)
def test_what_is_counted_behind_a_day_is_no_year(said: str) -> None:
    [found] = dates(lex(said, "es"))
    assert (said[found.start : found.end], found.has_year) == ("doce de marzo", False)
