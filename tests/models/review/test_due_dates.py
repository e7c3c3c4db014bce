import datetime

import pytest

from models.review.due_dates import due_date

SATURDAY = datetime.date(2026, 11, 28)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Le llamo el viernes por la tarde.", "2026-12-04"),
        ("Te ligo na sexta-feira.", "2026-12-04"),
        ("Pago na segunda.", "2026-11-30"),
        ("I will send it by Tuesday.", "2026-12-01"),
        ("next Saturday works", "2026-12-05"),
        ("mañana a primera hora", "2026-11-29"),
        ("pasado mañana le pago", "2026-11-30"),
        ("depois de amanhã", "2026-11-30"),
        ("the day after tomorrow", "2026-11-30"),
        ("lo pago hoy mismo", "2026-11-28"),
        ("en tres días hábiles", "2026-12-01"),
        ("dentro de dos semanas", "2026-12-12"),
        ("daqui a 5 dias", "2026-12-03"),
        ("in a week or so", "2026-12-05"),
        ("el quince de diciembre", "2026-12-15"),
        ("no dia 5 de dezembro", "2026-12-05"),
        ("on March 15th", "2027-03-15"),
        ("the fifth of January", "2027-01-05"),
    ],
)
def test_words_name_a_day(text: str, day: str) -> None:
    found = due_date(text, SATURDAY)
    assert found is not None
    assert found.isoformat() == day


@pytest.mark.parametrize(
    "text",
    [
        "la segunda cuota", "a quarta parcela", "por la mañana", "esta mañana", "venció el cinco de noviembre",
        "you may go", "el treinta de febrero", "pronto", "in two minutes", "dentro de la factura", "", "en",
    ],
)  # fmt: skip
def test_what_names_no_day_to_come_is_none(text: str) -> None:
    assert due_date(text, SATURDAY) is None
