"""E-mail addresses as people spell them: masked whole, in whatever part of them was heard; ordinary talk stays."""

import pytest

from engine.facts import Leg
from models.privacy import DigitGuard, SpokenTurn
from models.privacy.emails import emails
from pipelines.typed_text import mask_typed


def shown(language: str, *said: str) -> list[str]:
    """What may be read of turns "a:…" of an agent and "c:…" of a customer when the call is over."""
    guard = DigitGuard({"es": "CO", "pt": "BR", "en": "US"}[language], b"key")
    last: dict[int, str] = {}
    for at, turn in enumerate(said):
        leg: Leg = "agent" if turn.startswith("a:") else "customer"
        heard = guard.hear(SpokenTurn(at, leg, leg, turn[2:], at * 4_000, at * 4_000 + 3_000, language))
        last |= {one.turn: one.text for one in heard.texts}
    if closed := guard.close():
        last |= {one.turn: one.text for one in closed.texts}
    return [last[at] for at in range(len(said))]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("es", "Es juan punto pérez arroba gmail.", "Es [email]."),
        ("es", "ana.lopez arroba gmail", "[email]"),
        ("es", "ana_lopez85@hotmail", "[email]"),
        ("es", "ana lopez @ gmail", "[email]"),
        ("es", "ana punto lopez arroba empresa punto tech", "[email]"),
        ("es", "Es ana punto lopez arroba empresa, gracias", "Es [email], gracias"),
        ("en", "It's john.smith@gmail", "It's [email]"),
        ("en", "john dot smith at gmail.", "[email]."),
        ("en", "it's j smith at my company dot ai", "it's [email]"),
        ("en", "my email is john at acme", "my email is [email]"),
        ("pt", "É joão ponto silva arroba gmail.", "É [email]."),
        ("pt", "maria underline souza 82 arroba outlook", "[email]"),
    ],
)
def test_an_address_needs_no_ending(language: str, text: str, expected: str) -> None:
    assert shown(language, "c:" + text) == [expected]


@pytest.mark.parametrize(
    ("language", "turns", "expected"),
    [
        ("es", ["c:Mi correo es ana punto lópez", "c:arroba gmail punto com"], ["Mi correo es [email]", "[email]"]),
        (
            "es",
            ["a:¿Me da su correo?", "c:Sí, ana punto lopez guion bajo ochenta y cinco", "c:arroba gmail"],
            ["¿Me da su correo?", "Sí, [email]", "[email]"],
        ),
        ("pt", ["c:Meu email é joão ponto silva", "c:arroba bol"], ["Meu email é [email]", "[email]"]),
        ("en", ["a:What's your email?", "c:John Smith at acme"], ["What's your email?", "[email]"]),
        ("en", ["c:at gmail dot com"], ["[email]"]),
    ],
)
def test_an_address_may_come_in_two_turns(language: str, turns: list[str], expected: list[str]) -> None:
    assert shown(language, *turns) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("es", "Maria Fernanda arroba gmail punto com.", "[email]."),
        ("es", "juan pérez todo junto arroba gmail punto com", "[email]"),
        ("es", "es juan pérez, en minúsculas, arroba gmail punto com", "es [email]"),
        ("es", "jota u a ene arroba hotmail punto es", "[email]"),
        ("es", "Es a ene a arroba gmail punto com", "Es [email]"),
        ("es", "ana lópez, arroba, yahoo, punto, com, punto, mx", "[email]"),
        ("es", "Mi correo es maria raya al piso lopez arroba hotmail punto com", "Mi correo es [email]"),
        ("es", "ge de gato, o de oso, mez, ochenta y cinco, arroba gmail punto com", "[email]"),
        ("en", "B as in boy, O, B, dot Jones at yahoo dot com", "[email]"),
        ("es", "Mi correo es Luz Marina Pérez Gómez Ruiz arroba acme punto com", "Mi correo es [email]"),
        ("es", "ana punto lopez@gmail.com", "[email]"),
        ("en", "It's John Smith, all one word, at gmail dot com", "It's [email]"),
        ("en", "It's jsmith at comcast dot net.", "It's [email]."),
        ("en", "O'Brien at gmail dot com", "[email]"),
        ("en", "it's Bjørn at hotmail dot com", "it's [email]"),
        ("pt", "joao silva tudo junto arroba bol ponto com", "[email]"),
    ],
)
def test_the_whole_name_is_masked_and_no_half_of_a_word(language: str, text: str, expected: str) -> None:
    assert shown(language, "c:" + text) == [expected]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "Trabajo en gmail"),
        ("es", "nos vemos at the office"),
        ("es", "No tengo arroba. Gracias."),
        ("es", "La arroba no me funciona"),
        ("es", "Síganos en Instagram como arroba claro colombia"),
        ("es", "Mi correo es importante, nos vemos en el punto de venta."),
        ("es", "Entre a claro.com.co y revise su correo."),
        ("es", "El correo es de gato y de yolanda."),
        ("es", "Envié el correo ayer.Cliente conforme."),
        ("pt", "Recebi o email no ponto de ônibus"),
        ("en", "I'm at home dot"),
        ("en", "I'm at home. Me too."),
        ("en", "I work at Yahoo."),
        ("en", "I'm at live chat now"),
        ("en", "I'll send an email at noon"),
        ("en", "Check my email at work"),
        ("en", "I will email you at the end of the day."),
        ("en", "Look at the dot on the screen."),
        ("en", "At this point people leave"),
    ],
)
def test_ordinary_talk_of_places_and_mail_stays(language: str, text: str) -> None:
    assert shown(language, "c:" + text) == [text]


def test_talk_after_a_question_for_the_address_stays() -> None:
    talk = ["c:I'm at Walmart now", "c:I was at church"]
    assert shown("en", "a:What's your email?", *talk)[1:] == [one[2:] for one in talk]


def test_digits_of_a_card_are_in_no_name_of_an_address() -> None:
    asks = ["a:¿Me da su correo?", "c:Un momento.", "a:¿Me dicta el número de la tarjeta?"]
    card = "c:visa guion cuatro cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete"
    assert shown("es", *asks, card)[-1] == "visa guion [card]"


def test_what_is_typed_is_masked_alike() -> None:
    assert mask_typed("Es juan punto pérez arroba gmail.", "es", "CO") == "Es [email]."


def test_only_a_whole_address_has_a_value() -> None:
    assert [one.value for one in emails("ana punto pérez, todo junto, arroba gmail punto com")] == [
        "ana.perez@gmail.com"
    ]
    assert [one.value for one in emails("ana punto pérez arroba gmail")] == [""]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("B as in boy, O, B, dot Jones at yahoo dot com", "bob.jones@yahoo.com"),
        ("ge de gato, o de oso, mez, ochenta y cinco, arroba gmail punto com", "gomez85@gmail.com"),
        ("maria raya al piso lopez arroba hotmail punto com", "maria_lopez@hotmail.com"),
        ("Apunte, lucia barra baja martin arroba yahoo punto es", "lucia_martin@yahoo.es"),
        ("joao traço embaixo souza arroba bol ponto com", "joao_souza@bol.com"),
        ("ana guión abajo paz arroba acme punto com", "ana_paz@acme.com"),
        ("jota como José, ese de sol arroba acme punto com", "js@acme.com"),
    ],
)
def test_signs_and_letters_are_written_as_they_are_meant(text: str, value: str) -> None:
    assert [one.value for one in emails(text, asked=True)] == [value]
