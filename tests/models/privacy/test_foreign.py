"""A leg may turn out to speak another language than ours, or be taken to: its numbers are withheld all the same."""

import pytest

from models.privacy import DigitGuard, SpokenTurn


def shown(text: str, language: str, *before: str) -> str:
    """What is shown of a customer's turn, after turns of the agent in Spanish."""
    guard = DigitGuard("ES", b"key")
    for turn, asked in enumerate(before):
        guard.hear(SpokenTurn(turn, "agent", "agent", asked, turn * 4000, turn * 4000 + 3000, "es"))
    at = len(before)
    judged = guard.hear(SpokenTurn(at, "customer", "customer", text, at * 4000, at * 4000 + 3000, language))
    return next(one.text for one in judged.texts if one.turn == at)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Oui, c'est quatre deux sept huit neuf cinq."),
        ("it", "Allora, quattro due sette otto nove cinque."),
        ("de", "Ja, vier zwei sieben acht neun fünf."),
        ("ca", "Sí, quatre dues set vuit nou cinc."),
        ("gl", "Si, catro dous sete oito nove cinco."),
        ("fr", "Oui, quatre-vingt-dix-sept, quarante-cinq."),
    ],
)
def test_numbers_of_languages_near_ours_are_withheld(language: str, text: str) -> None:
    assert "[number]" in shown(text, language)
    assert not {"sept", "sette", "sieben", "set", "sete"} & set(shown(text, language).replace("-", " ").split())


@pytest.mark.parametrize("language", ["gl", "it", "ro", "ja", ""])
@pytest.mark.parametrize(
    "text",
    [
        "Es el cuatro dos siete ocho nueve cinco.",
        "É o quatro dois sete oito nove cinco.",
        "It is four two seven eight nine five.",
        "4278 95",
    ],
)
def test_ours_are_withheld_whatever_the_language_is_taken_for(language: str, text: str) -> None:
    assert "[number]" in shown(text, language)
    assert not any(word in shown(text, language) for word in ("ocho", "oito", "eight", "8"))


def test_where_nobody_knows_the_number_words_an_answer_is_withheld_as_a_whole() -> None:
    asked = "¿Me da el número de su tarjeta, por favor?"
    assert shown("Четыре два семь восемь.", "ru", asked) == "[number]"
    assert shown("Добрый день.", "ru") == "Добрый день."


def test_everyday_words_of_ours_that_are_numbers_elsewhere_stay() -> None:
    assert shown("No sé, sei lá, the set is due today.", "en") == "No sé, sei lá, the set is due today."
