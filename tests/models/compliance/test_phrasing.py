"""Phrasings written without sight of the phrases: a guard, not a measurement (that is `python -m benchmarks.rules`)."""

import pytest

from benchmarks.rules import DIALOGUES, GARBLES, PHRASING, measure, quiet_share
from models.compliance import load_rules
from models.compliance.trials import fires

RULES = {rule.id: rule for rule in load_rules()}
# The phrases were never changed for what they got wrong of the ninth and the eleventh batch.
RECALL = {
    "first": 0.98,
    "second": 0.98,
    "third": 0.98,
    "fourth": 0.96,
    "fifth": 0.98,
    "sixth": 0.98,
    "seventh": 0.96,
    "eighth": 0.98,
    "ninth": 0.72,
    "tenth": 0.97,
    "eleventh": 0.49,
    "twelfth": 0.98,
}
PRECISION = {"seventh": 0.98}


@pytest.mark.parametrize("batch", RECALL)
def test_phrases_hold_on_independent_sentences(batch: str) -> None:
    clean = measure(PHRASING / f"{batch}.yaml", garbles={"clean": GARBLES["clean"]})["clean"]
    assert clean.recall >= RECALL[batch]
    assert clean.precision >= PRECISION.get(batch, 1.0)


def test_quiet_dialogues_stay_quiet() -> None:
    alarmed, of = quiet_share(DIALOGUES)
    assert of >= 100
    assert alarmed / of <= 0.03


@pytest.mark.parametrize(
    "heard",
    [
        "Esta ligação será gravado.",
        "Essa ligação será a gravada.",
        "esta ligação será grava da",
        "Esta ligasão serà gravada",
        "esta esta ligação ligação será gravada",
        "Esta llamada está siendo gravada.",
        "esta yamada esta siendo grabado",
        "Esta lamada está siendo graba da.",
    ],
)
def test_notice_is_heard_through_whisper_spelling(heard: str) -> None:
    assert fires(RULES["BR-REC-NOTICE"], heard, "pt")


@pytest.mark.parametrize(
    "heard",
    [
        "esta yamada no esta siendo gravada",
        "Esta ligação não não será grava da",
        "customer: ¿Esta llamada está siendo gravada?",
    ],
)
def test_denial_and_question_stay_quiet_through_it(heard: str) -> None:
    assert not fires(RULES["BR-REC-NOTICE"], heard, "pt")
