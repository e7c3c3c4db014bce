"""What an alert rests on is said in the campaign's language, as people there write."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from models.compliance import Attempt, CallContext, Judge, JudgedTurn, Metadata, load_rules
from models.compliance.ground_wording import worded
from models.compliance.grounds import (
    ConsentsUnknown,
    EmotionsInferred,
    Ground,
    KeptTooShort,
    LatePickup,
    NoConsent,
    OutsideHours,
    Suppressed,
    TooOften,
    TooSoon,
    WrongCaller,
)

SUNDAY = datetime.datetime.fromisoformat("2026-11-29T10:00")
IN_BOGOTA = SUNDAY.replace(tzinfo=ZoneInfo("America/Bogota"))
FRIDAY_NIGHT = datetime.datetime.fromisoformat("2026-11-27T22:05")
JUST_PAST_MIDNIGHT = datetime.datetime.fromisoformat("2026-12-01T00:30")

TOLD: list[tuple[Ground, str, str, str]] = [
    (
        OutsideHours(IN_BOGOTA),
        "domingo 29/11/2026, 10:00 (America/Bogota); ese día no se permite llamar",
        "domingo, 29/11/2026, 10:00 (America/Bogota); nesse dia não se pode ligar",
        "Sun, Nov 29, 2026, 10:00 AM (America/Bogota); no calls allowed that day",
    ),
    (
        OutsideHours(SUNDAY, holiday=True),
        "domingo 29/11/2026, 10:00; festivo",
        "domingo, 29/11/2026, 10:00; feriado",
        "Sun, Nov 29, 2026, 10:00 AM; public holiday",
    ),
    (
        OutsideHours(FRIDAY_NIGHT, "08:00-12:30"),
        "viernes 27/11/2026, 22:05; permitido de 08:00 a 12:30",
        "sexta-feira, 27/11/2026, 22:05; permitido das 08:00 às 12:30",
        "Fri, Nov 27, 2026, 10:05 PM; 8:00 AM–12:30 PM allowed",
    ),
    (
        OutsideHours(JUST_PAST_MIDNIGHT, "08:00-21:00"),
        "martes 01/12/2026, 00:30; permitido de 08:00 a 21:00",
        "terça-feira, 01/12/2026, 00:30; permitido das 08:00 às 21:00",
        "Tue, Dec 1, 2026, 12:30 AM; 8:00 AM–9:00 PM allowed",
    ),
    (
        TooOften(calls=4, days=7, most=3),
        "llamada 4 en 7 días; máximo 3",
        "chamada 4 em 7 dias; máximo 3",
        "call 4 in 7 days; 3 allowed",
    ),
    (
        TooSoon(days=1, least=7),
        "1 día después de una conversación; mínimo 7",
        "1 dia depois de uma conversa; mínimo 7",
        "1 day after a conversation; 7 required",
    ),
    (
        TooSoon(days=0, least=1),
        "menos de 1 día después de una conversación; mínimo 1",
        "menos de 1 dia depois de uma conversa; mínimo 1",
        "less than a day after a conversation; 1 required",
    ),
    (Suppressed("us-dnc"), "en la lista us-dnc", "na lista us-dnc", "on us-dnc"),
    (
        NoConsent(("marketing", "customer")),
        "no consta marketing ni customer",
        "não consta marketing nem customer",
        "on file: none of marketing, customer",
    ),
    (
        NoConsent(("customer", "marketing"), (("customer", 400), ("marketing", 1061))),
        "consta: customer de hace 400 días, marketing de hace 1061 días",
        "consta: customer de 400 dias atrás, marketing de 1061 dias atrás",
        "on file: customer of 400 days ago, marketing of 1061 days ago",
    ),
    (
        ConsentsUnknown(),
        "nadie informó qué consentimientos constan",
        "ninguém informou quais consentimentos constam",
        "nobody said which consents are on file",
    ),
    (
        WrongCaller("5511", ("0303", "0304")),
        "muestra 5511…; se exige 0303 o 0304",
        "mostra 5511…; exige-se 0303 ou 0304",
        "shows 5511…; 0303 or 0304 required",
    ),
    (
        KeptTooShort(30, 90),
        "se conserva 30 días; mínimo 90",
        "guardada por 30 dias; mínimo 90",
        "kept 30 days; 90 required",
    ),
    (
        EmotionsInferred(),
        "se infieren emociones de la voz del agente",
        "emoções são inferidas da voz do agente",
        "emotions are inferred from the agent's voice",
    ),
    (
        LatePickup(2.34, 2.0),
        "2,3 s después del saludo; máximo 2 s",
        "2,3 s depois da saudação; máximo 2 s",
        "2.3 s after the greeting; 2 s allowed",
    ),
]


@pytest.mark.parametrize(("ground", "es", "pt", "en"), TOLD)
def test_every_ground_is_said_in_the_three_languages(ground: Ground, es: str, pt: str, en: str) -> None:
    assert [worded(ground, language) for language in ("es", "pt", "en")] == [es, pt, en]
    assert worded(ground, "fr") == worded(ground, "") == en


def test_no_kind_of_ground_is_left_out() -> None:
    assert {type(ground) for ground, *_ in TOLD} == set(Ground.__args__)


def test_weekdays_and_english_months_have_their_names() -> None:
    week = [SUNDAY + datetime.timedelta(days) for days in range(1, 8)]
    names = {
        "es": "lunes martes miércoles jueves viernes sábado domingo",
        "pt": "segunda-feira, terça-feira, quarta-feira, quinta-feira, sexta-feira, sábado, domingo,",
        "en": "Mon, Tue, Wed, Thu, Fri, Sat, Sun,",
    }
    for language, days in names.items():
        assert " ".join(worded(OutsideHours(day), language).split()[0] for day in week) == days
    year = [SUNDAY.replace(month=month, day=5) for month in range(1, 13)]
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
    assert " ".join(worded(OutsideHours(day), "en").split()[1] for day in year) == months


@pytest.mark.parametrize(
    ("language", "hours", "list_"),
    [
        ("es", "domingo 29/11/2026, 10:00; ese día no se permite llamar", "en la lista company"),
        ("pt", "domingo, 29/11/2026, 10:00; nesse dia não se pode ligar", "na lista company"),
        ("en", "Sun, Nov 29, 2026, 10:00 AM; no calls allowed that day", "on company"),
    ],
)
def test_an_alert_gives_its_title_and_its_ground_in_one_language(language: str, hours: str, list_: str) -> None:
    meta = Metadata(at=SUNDAY, lists=("company",), attempts=(Attempt(SUNDAY - datetime.timedelta(days=8)),))
    rules = load_rules()
    judge = Judge(rules, CallContext("CO", "", "collections", "outbound", language, SUNDAY.date(), metadata=meta))
    verdicts = {one.rule: one for one in judge.hear(JudgedTurn(0, "1", "unknown", "¿Aló?", 1_000, 2_000))}
    titles = {rule.id: rule.title[language] for rule in rules}
    assert {rule: one.because for rule, one in verdicts.items()} == {"CO-2300-HOURS": hours, "CO-2300-LIST": list_}
    assert all(one.title == titles[rule] for rule, one in verdicts.items())
