"""Number words that a recogniser ran together."""

import pytest

from models.privacy.lexicon import NUMBER_WORDS, glued
from models.privacy.numbers import lex


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("doismeia", ("dois", "meia")),
        ("oitum", ("oito", "um")),
        ("seteoito", ("sete", "oito")),
        ("cuatrocho", ("cuatr", "ocho")),
        ("fortyfive", ("forty", "five")),
        ("unodostres", ("uno", "dos", "tres")),
    ],
)
def test_they_are_parted(word: str, parts: tuple[str, ...]) -> None:
    assert glued(word) == parts


@pytest.mark.parametrize("word", ["someone", "unidos", "adosado", "antes", "dosis", "tentando", "meianoite", "seisavo"])
def test_other_words_stay_whole(word: str) -> None:
    assert glued(word) == ()


def test_a_number_word_is_not_parted() -> None:
    assert [word for word in NUMBER_WORDS if glued(word)] == []


def test_each_part_has_a_place_of_its_own() -> None:
    text = "é Zero-Oitum agora"
    run = lex(text, "pt").runs[0]
    assert run.digits == "081"
    assert text[run.start : run.end] == "Zero-Oitum"
    assert [text[group.start : group.end] for group in run.groups] == ["Zero", "Oitu", "m"]
