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
        ("en tres días hábiles", "2026-12-02"),
        ("dentro de cinco días hábiles", "2026-12-04"),
        ("em dez dias úteis", "2026-12-11"),
        ("em um dia útil", "2026-11-30"),
        ("in three business days", "2026-12-02"),
        ("within 5 working days", "2026-12-04"),
        ("en tres días", "2026-12-01"),
        ("within two business weeks", "2026-12-12"),
        ("dentro de dos semanas", "2026-12-12"),
        ("daqui a 5 dias", "2026-12-03"),
        ("in a week or so", "2026-12-05"),
        ("el quince de diciembre", "2026-12-15"),
        ("no dia 5 de dezembro", "2026-12-05"),
        ("on March 15th", "2027-03-15"),
        ("the fifth of January", "2027-01-05"),
        ("no dia vinte e cinco de dezembro", "2026-12-25"),
        ("dia trinta e um de janeiro", "2027-01-31"),
        ("el treinta y uno de enero", "2027-01-31"),
        ("el veinticinco de mayo", "2027-05-25"),
        ("el veintitrés de enero", "2027-01-23"),
        ("el veinte de enero", "2027-01-20"),
        ("el treinta de enero", "2027-01-30"),
        ("the twenty-fifth of May", "2027-05-25"),
        ("the thirty first of January", "2027-01-31"),
        ("on May thirtieth", "2027-05-30"),
        ("on March twenty first", "2027-03-21"),
        ("March twenty-five, twenty twenty seven", "2027-03-25"),
        ("March twenty, twenty twenty seven", "2027-03-20"),
        ("March twenty", "2027-03-20"),
        ("dentro de treinta días", "2026-12-28"),
        ("in twenty-five days", "2026-12-23"),
        ("em quarenta e cinco dias", "2027-01-12"),
        ("Gracias por llamar, le envío el contrato hoy", "2026-11-28"),
        ("el viernes pasado se cobró, el lunes se devuelve", "2026-11-30"),
        ("I'll pay Friday", "2026-12-04"),
        ("We'll call you Monday morning", "2026-11-30"),
        ("We'll call you Monday to confirm", "2026-11-30"),
        ("We can move it to Tuesday", "2026-12-01"),
        ("antes del viernes", "2026-12-04"),
        ("fica para sexta", "2026-12-04"),
        ("essa sexta eu pago", "2026-12-04"),
        ("I missed Monday, I'll pay tomorrow.", "2026-11-29"),
        ("It was due on Friday but I'll pay tomorrow.", "2026-11-29"),
        ("I got your bill Tuesday and I'll pay on Friday.", "2026-12-04"),
        ("I've waited since Monday, I'll pay today.", "2026-11-28"),
        ("Since I got paid Friday, I will pay today", "2026-11-28"),
        ("I called and on Monday I'll pay", "2026-11-30"),
        ("I'll have it paid by Friday", "2026-12-04"),
        ("It will be sent Monday", "2026-11-30"),
        ("You've got until Friday", "2026-12-04"),
        ("We've got Monday open", "2026-11-30"),
        ("Perdí el lunes pasado, le pago el martes", "2026-12-01"),
        ("Venceu na sexta passada, pago na terça", "2026-12-01"),
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
        "you may go", "el treinta de febrero", "el treinta y dos de enero", "the thirty second of January",
        "el vigésimo primero de enero", "veinte quince de enero", "March twenty twenty seven", "en mayo veinte mil",
        "pronto", "in two minutes", "dentro de la factura", "", "en",
        "Thank you for calling today", "Gracias por llamar hoy", "Obrigado por ligar hoje",
        "Le agradezco su llamada de hoy",
        "el cobro que se hizo el viernes pasado", "el pasado viernes", "na sexta-feira passada", "na sexta passada",
        "on last Friday", "el viernes de la semana pasada", "el veinte de mayo pasado", "el 20 de mayo del año pasado",
        "Vou aplicar o desconto na segunda parcela", "na quinta via", "na terça fatura",
        "para segunda via", "essa segunda parcela", "Aceito essa segunda proposta",
        "essa segunda forma", "para segunda pessoa", "Monday through Friday", "from Monday to Friday", "every Monday",
        "Friday's bill", "last Friday",
        "I will refund the payment you made Friday", "It was due by Friday", "el pago del viernes",
    ],
)  # fmt: skip
def test_what_names_no_day_to_come_is_none(text: str) -> None:
    assert due_date(text, SATURDAY) is None
