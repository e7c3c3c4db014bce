"""Codes that are spelled letter by letter, in the time that their length takes."""

import pytest
from stdnum.mx import curp, rfc

from models.privacy.numbers import lex
from models.privacy.written import spelled_identifiers

RFC = "ge o de e cinco seis uno dos tres uno ge erre ocho"


@pytest.mark.parametrize(
    "text", ["a " * 2_000, "a b " * 1_000 + "y " * 1_000, "uno dos tres cuatro a b c " * 100 + "o " * 500]
)
def test_only_what_is_short_enough_to_be_a_code_is_checked(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for checker in (curp, rfc):
        monkeypatch.setattr(checker, "is_valid", asked.append)
    spelled_identifiers(lex(text, "es"))
    assert len(asked) <= 50


@pytest.mark.parametrize("after", ["", " y", " o", " y o a"])
def test_words_behind_a_code_are_no_part_of_it(after: str) -> None:
    [found] = spelled_identifiers(lex(RFC + after, "es"))
    assert (found.label, found.value, found.end) == ("rfc", "GODE561231GR8", len(RFC))


@pytest.mark.parametrize(
    "said",
    [
        "ge de gato, o de oso, de de dedo, e de elefante, 56, 12, 31, ge como gato, erre de rosa, ocho",
        "G as in George, O for orange, D as in dog, E for Edward, 56 12 31, G as in George, R for Robert, 8",
    ],
)
def test_words_that_tell_a_letter_are_no_letters(said: str) -> None:
    [found] = spelled_identifiers(lex(said, "es"))
    assert (found.label, found.value, found.end) == ("rfc", "GODE561231GR8", len(said))
