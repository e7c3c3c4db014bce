"""Card payments as recognition wrote them: the card, the questions for its parts and its digits are misheard."""

import pytest

from tests.models.privacy.test_assembler import Call, Line, customer

ASKED: Line = ("agent", "Me dice el número de la tarjeta.")
READ: Line = (
    "customer",
    "Cuatro cinco tres nueve, uno cuatro ocho ocho, cero tres cuatro tres, seis cuatro seis siete.",
)
"""A card that passes Luhn."""


def shown(language: str, *lines: Line) -> tuple[list[str], list[str]]:
    """The call's turns as they stand at its end, and what was found, in order."""
    call = Call("MX", language)
    call.say(*lines)
    call.end()
    return [call.text[number] for number in range(len(lines))], [kind for kind, _, _ in call.found()]


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("Secenta y dos, secenta y tres, uno, cuatro.", "[card]."),
        ("Siento noventa y cinco, siete, cuatro, uno, dos.", "[card]."),
        ("Cinquanta y cinco, diecinueve, trenta.", "[card]."),
        ("Seis, nueve, cuatro, nueva, ocho, ocho.", "[card]."),
        ("Cero, cinco, do, siete, ocho, ocho.", "[card]."),
    ],
)
def test_a_long_number_that_is_misheard_is_one(said: str, hidden: str) -> None:
    assert shown("es", ASKED, ("customer", said)) == ([ASKED[1], hidden], ["CARD"])


@pytest.mark.parametrize("name", ["taceta", "tarqueta", "cargeta", "Scargeta"])
def test_a_spanish_card_is_asked_for_by_its_misheard_name(name: str) -> None:
    asked = f"Necesito que me lea la numeración completa de su {name}."
    texts, found = shown("es", ("agent", asked), ("customer", "Cinco uno."), ("customer", "Cero, cuatro, cinco, dos."))
    assert (texts, found) == ([asked, "[card].", "[card]."], ["CARD"])


@pytest.mark.parametrize("name", ["carton", "Cartom", "cartal", "cartau", "catam", "mastecarado", "Mastercard"])
def test_a_card_is_asked_for_by_its_misheard_name(name: str) -> None:
    asked = f"Entao, me fala o número do {name}."
    texts, found = shown(
        "pt", ("agent", asked), ("customer", "Dois, dois, dois, um."), ("customer", "Zero, sete, três.")
    )
    assert (texts, found) == ([asked, "[card].", "[card]."], ["CARD"])


@pytest.mark.parametrize(
    ("question", "answer", "hidden", "kind"),
    [
        ("el se bebe", "Es ocho, cinco, cero", "Es [cvv]", "CVV"),
        ("El Cebebe.", "ocho, cinco, cero", "[cvv]", "CVV"),
        ("Ahora el sebeme.", "ocho, cinco, cero", "[cvv]", "CVV"),
        ("Você vê?", "oito, cinco, zero", "[cvv]", "CVV"),
        ("Vem se quando.", "zero, três, trinta e um", "[card_expiry]", "CARD_EXPIRY"),
        ("La fecha de vencimiento.", "Bence, cero, siete, veintinueva", "Bence, [card_expiry]", "CARD_EXPIRY"),
        ("Por último los tres dígitos que están agredezos.", "Es ocho, cinco, cero", "Es [cvv]", "CVV"),
        ("¿Algo más?", "dicha, cero, siete, treinta y dos", "dicha, [card_expiry]", "CARD_EXPIRY"),
        ("La fecha de vencimiento.", "Cero, cinco, do siete.", "[card_expiry].", "CARD_EXPIRY"),
    ],
)
def test_what_is_asked_of_a_card_is_known_however_it_was_heard(
    question: str, answer: str, hidden: str, kind: str
) -> None:
    language = "pt" if "v" in question[:4].lower() else "es"
    texts, found = shown(language, ASKED, READ, ("agent", question), ("customer", answer))
    assert (texts[-1], found) == (hidden, ["CARD", kind])


def test_a_cards_date_may_be_named_at_the_end_of_its_last_digits() -> None:
    read = READ[1].rstrip(".")
    lines = [
        ASKED,
        ("customer", f"{read}, vencimento."),
        ("customer", "Cero, ocho, dos, siete, código, seis, uno, cuatro."),
    ]
    texts, found = shown("es", *lines)
    assert texts[1:] == ["[card], vencimento.", "[card_expiry], código, [cvv]."]
    assert found == ["CARD", "CARD_EXPIRY", "CVV"]


def test_who_pays_at_once_and_says_to_note_it_reads_a_card() -> None:
    said = ["Mire quiero pagar de una vez a note.", "Dos, dos, dos, nueve, cero, seis, uno, seis."]
    assert shown("es", *customer(*said)) == ([said[0], "[card]."], ["CARD"])


def test_digits_with_a_cards_date_and_code_behind_them_are_its_own() -> None:
    said = "Um, seis, seis, três, três. Venço, onze, trinta e três. E o código é, seis, um, cinco, dois."
    texts, found = shown("pt", ("customer", said))
    assert texts == ["[number]. Venço, [card_expiry]. E o código é, [cvv]."]
    assert found == ["CARD_EXPIRY", "CVV"]


@pytest.mark.parametrize("number", ["Deseseis", "dezessês", "dix y seis", "dieciséis", "dezesseis"])
def test_sixteen_digits_are_a_cards_however_they_are_counted(number: str) -> None:
    asked = f"Perfecto, dígame los {number} números cuando guste."
    assert shown("es", ("agent", asked), *customer("Cinco, uno, cero.", "Cero, cuatro, dos."))[1] == ["CARD"]


def test_a_draft_that_offers_a_card_shows_none_of_its_digits() -> None:
    drafted = Call("BR", "pt").guard.draft("Deixa eu te passar o carton logo, olha, quatro", "pt", "customer")
    assert drafted == "Deixa eu te passar o carton logo, olha, [number]"


def test_two_digits_that_are_said_again_are_hidden_although_each_is_a_sentence() -> None:
    repeats: Line = ("agent", "Perdón, no le escuché esa parte, me la repite.")
    texts, _ = shown("es", ASKED, READ, repeats, ("customer", "Dos. Dos."))
    assert texts[-1] == "[number]."


def test_words_of_their_own_stay_where_no_number_is_read() -> None:
    said = ["De nuevo, siento mucho la demora.", "Una casa nueva, en la calle.", "Se bebe frío, no caliente."]
    assert shown("es", *customer(*said)) == (said, [])


def test_a_digit_before_one_that_was_misheard_is_no_quantity() -> None:
    said = "Anota o cartão, que eu vou falando, peraí que eu pego, dois novia"
    drafted = Call("BR", "pt").guard.draft(said, "pt", "customer")
    assert drafted == "Anota o cartão, que eu vou falando, peraí que eu pego, [number]"


def test_digits_that_run_together_are_hidden_while_a_card_is_read() -> None:
    repeats: Line = ("agent", "¿Me repite la última parte?")
    texts, _ = shown("es", ASKED, READ, repeats, ("customer", "Sí, doizouitumeia, cuatrosiete."))
    assert texts[-1] == "Sí, [card], [card]."
    said = ["Fue un cuatrimestre.", "Escribieron seisdosa en la caja."]
    assert shown("es", *customer(*said)) == (said, [])
