"""Phrases as people say them: what must stay as it is, and what must be masked, in three languages."""

from pathlib import Path

import pytest

from engine.facts import Leg
from models.privacy import DigitGuard, SpokenTurn

DATA = Path(__file__).parents[2] / "data" / "privacy"
COUNTRY = {"es": "CO", "pt": "BR", "en": "US"}
LANGUAGES = tuple(COUNTRY)


def lines(name: str) -> list[str]:
    rows = (DATA / f"{name}.txt").read_text("utf-8").splitlines()
    return [row for row in rows if row and not row.startswith("#")]


UNTOUCHED = [(language, text) for language in LANGUAGES for text in lines(f"untouched_{language}")]
MASKED = [
    (language, *(cell.strip() for cell in row.split("|")))
    for language in LANGUAGES
    for row in lines(f"masked_{language}")
]


def turn(number: int, leg: Leg, text: str, language: str) -> SpokenTurn:
    return SpokenTurn(number, leg, leg, text, number * 4_000, number * 4_000 + 3_000, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tables_are_of_a_size_that_says_something(language: str) -> None:
    assert len([one for one in UNTOUCHED if one[0] == language]) >= 60
    assert len([one for one in MASKED if one[0] == language]) >= 40


@pytest.mark.parametrize(("language", "text"), UNTOUCHED)
def test_ordinary_speech_is_left_alone(language: str, text: str) -> None:
    guard = DigitGuard(COUNTRY[language], b"key")
    drafted = guard.draft(text, language, "customer")
    assert drafted == text or (len(drafted.split()) == len(text.split()) - 1 and text.startswith(drafted))
    heard = guard.hear(turn(0, "customer", text, language))
    assert [one.text for one in heard.texts] == [text]
    assert not [one for one in heard.entities if one.entity_type != "PERSON"]
    assert guard.close() is None


@pytest.mark.parametrize(("language", "asked", "text", "label"), MASKED)
def test_private_numbers_are_masked_by_type(language: str, asked: str, text: str, label: str) -> None:
    guard = DigitGuard(COUNTRY[language], b"key")
    if asked:
        guard.hear(turn(0, "agent", asked, language))
    shown = [guard.hear(turn(1, "customer", text, language)), guard.close()]
    last = {one.turn: one for judged in shown if judged is not None for one in judged.texts}
    assert {mask.label for mask in last[1].masks} == {label}, last[1].text
    assert not any(character.isdigit() for character in last[1].text)
