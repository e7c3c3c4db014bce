"""Says what an alert rests on in the campaign's language, as its title is. Names of lists, purposes and time zones stay
as they stand in the rules and at the dialer."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Final

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

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "outside_hours": {
        "es": "{when}; permitido de {first} a {last}",
        "pt": "{when}; permitido das {first} às {last}",
        "en": "{when}; {first}–{last} allowed",
    },
    "closed": {
        "es": "{when}; ese día no se permite llamar",
        "pt": "{when}; nesse dia não se pode ligar",
        "en": "{when}; no calls allowed that day",
    },
    "holiday": {"es": "{when}; festivo", "pt": "{when}; feriado", "en": "{when}; public holiday"},
    "too_often": {
        "es": "llamada {calls} en {days}; máximo {most}",
        "pt": "chamada {calls} em {days}; máximo {most}",
        "en": "call {calls} in {days}; {most} allowed",
    },
    "too_soon": {
        "es": "{days} después de una conversación; mínimo {least}",
        "pt": "{days} depois de uma conversa; mínimo {least}",
        "en": "{days} after a conversation; {least} required",
    },
    "suppressed": {"es": "en la lista {name}", "pt": "na lista {name}", "en": "on {name}"},
    "no_consent": {"es": "no consta {names}", "pt": "não consta {names}", "en": "on file: none of {names}"},
    "nor": {"es": " ni ", "pt": " nem ", "en": ", "},
    "expired": {"es": "consta: {names}", "pt": "consta: {names}", "en": "on file: {names}"},
    "aged": {"es": "{name} de hace {days}", "pt": "{name} de {days} atrás", "en": "{name} of {days} ago"},
    "consents_unknown": {
        "es": "nadie informó qué consentimientos constan",
        "pt": "ninguém informou quais consentimentos constam",
        "en": "nobody said which consents are on file",
    },
    "wrong_caller": {
        "es": "muestra {shown}…; se exige {prefixes}",
        "pt": "mostra {shown}…; exige-se {prefixes}",
        "en": "shows {shown}…; {prefixes} required",
    },
    "or": {"es": " o ", "pt": " ou ", "en": " or "},
    "kept_too_short": {
        "es": "se conserva {days}; mínimo {least}",
        "pt": "guardada por {days}; mínimo {least}",
        "en": "kept {days}; {least} required",
    },
    "emotions_inferred": {
        "es": "se infieren emociones de la voz del agente",
        "pt": "emoções são inferidas da voz do agente",
        "en": "emotions are inferred from the agent's voice",
    },
    "late_pickup": {
        "es": "{waited} s después del saludo; máximo {most} s",
        "pt": "{waited} s depois da saudação; máximo {most} s",
        "en": "{waited} s after the greeting; {most} s allowed",
    },
    "under_a_day": {"es": "menos de 1 día", "pt": "menos de 1 dia", "en": "less than a day"},
    "day": {"es": "{n} día", "pt": "{n} dia", "en": "{n} day"},
    "days": {"es": "{n} días", "pt": "{n} dias", "en": "{n} days"},
    "point": {"es": ",", "pt": ",", "en": "."},
}
_WEEKDAYS: Final[Mapping[str, Sequence[str]]] = {
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    "pt": ("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_ENGLISH_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def worded(ground: Ground, language: str) -> str:
    """English for a language that is none of ours, as titles are."""
    return _worded(ground, language if language in _WEEKDAYS else "en")


def _worded(ground: Ground, language: str) -> str:
    def say(phrase: str, **values: object) -> str:
        return _WORDS[phrase][language].format(**values)

    match ground:
        case OutsideHours(local, hours, holiday):
            when = _moment(local, language)
            if not hours:
                return say("holiday" if holiday else "closed", when=when)
            first, last = (_clock(datetime.time.fromisoformat(end), language) for end in hours.split("-"))
            return say("outside_hours", when=when, first=first, last=last)
        case TooOften(calls, days, most):
            return say("too_often", calls=calls, days=_days(days, language), most=most)
        case TooSoon(days, least):
            return say("too_soon", days=_days(days, language), least=least)
        case Suppressed(name):
            return say("suppressed", name=name)
        case NoConsent(purposes, ()):
            return say("no_consent", names=say("nor").join(purposes))
        case NoConsent(_, expired):
            aged = (say("aged", name=purpose, days=_days(age, language)) for purpose, age in expired)
            return say("expired", names=", ".join(aged))
        case ConsentsUnknown():
            return say("consents_unknown")
        case WrongCaller(shown, prefixes):
            return say("wrong_caller", shown=shown, prefixes=say("or").join(prefixes))
        case KeptTooShort(days, least):
            return say("kept_too_short", days=_days(days, language), least=least)
        case EmotionsInferred():
            return say("emotions_inferred")
        case LatePickup(waited, most):
            waited_s, most_s = (one.replace(".", say("point")) for one in (f"{waited:.1f}", f"{most:g}"))
            return say("late_pickup", waited=waited_s, most=most_s)


def _days(n: int, language: str) -> str:
    name = "under_a_day" if n == 0 else "day" if n == 1 else "days"
    return _WORDS[name][language].format(n=n)


def _moment(local: datetime.datetime, language: str) -> str:
    """`domingo 29/11/2026, 10:00 (America/Bogota)`. English names the month: its readers do not agree on which of two
    figures is the day."""
    weekday = _WEEKDAYS[language][local.weekday()]
    day = (
        f"{weekday}, {_ENGLISH_MONTHS[local.month - 1]} {local.day}, {local.year}"
        if language == "en"
        else f"{weekday}{',' if language == 'pt' else ''} {local:%d/%m/%Y}"
    )
    zone = f" ({local.tzinfo})" if local.tzinfo else ""
    return f"{day}, {_clock(local.time(), language)}{zone}"


def _clock(time: datetime.time, language: str) -> str:
    if language != "en":
        return f"{time:%H:%M}"
    return f"{time.hour % 12 or 12}:{time:%M} {'AM' if time.hour < 12 else 'PM'}"
