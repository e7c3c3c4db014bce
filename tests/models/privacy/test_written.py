"""Codes that are spelled letter by letter, in the time that their length takes, and letters beside digits."""

import pytest
from stdnum.mx import curp, rfc

from models.privacy.numbers import lex
from models.privacy.written import spelled_identifiers, with_letters

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


@pytest.mark.parametrize(
    ("language", "text", "hidden"),
    [
        ("es", "Mi DNI es tres cero cuatro seis ocho dos dos tres pe.", "tres cero cuatro seis ocho dos dos tres pe"),
        ("es", "el 30468223, letra pe, y vivo aquí", "30468223, letra pe"),
        ("es", "30468223 con la letra pe de Pamplona", "30468223 con la letra pe de Pamplona"),
        ("es", "es ye uno cinco ocho ocho uno uno seis a.", "ye uno cinco ocho ocho uno uno seis a"),
        ("es", "i griega uno cinco ocho ocho uno uno seis a", "i griega uno cinco ocho ocho uno uno seis a"),
        (
            "es",
            "dos nueve uno seis cero siete cinco nueve doble u",
            "dos nueve uno seis cero siete cinco nueve doble u",
        ),
        ("pt", "é o 30468223, letra P, e moro aqui", "30468223, letra P"),
        ("en", "it's 30468223 P and I live here", "30468223 P"),
        # words, or letters of something else
        ("es", "el 30468223 de Madrid", "30468223"),
        ("es", "el 30468223 a las cinco", "30468223"),
        ("es", "Tres cero cuatro seis ocho dos dos tres. Pe, dígame", "Tres cero cuatro seis ocho dos dos tres"),
        ("es", "el 30468224 pe y otro", "30468224"),
        ("pt", "o 30468223 e o outro", "30468223"),
        ("en", "it's 30468223 a month later", "30468223"),
    ],
)
def test_the_letters_of_a_document_are_hidden_with_its_digits(language: str, text: str, hidden: str) -> None:
    lexed = lex(text, language)
    run = next(run for run in lexed.runs if len(run.digits) > 1)
    start, end = with_letters(lexed, run, awaited=False)
    assert text[start:end] == hidden


@pytest.mark.parametrize(("awaited", "hidden"), [(True, "30468224 pe"), (False, "30468224")])
def test_a_letter_that_does_not_agree_ends_an_awaited_document(awaited: bool, hidden: str) -> None:
    text = "es el 30468224 pe."
    lexed = lex(text, "es")
    start, end = with_letters(lexed, lexed.runs[0], awaited=awaited)
    assert text[start:end] == hidden
