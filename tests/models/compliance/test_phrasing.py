"""Phrasings written without sight of the phrases: a guard, not a measurement (that is `python -m benchmarks.rules`)."""

from pathlib import Path

import pytest
import yaml

from models.compliance import load_rules
from models.compliance.trials import fires

PHRASING = Path(__file__).parents[2] / "data" / "compliance" / "phrasing"
RULES = {rule.id: rule for rule in load_rules()}
# The phrases were never changed for what they got wrong of the fifth batch.
RECALL = {"first": 0.98, "second": 0.98, "third": 0.98, "fourth": 0.96, "fifth": 0.86}


@pytest.mark.parametrize("batch", RECALL)
def test_phrases_hold_on_independent_sentences(batch: str) -> None:
    found = missed = 0
    false: list[str] = []
    for rule, sides in yaml.safe_load((PHRASING / f"{batch}.yaml").read_text("utf-8")).items():
        for language, texts in sides["fire"].items():
            for text in texts:
                fired = fires(RULES[rule], text, language)
                found, missed = found + fired, missed + (not fired)
        for language, texts in sides["quiet"].items():
            false += [text for text in texts if fires(RULES[rule], text, language)]
    assert false == []
    assert found / (found + missed) >= RECALL[batch]


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
