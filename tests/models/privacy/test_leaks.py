"""No two digits of a card in anything that the guard gives out, however the card is read."""

import random
import re
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.facts import Leg
from models.privacy import DigitGuard, Judged, SpokenTurn
from tests.leaks import TEENS, TENS, UNITS

JOIN = {"es": " y ", "pt": " e ", "en": "-"}
FILLERS = {
    "es": ["eh", "ehm", "espere", "a ver", "este", "un momento"],
    "pt": ["é", "ehm", "espera", "deixa eu ver", "hum", "só um momento"],
    "en": ["uh", "um", "hold on", "let me see", "wait", "one second"],
}
SORRY = {
    "es": ["no, perdón", "perdón, digo"],
    "pt": ["não, desculpa", "quer dizer, não"],
    "en": ["sorry, I mean", "no, sorry"],
}
GO_ON = {
    "es": ["Ajá.", "Sí, continúe.", "Lo escucho."],
    "pt": ["Sim.", "Certo, pode falar.", "Aham."],
    "en": ["Uh-huh.", "Go ahead.", "Okay."],
}
ASK = {
    "es": "¿Me dicta el número de la tarjeta?",
    "pt": "Me passa o número do cartão?",
    "en": "Can I have your card number?",
}
TALK = {
    "es": "Muchas gracias, con eso ya queda registrado su pago.",
    "pt": "Muito obrigada, o seu pagamento está registrado.",
    "en": "Thank you very much, your payment went through today.",
}
SAY = {"es": "Quiero pagar, anote", "pt": "Quero pagar, anota", "en": "I want to pay, take this down"}
TWICE = {"es": "doble", "pt": "duplo", "en": "double"}


def card(rng: random.Random) -> str:
    body = rng.choice("45") + "".join(rng.choice("0123456789") for _ in range(14))
    body = "5" + rng.choice("12345") + body[2:] if body[0] == "5" else body
    total = sum(sum(divmod(int(d) * (2 - at % 2), 10)) for at, d in enumerate(body))
    return body + str(-total % 10)


def pair(digits: str, language: str) -> str:
    tens, unit = int(digits[0]), int(digits[1])
    if tens == 0:
        return f"{UNITS[language][0]} {UNITS[language][unit]}"
    if tens == 1:
        return TEENS[language][unit]
    return TENS[language][tens - 2] + (JOIN[language] + UNITS[language][unit] if unit else "")


def spoken(digits: str, language: str, rng: random.Random) -> str:
    """A group of digits, said or written one way or another."""
    way = rng.choice(["digits", "digits", "pairs", "written", "double", "spaced", "dashed", "glued"])
    if way == "pairs" and len(digits) % 2 == 0:
        return " ".join(pair(digits[at : at + 2], language) for at in range(0, len(digits), 2))
    if way == "written":
        return digits
    if way == "glued":
        each = [UNITS[language][int(digit)] for digit in digits]
        return " ".join("".join(each[at : at + 2]) for at in range(0, len(each), 2))
    if way == "spaced":
        return " ".join(digits)
    if way == "dashed":
        return "-".join(digits[at : at + 2] for at in range(0, len(digits), 2))
    words: list[str] = []
    at = 0
    while at < len(digits):
        twice = way == "double" and digits[at : at + 2] == digits[at] * 2
        words.append((TWICE[language] + " " if twice else "") + UNITS[language][int(digits[at])])
        at += 2 if twice else 1
    return " ".join(words)


def reading(number: str, language: str, rng: random.Random) -> list[str]:
    """The groups of a number with what people say between them."""
    size = rng.choice([2, 3, 4, 4, 4, 6])
    groups = [number[at : at + size] for at in range(0, len(number), size)]
    said: list[str] = []
    for group in groups:
        if rng.random() < 0.15:
            wrong = UNITS[language][rng.randrange(10)]
            said.append(f"{wrong} {wrong}, {rng.choice(SORRY[language])},")
        if rng.random() < 0.2:
            said.append(rng.choice(FILLERS[language]) + rng.choice([",", "...", ""]))
        said.append(spoken(group, language, rng) + rng.choice(["", ",", ".", " -"]))
    return said


def script(language: str, seed: int) -> Iterator[tuple[Leg, str]]:
    rng = random.Random(seed)
    number = card(rng)
    if rng.random() < 0.5:
        yield "agent", ASK[language]
    said = reading(number, language, rng)
    intro = SAY[language] + ", " if rng.random() < 0.3 else ""
    while said:
        count = rng.randrange(1, 6)
        text = intro + " ".join(said[:count])
        said, intro = said[count:], ""
        yield "customer", text[0].upper() + text[1:]
        if said and rng.random() < 0.5:
            yield "agent", rng.choice(GO_ON[language])
    if rng.random() < 0.4:
        repeated = reading(number, language, rng)
        size = rng.choice([1, 2, len(repeated)])
        for at in range(0, len(repeated), size):
            yield "agent", " ".join(repeated[at : at + size]) + rng.choice(["", ", ¿correcto?", ", right?"])
            yield "customer", GO_ON[language][0]
    yield "agent", TALK[language]


NUMERIC = {
    "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)): 1 if table is UNITS else 2
    for table in (UNITS, TEENS, TENS)
    for words in table.values()
    for word in words
}
GLUED = re.compile("(?:" + "|".join(word for word, size in NUMERIC.items() if size == 1) + "){2,}")
ARTICLES = {"um", "un", "una", "uma", "one", "dos", "once", "ten", "doce"}


def leaks(text: str, english: bool) -> str:
    """Two digits beside each other, by a way of reading of our own. "Um" is not 1 in English."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    run = 0
    for word in re.findall(r"\d|\[\w+\]|[^\W\d_]+", plain):
        digit = word.isdigit()
        if english and word == "um":
            continue
        if GLUED.fullmatch(word):
            return f"{word!r} in {text!r}"
        run = run + 1 if digit else run + NUMERIC[word] if word in NUMERIC else 0
        if run >= 2 and not (word in ARTICLES and run <= NUMERIC.get(word, 1)):
            return f"{word!r} in {text!r}"
    return ""


def given_out(judged: Judged | None) -> Iterator[str]:
    if judged is not None:
        yield from (one.text for one in judged.texts)
        yield from (entity.value for entity in judged.entities if entity.entity_type in ("CARD", "CVV"))


def prefixes(text: str) -> Iterator[str]:
    words = text.split()
    yield from (" ".join(words[:count]) for count in range(1, len(words) + 1))


@pytest.mark.parametrize("language", ["es", "pt", "en"])
@pytest.mark.parametrize("believed", ["right", "wrong"])
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32))
def test_no_digit_of_a_card_is_given_out(language: str, believed: str, seed: int) -> None:
    declared = language if believed == "right" else {"es": "pt", "pt": "en", "en": "es"}[language]
    guard = DigitGuard({"es": "CO", "pt": "BR", "en": "US"}[language], b"key")
    english = "en" in (language, declared)
    now = 0
    lines = list(script(language, seed))
    for at, (leg, text) in enumerate(lines):
        for draft in prefixes(text):
            assert not leaks(guard.draft(draft, declared, leg), english), lines
        judged = guard.hear(SpokenTurn(at, leg, leg, text, now, now + 3_000, declared))
        for out in given_out(judged):
            assert not leaks(out, english), (leaks(out, english), lines)
        now += 4_000
    for out in given_out(guard.tick(now + 20_000)):
        assert not leaks(out, english), lines
    for out in given_out(guard.close()):
        assert not leaks(out, english), lines
