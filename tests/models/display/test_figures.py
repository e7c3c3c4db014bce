"""Amounts, dates and times of day that somebody said, as readers see them."""

import pytest

from models.display import figures

SAID = {
    ("es", "CO"): """
    Puedo pagar cuatrocientos cincuenta mil pesos el quince de marzo. -> amount $450.000, date 15 de marzo
    El acuerdo quedó por ciento veinte mil pesos. -> amount $120.000
    Mejor doscientos mil. -> amount 200.000
    Llámeme a las tres y media de la tarde. -> time 3:30 de la tarde
    El primero de mayo, a las diez de la mañana. -> date 1 de mayo, time 10 de la mañana
    Vivo en el apartamento doscientos tres, desde dos mil diecinueve. ->
    Hay trescientos clientes y doce por ciento de descuento. ->
    Pago [number] el [dob]. ->
    Debe cincuenta y pico mil pesos. ->
    Yo puedo pagar un millón doscientos. ->
    Debe dos cuotas, una de mayo y una de junio. ->
    Llámeme tipo tres y diez de la tarde. ->
    Tengo quince días y dos hijos. ->
    """,
    ("es", ""): "Son cuatrocientos cincuenta mil pesos. -> amount 450.000",
    ("pt", "BR"): """
    Posso pagar duzentos reais no dia quinze de março. -> amount R$ 200, date 15 de março
    Me ligue às quinze e trinta. -> time 15:30
    Me ligue às três da tarde. -> time 3 da tarde
    Me ligue à uma e quinze da tarde. -> time 1:15 da tarde
    """,
    ("en", "US"): """
    I can pay two hundred on the fifteenth of March. -> amount 200, date 15th of March
    My balance is twenty-five hundred dollars. -> amount $2,500
    I can pay a hundred and fifty dollars on Friday. -> amount $150
    I will pay fifty dollars on March fifteenth. -> amount $50, date March 15
    Call me at half past three in the afternoon. -> time 3:30 in the afternoon
    Call me at ten thirty a.m., please. -> time 10:30 a.m.
    In March three people called me. ->
    The only one in the afternoon was rude. ->
    I live at twelve forty five Broadway and pay from nineteen ninety nine to twenty nine ninety nine. ->
    I have been here since twenty twenty, case two hundred. ->
    """,
    ("fr", "FR"): "vingt euros. ->",
}


@pytest.mark.parametrize(("language", "country"), SAID)
def test_each_is_found_as_it_is_written(language: str, country: str) -> None:
    for line in filter(None, map(str.strip, SAID[language, country].splitlines())):
        said, _, wanted = line.partition(" ->")
        found = figures(said, language, country)
        assert ", ".join(f"{one.kind} {one.written}" for one in found) == wanted.strip()


def test_its_place_is_that_of_the_words() -> None:
    said = "Mañana no, el quince de marzo a las tres de la tarde."
    assert [said[one.start : one.end] for one in figures(said, "es", "CO")] == [
        "quince de marzo",
        "tres de la tarde",
    ]
