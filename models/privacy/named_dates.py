"""Days and months of a turn, and whether they are a birthday, a card's end or nobody's. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from models.privacy.cues import Cue
from models.privacy.dates import DateSpan, card_dates, dates, months, with_short_year
from models.privacy.naming import name_of
from models.privacy.numbers import Lexed
from models.privacy.situation import CHATTY, DRAFT, TALK, Said, Situation, other_words
from models.privacy.written import Found

WHOLE_DATE: Final = 0.95
"""Score of a day or month with its year."""
_ON_A_DAY = re.compile(r"\b(?:(?:desde|hasta|para|d[ií]a|partir|at[eé])(?: d?el| d?o)?|(?<!\ben )el) $", re.I)
_LINKS = re.compile(r"\b(?:de|del|do)\b", re.I)


def named_dates(said: Said, lexed: Lexed, cues: Sequence[Cue], situation: Situation) -> list[Found]:
    """With the label of what they are, or none where they are harmless."""
    found = []
    for date in _dates(said, lexed, situation):
        born = with_short_year(lexed, date)
        label = _label(said, name_of(cues, date.start, date.end), born, situation)
        if not label and _names_a_street(said, cues, date, situation):
            continue
        day = born if label == "dob" else date
        score = WHOLE_DATE if day.has_year else 0.7
        found.append(Found(day.start, day.end, label, score if label else 0.0))
    return found


def _label(said: Said, named: str, date: DateSpan, situation: Situation) -> str:
    answer = situation.date_is if said.leg != "agent" else ""
    if situation.half_told and answer == "dob" and not date.has_year:
        answer = ""  # another day than the one that was told
    if date.expires and situation.after_card and said.leg != "agent":
        answer = answer or "card_expiry"
    return named if named in ("dob", "card_expiry") else answer


def _names_a_street(said: Said, cues: Sequence[Cue], date: DateSpan, situation: Situation) -> bool:
    """ "calle Cinco de Mayo treinta y dos": what stands behind the month is a house. Where an address was asked for,
    "de" in but one place says so in the answer: "25 de Mayo 1950", and not "desde el 25 de mayo 2020"."""
    text = said.text
    answers = situation.address and said.leg != "agent" and _ON_A_DAY.search(text, 0, date.start) is None
    if answers and date.has_year and len(_LINKS.findall(text[date.start : date.end])) == 1:
        return True
    before = [cue for cue in cues if cue.kind == "address" and cue.start < date.start]
    return any(not text[cue.end : date.start].strip(" .") for cue in before)


def _dates(said: Said, lexed: Lexed, situation: Situation) -> list[DateSpan]:
    others = other_words(lexed)
    guarded = situation.guarded or (situation.code and others <= TALK)
    found = dates(lexed, guarded=guarded and not situation.date_is)
    asked = situation.date_is == "card_expiry"
    if said.leg == "agent" or not (asked or situation.after_card):
        return found
    few = others <= (TALK if said.turn == DRAFT else CHATTY)
    return [*found, *card_dates(lexed, asked=asked), *(months(lexed) if asked and few else ())]
