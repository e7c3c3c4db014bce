"""What benchmarks garble texts with is not what training does."""

import re

import pytest

from benchmarks.mishearing import Mishearing
from benchmarks.rules import long_words

TEXTS = [
    ("es", "cancelar la tarjeta cancelada"),
    ("es", "una consulta contraria"),
    ("pt", "quero cancelar a assinatura assinada"),
    ("en", "cancel the contract that you contacted me about"),
]


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_a_text_is_misheard_in_one_way_whenever_it_is_asked(language: str, text: str) -> None:
    heard = Mishearing(TEXTS).of(text, language)
    assert heard != text
    assert heard == Mishearing(TEXTS).of(text, language)


@pytest.mark.parametrize("number", range(30))
def test_a_word_is_heard_for_another_parted_or_in_the_other_gender(number: int) -> None:
    text = f"{number} cancelar"
    heard = Mishearing(TEXTS).of(text, "es").removeprefix(f"{number} ")
    assert heard == "cancelada" or heard.replace(" ", "") == "cancelar"
    assert heard != "cancelar"


def test_a_longer_text_is_misheard_more_often() -> None:
    words = " ".join(f"consulta{' y' * at} tarjeta" for at in range(12))
    heard = Mishearing(TEXTS).of(words, "es")
    assert sum(one not in ("consulta", "tarjeta", "y") for one in heard.split()) > 3


@pytest.mark.parametrize("number", range(30))
def test_a_mask_is_heard_as_it_is(number: int) -> None:
    text = f"mi [number] es contrario, {number}, al otro [number]"
    heard = Mishearing(TEXTS).of(text, "es")
    assert re.findall(r"\[\w+\]", heard) == ["[number]", "[number]"]
    assert long_words("[number] [date_of_birth] [document]") == []


def test_what_is_like_no_other_word_stays() -> None:
    assert Mishearing([]).of("si no", "es") == "si no"
