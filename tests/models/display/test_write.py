"""What readers see of what was said: authored rows a language, and what holds for any text."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.display import to_display, to_text, write
from models.privacy import DigitGuard, SpokenTurn
from models.privacy.lexicon import NUMBER_WORDS, word_set

DATA = Path(__file__).parents[2] / "data" / "display"
MASK = re.compile(r"\[[a-z_]+\]")


def rows(language: str) -> list[tuple[str, str, str]]:
    """Country, as spoken, as read."""
    table = [line.split("\t") for line in (DATA / f"{language}.tsv").read_text("utf-8").splitlines()]
    return [(country, spoken, spoken if read == "=" else read) for _, country, spoken, read in table]


@pytest.mark.parametrize("language", ["es", "pt", "en"])
def test_authored_rows_are_written_as_readers_expect(language: str) -> None:
    wrong = [
        (spoken, read, written)
        for country, spoken, read in rows(language)
        if (written := write(spoken, language, country).text) != read
    ]
    assert not wrong


@pytest.mark.parametrize("language", ["es", "pt", "en"])
def test_rows_cover_every_class_at_least_150_times(language: str) -> None:
    table = [line.split("\t") for line in (DATA / f"{language}.tsv").read_text("utf-8").splitlines()]
    assert len(table) >= 150
    assert {row[0] for row in table} >= {
        "cardinal", "small", "money", "percent", "decimal", "date", "time", "ordinal", "sequence", "phone", "email",
        "url", "unit", "mask", "marks", "ambiguous", "ordinary",
    }  # fmt: skip


def test_another_language_keeps_its_words() -> None:
    assert write("vingt euros, merci", "fr", "FR").text == "Vingt euros, merci"
    assert write("", "es", "CO").text == ""


SIGNS = word_set(
    """
    a las la de y e menos media meia cuarto pesos reais dollars may May March marzo por ciento cento percent punto point
    dot ponto com arroba at half past to twentieth first primero décimo kilómetros horas . , ?? [card] [number] [phone]
    😀 i 4539 ..
    """
)
WORDS = st.sampled_from([*sorted(NUMBER_WORDS), *sorted(SIGNS)])
TEXTS = st.lists(WORDS, max_size=14).map(" ".join)


@given(TEXTS, st.sampled_from(["es", "pt", "en", "fr", ""]), st.sampled_from(["CO", "MX", "BR", "US", "ES", ""]))
def test_the_map_leads_back_and_masks_stay(text: str, language: str, country: str) -> None:
    shown = write(text, language, country)
    assert MASK.findall(shown.text) == MASK.findall(text)
    at = read = 0
    for start, end, first, last in shown.spans:
        assert shown.text[read:first].casefold() == text[at:start].casefold(), "the same in both but for case"
        assert not MASK.search(text[start:end])
        at, read = end, last
        if first < last:
            assert to_text(shown.spans, *to_display(shown.spans, start, end)) == (start, end)
    assert shown.text[read:].casefold() == text[at:].casefold()


def test_marks_that_fall_away_are_of_neither_side() -> None:
    shown = write(".. ??", "es", "CO")
    assert [to_text(shown.spans, first, last) for _, _, first, last in shown.spans if first < last] == [(0, 2), (3, 5)]


@given(st.text(max_size=60), st.sampled_from(["es", "pt", "en"]))
def test_any_text_is_written(text: str, language: str) -> None:
    shown = write(text, language, "CO")
    assert all(a < b and c <= d for a, b, c, d in shown.spans)


@pytest.mark.parametrize("text", ["²", "a ² b", "x² y"])
def test_a_digit_that_nobody_says_is_a_letter(text: str) -> None:
    assert write(text, "es", "CO").spans == ()


DIGITS = {
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
    "pt": ["zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove"],
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
}
FRAMES = {"es": "mi tarjeta es {} y debo veinte mil pesos", "pt": "meu cartão é {} e devo vinte mil reais",
          "en": "my card is {} and i owe twenty thousand dollars"}  # fmt: skip


@given(st.sampled_from(["es", "pt", "en"]), st.lists(st.integers(0, 9), min_size=13, max_size=19))
def test_no_masked_digit_is_written(language: str, card: list[int]) -> None:
    said = FRAMES[language].format(" ".join(DIGITS[language][digit] for digit in card))
    guard = DigitGuard("CO", b"key")
    turn = SpokenTurn(1, "1", "customer", said, 0, 5000, language)
    seen = [*guard.hear(turn).texts, *(((closing := guard.close()) and closing.texts) or ())]
    for text in seen:
        written = re.sub(r"\D", "", write(text.text, language, "CO").text)
        assert written in ("", "20000"), "the amount and nothing of the card"
