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


def unlike(cases: str, language: str, country: str) -> list[tuple[str, str]]:
    """Of lines "as spoken -> as read" (= for the same), those that are written otherwise, and how."""
    wrong = []
    for case in filter(None, map(str.strip, cases.splitlines())):
        spoken, read = case.split(" -> ")
        written = write(spoken, language, country).text
        if written != (spoken if read == "=" else read):
            wrong.append((spoken, written))
    return wrong


def test_english_years_prices_and_counts_are_no_times_of_day() -> None:
    cases = """
    I have been a customer since twenty twenty. -> I have been a customer since 2020.
    I have been here since nineteen fifty five. -> I have been here since 1955.
    The card is good until twenty twenty seven. -> The card is good until 2027.
    It is paid by twenty thirty. -> It is paid by 2030.
    I had it from twenty twenty to twenty thirty. -> I had it from 2020 to 2030.
    I moved before twenty oh five. -> I moved before 2005.
    We are open until twenty thirty tonight. -> We are open until 20:30 tonight.
    Call me after nineteen thirty in the evening. -> Call me after 19:30 in the evening.
    Call me at twenty thirty. -> Call me at 20:30.
    The plan is around three fifty a month. -> =
    I got it at five fifty a month. -> =
    I bought it at three fifty per share. -> =
    It went up from two fifty to three twenty. -> =
    It rose by two fifty percent. -> =
    After two thirty day notices I left. -> =
    After twenty thirty day notices I left. -> =
    We open from nine thirty a.m. on. -> We open from 9:30 a.m. on.
    Please call before ten thirty. -> Please call before 10:30.
    """
    assert not unlike(cases, "en", "US")


RANGES = {
    ("es", "CO"): """
    Entre cincuenta y sesenta mil pesos. -> Entre $50.000 y $60.000.
    De cincuenta a sesenta mil pesos. -> De $50.000 a $60.000.
    Veinte o treinta mil pesos. -> $20.000 o $30.000.
    Dos o tres millones de pesos. -> $2.000.000 o $3.000.000.
    Dos o tres millones de personas. -> 2 o 3 millones de personas.
    Veinte o treinta mil personas. -> 20.000 o 30.000 personas.
    De novecientos a dos mil pesos. -> De 900 a $2.000.
    Dos, tres mil pesos. -> =
    Veinte, treinta o cuarenta mil pesos. -> =
    Dos o tres millones y medio de pesos. -> =
    Pago el veinte y sesenta mil pesos. -> =
    Entre doscientos y trescientos mil pesos. -> =
    """,
    ("es", "ES"): "Veinte o treinta mil pesos. -> 20.000 o 30.000 pesos.",
    ("pt", "BR"): """
    Entre cinquenta e sessenta mil reais. -> Entre R$ 50.000 e R$ 60.000.
    Dois ou três mil reais. -> R$ 2.000 ou R$ 3.000.
    Entre cem e duzentos reais. -> =
    Devo mil e duzentos reais. -> Devo R$ 1.200.
    """,
    ("en", "US"): """
    Fifty to sixty thousand dollars. -> $50,000 to $60,000.
    Two or three hundred dollars. -> $200 or $300.
    Between twenty and thirty thousand dollars. -> Between $20,000 and $30,000.
    Two or three hundred thousand dollars. -> =
    Between one hundred and two hundred dollars. -> =
    """,
}


@pytest.mark.parametrize(("language", "country"), RANGES)
def test_both_ends_of_a_range_have_its_multiplier_or_stay_words(language: str, country: str) -> None:
    assert not unlike(RANGES[language, country], language, country)


def test_a_point_with_something_is_no_address() -> None:
    portuguese = """
    Eu ligo às três em ponto com o técnico. -> Eu ligo às 3 em ponto com o técnico.
    Vou tratar desse ponto com a senhora. -> =
    Nesse ponto com certeza. -> =
    Eu trato de cada ponto com calma. -> =
    Acesse empresa ponto com, por favor. -> Acesse empresa.com, por favor.
    Acesse acme ponto com ponto br e pague. -> Acesse acme.com.br e pague.
    Acesse www ponto acme ponto com e pague. -> Acesse www.acme.com e pague.
    """
    spanish = """
    El punto com de la empresa. -> =
    Entre a acme punto com y pague. -> Entre a acme.com y pague.
    """
    assert not unlike(portuguese, "pt", "BR")
    assert not unlike(spanish, "es", "CO")
    assert not unlike("The dot com bubble. -> =", "en", "US")


def test_what_is_given_to_some_is_no_time_before_the_hour() -> None:
    portuguese = """
    Mandei dez para as duas filiais. -> Mandei 10 para as duas filiais.
    Mandei dez para as duas. -> Mandei 10 para as duas.
    Passamos de dez para as cinco parcelas. -> Passamos de 10 para as cinco parcelas.
    Faltam dez para as três. -> Faltam 10 para as três.
    São dez para as cinco. -> São 4:50.
    Chego dez para as cinco da tarde. -> Chego 4:50 da tarde.
    """
    english = """
    I gave a quarter to five people. -> =
    I gave a quarter to five of them. -> =
    It's a quarter to five. -> It's 4:45.
    See you quarter to five. -> See you 4:45.
    """
    assert not unlike(portuguese, "pt", "BR")
    assert not unlike(english, "en", "US")
    assert not unlike("Las cinco menos diez empresas. -> Las cinco menos 10 empresas.", "es", "CO")


CENTS = {
    ("en", "GB"): """
    Twelve pounds ninety nine. -> £12.99.
    It is twelve pounds fifty a month. -> It is £12.50 a month.
    I paid twenty pounds fifteen days ago. -> I paid £20 15 days ago.
    I paid sixty pounds thirty five percent off. -> I paid £60 35% off.
    """,
    ("en", "US"): """
    Forty nine dollars ninety nine a month. -> $49.99 a month.
    It is one dollar fifty. -> It is $1.50.
    """,
    ("es", "ES"): "Son doce euros noventa y nueve. -> Son 12,99 €.",
    ("es", "MX"): """
    Mil quinientos pesos cincuenta centavos. -> $1,500.50.
    Pague cien mil pesos con treinta de descuento. -> =
    Son veinte mil pesos con veinte gigas. -> Son $20,000 con 20 gigas.
    """,
    ("pt", "BR"): """
    Paguei cem reais e cinquenta ficou faltando. -> =
    São mil reais e cinquenta. -> =
    São dois mil trezentos e quarenta reais e noventa por mês. -> São R$ 2.340,90 por mês.
    """,
}


@pytest.mark.parametrize(("language", "country"), CENTS)
def test_what_follows_a_currency_is_its_cents_only_when_it_ends_the_price(language: str, country: str) -> None:
    assert not unlike(CENTS[language, country], language, country)


def test_english_ordinals_are_written_whole_or_stay_words() -> None:
    cases = """
    The forty-fifth president. -> The 45th president.
    On your fifty first payment. -> On your 51st payment.
    The sixty-second customer. -> The 62nd customer.
    The one hundred and first caller. -> The 101st caller.
    The one hundred and forty-fifth caller. -> The 145th caller.
    The one hundred and twentieth caller. -> The 120th caller.
    This is the twenty second time. -> This is the 22nd time.
    The thirty second timeout. -> =
    A thirty second delay. -> =
    A forty-fifth of it. -> =
    One hundred first class tickets. -> =
    The twenty first time callers. -> =
    Back the twenty first, hold bags included. -> Back the 21st, hold bags included.
    """
    assert not unlike(cases, "en", "US")


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
