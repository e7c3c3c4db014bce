"""Rows that people judged join the authored ones."""

from pathlib import Path

import pytest

from engine.errors import Invalid
from models.training.corpus import HeadPlan, read_rows

PLANS = {"acts": HeadPlan("multilabel", ("opt_out", "threat")), "intents": HeadPlan("multilabel", ("complaint",))}
AUTHORED = """
- idea: stop
  acts: [opt_out]
  en: ["Stop calling me."]
"""


def read(folder: Path, *lines: str) -> list[tuple[str, dict[str, list[float]]]]:
    (folder / "acts").mkdir(exist_ok=True)
    (folder / "acts" / "own.yaml").write_text(AUTHORED)
    judged = folder / "feedback.jsonl"
    judged.write_text("\n".join(lines))
    rows = read_rows(PLANS, folder, [judged])
    return [(row.text, {head: targets.tolist() for head, targets in row.targets.items()}) for row in rows]


def test_judged_texts_are_added_under_their_language(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        '{"idea": "f1", "acts": [], "verdict": "wrong", "es": ["No me llame tonto."]}',
        '{"idea": "f2", "acts": ["threat"], "en": ["We will sue you."]}',
        '{"idea": "f3", "intents": ["complaint"], "en": ["For another head."]}',
        '{"idea": "f4", "acts": ["unknown_act"], "en": ["Of another version."]}',
        '{"idea": "f5", "summary": {"before": "a", "after": "b"}}',
    )
    assert rows == [
        ("Stop calling me.", {"acts": [1.0, 0.0]}),
        ("No me llame tonto.", {"acts": [0.0, 0.0]}),
        ("We will sue you.", {"acts": [0.0, 1.0]}),
        ("For another head.", {"intents": [1.0]}),
    ]


def test_authored_labels_and_the_newest_judgement_stand(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        '{"idea": "f1", "acts": [], "en": ["stop calling me."]}',
        '{"idea": "f2", "acts": ["threat"], "en": ["You will see."]}',
        '{"idea": "f3", "acts": [], "en": ["You will see."]}',
    )
    assert rows == [("Stop calling me.", {"acts": [1.0, 0.0]}), ("You will see.", {"acts": [0.0, 0.0]})]


def test_judgements_of_one_text_for_two_heads_both_stand(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        '{"idea": "f1", "acts": ["threat"], "en": ["You will see."]}',
        '{"idea": "f2", "intents": ["complaint"], "en": ["You will see."]}',
    )
    assert rows[1:] == [("You will see.", {"acts": [0.0, 1.0]}), ("You will see.", {"intents": [1.0]})]


def test_a_line_that_is_no_row_is_refused_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"feedback\.jsonl:2"):
        read(tmp_path, '{"idea": "f1", "acts": [], "en": ["a b"]}', "not json")
