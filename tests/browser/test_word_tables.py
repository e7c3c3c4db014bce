"""The console has words for every code of the engine's that it shows; that the three languages have the same is said by
console/tests/i18n.test.ts."""

import re
from pathlib import Path
from typing import get_args

import pytest

from engine import facts, feedback, quality
from engine.control.roles import CONFIDENCE
from engine.store.people import Role
from media.sip.effects import EndReason
from models.privacy.entities import TYPE_OF
from models.review.forms import INTENTS, Metric
from pipelines import pauses

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "console" / "src" / "lib" / "i18n" / "en.ts").read_text()


def words(prefix: str) -> set[str]:
    return set(re.findall(rf'^  "{re.escape(prefix)}\.([^"]+)":', TABLE, re.MULTILINE))


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("answer", set(get_args(quality.Answer))),
        ("decided", set(CONFIDENCE) - {"member_elsewhere"} | {"mixed"}),
        ("intent", set(INTENTS)),
        ("mask", set(TYPE_OF) | {"number"}),
        ("metric", set(get_args(Metric))),
        ("reason", set(get_args(EndReason)) | {"end_of_file", "engine_restarted"}),
        ("recordingReason", {pauses.CARD, pauses.HOLD, pauses.PERSON}),
        ("role", set(get_args(Role))),
    ],
)
def test_a_vocabulary_has_words_for_each_of_its_codes_and_no_others(prefix: str, codes: set[str]) -> None:
    assert words(prefix) == codes


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("feedback", set(get_args(feedback.Kind))),
        ("language", set(get_args(facts.Language))),
        ("rules", set(get_args(facts.Outcome))),
        ("campaign", {"sales", "collections", "care", "sac"}),
    ],
)
def test_among_other_words_each_code_has_its_own(prefix: str, codes: set[str]) -> None:
    assert codes <= words(prefix)


def test_the_phone_has_words_for_why_the_bridge_ends_a_call() -> None:
    sources = [path.read_text() for path in (ROOT / "media" / "bridge").glob("*.py")]
    said = {reason for source in sources for reason in re.findall(r'(?:hang_up|hung_up|_end)\("(\w+)"', source)}
    assert "not_answered" in said
    assert said <= words("phoneReason")
