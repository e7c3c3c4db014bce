"""Numbers in calls of a few turns, however they are asked for and given: what stands in braces cannot be read at any
moment, in drafts neither; all else can in the end."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from benchmarks.payments import Line, Part
from engine.facts import Leg
from models.privacy import DigitGuard, SpokenTurn

DATA: Final = Path(__file__).parents[2] / "data" / "privacy"
LANGUAGES: Final = ("es", "pt", "en")
TURN: Final = re.compile(r"(?:\+(?P<later>\d+) s )?(?P<leg>[AC])(?:\[(?P<language>\w+)\])?: (?P<text>.*)")
LEGS: Final[dict[str, Leg]] = {"A": "agent", "C": "customer"}
PRIVATE: Final = re.compile(r"\{(?:(?P<label>\w+): )?(?P<said>[^}]*)\}")
AMID: Final = re.compile(r"\b(?:the|a|an|and|el|o|y|e|de|del|do|of|mes|mês|año|ano|month|year|punto)\b")
"""Words in a number that tell no digit of it."""
TURN_MS: Final = 3_000
PAUSE_MS: Final = 2_000


class Turn(NamedTuple):
    leg: Leg
    language: str
    told: str
    """With braces."""
    later_ms: int

    @property
    def text(self) -> str:
        return PRIVATE.sub(lambda match: match["said"], self.told)

    @property
    def masked(self) -> str:
        """As it is shown in the end, with `[]` for a mask of any label."""
        return PRIVATE.sub(lambda match: f"[{match['label'] or ''}]", self.told)

    def leaked(self, shown: str) -> int:
        parts, at = [], 0
        for match in PRIVATE.finditer(self.told):
            parts += [Part(self.told[at : match.start()]), Part(AMID.sub("", match["said"]), "card")]
            at = match.end()
        return Line(self.leg, (*parts, Part(self.told[at:]))).leaked(shown)


class Call(NamedTuple):
    country: str
    turns: tuple[Turn, ...]


def calls(language: str) -> Iterator[tuple[str, Call]]:
    """Rows of "country | A: … | +60 s C: …": agent and customer in turns, some of them later than one would expect."""
    for row in (DATA / f"answers_{language}.txt").read_text("utf-8").splitlines():
        if row and not row.startswith("#"):
            country, *turns = row.split(" | ")
            yield row, Call(country, tuple(_turn(turn, language) for turn in turns))


def _turn(row: str, language: str) -> Turn:
    match = TURN.fullmatch(row)
    assert match, row
    return Turn(LEGS[match["leg"]], match["language"] or language, match["text"], int(match["later"] or 0) * 1_000)


ROWS: Final = [pytest.param(call, id=row) for language in LANGUAGES for row, call in calls(language)]


@pytest.mark.parametrize("call", ROWS)
def test_what_is_private_is_never_read_and_all_else_is(call: Call) -> None:
    guard = DigitGuard(call.country, b"key")
    shown: dict[int, str] = {}
    now = 0
    for number, turn in enumerate(call.turns):
        now += turn.later_ms
        for draft in _drafts(turn):
            assert turn.leaked(guard.draft(draft, turn.language, turn.leg)) < 2, draft
        heard = [
            guard.hear(SpokenTurn(number, turn.leg, turn.leg, turn.text, now, now + TURN_MS, turn.language)),
            guard.tick(now := now + TURN_MS + PAUSE_MS),
            guard.close() if number == len(call.turns) - 1 else None,
        ]
        for text in [text for judged in heard if judged for text in judged.texts]:
            assert call.turns[text.turn].leaked(text.text) == 0, text.text
            shown[text.turn] = text.text
    for number, turn in enumerate(call.turns):
        unlabelled = "[]" in turn.masked
        assert (re.sub(r"\[\w+\]", "[]", shown[number]) if unlabelled else shown[number]) == turn.masked


def _drafts(turn: Turn) -> Iterator[str]:
    """What is heard of a turn while it is said. One digit alone may be seen, since most words go on otherwise."""
    if "{" in turn.told:
        yield from (turn.text[: word.end()] for word in re.finditer(r"\S+", turn.text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tables_are_of_a_size_that_says_something(language: str) -> None:
    rows = [row for row, _ in calls(language)]
    assert len([row for row in rows if "{" in row]) >= 150
    assert len([row for row in rows if "{" not in row]) >= 40
