"""The authored data: what is refused, and what the shipped data promises."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from engine.errors import Invalid
from models.compliance.detectors import ACTS
from models.folding import fold
from models.training.corpus import FOLDS, Row, read_plans, read_rows

PLANS = """
acts: {kind: multilabel, labels: [a, b], precision: 0.9}
sentiment: {kind: multiclass, labels: [negative, neutral]}
"""


def write(directory: Path, ideas: str, plans: str = PLANS) -> Path:
    (directory / "acts").mkdir()
    (directory / "heads.yaml").write_text(plans)
    (directory / "acts" / "rows.yaml").write_text(ideas)
    return directory


def read(data: Path) -> list[Row]:
    return read_rows(read_plans(data), data)


def test_ideas_become_rows_and_dialects_count_as_their_language(tmp_path: Path) -> None:
    rows = read(write(tmp_path, '[{idea: x, acts: [a], es: ["uno", "dos"], es-AR: ["che"], en: ["one"]}]'))
    assert [(row.language, row.text) for row in rows] == [("es", "uno"), ("es", "dos"), ("es", "che"), ("en", "one")]
    assert [row.targets["acts"].tolist() for row in rows] == [[1.0, 0.0]] * 4


def test_an_idea_serves_the_heads_that_it_names(tmp_path: Path) -> None:
    rows = read(write(tmp_path, '[{idea: x, acts: [], es: ["uno"]}, {idea: y, sentiment: negative, es: ["dos"]}]'))
    assert [sorted(row.targets) for row in rows] == [["acts"], ["sentiment"]]
    assert rows[1].targets["sentiment"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("ideas", "reason"),
    [
        ('[{idea: x, acts: [c], es: ["uno"]}]', "do not fit"),
        ('[{idea: x, sentiment: [negative, neutral], es: ["uno"]}]', "do not fit"),
        ('[{acts: [a], es: ["uno"]}]', "list of ideas"),
        ("[{idea: x, acts: [a], es: uno}]", "list of texts"),
        ('[{idea: x, acts: [a], es: [""]}]', "list of texts"),
        ('[{idea: x, acts: [a], es: ["uno"]}, {idea: y, acts: [b], es: ["Uno"]}]', "other acts"),
        ("[]", "no ideas"),
        ("[", r"rows\.yaml"),
    ],
)
def test_wrong_data_is_refused_with_its_place(tmp_path: Path, ideas: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(write(tmp_path, ideas))


@pytest.mark.parametrize("plans", ["acts: {kind: other, labels: []}", "acts: {labels: [a]}", "acts: 3", "["])
def test_wrong_plans_are_refused(tmp_path: Path, plans: str) -> None:
    with pytest.raises(Invalid, match=r"heads\.yaml"):
        read(write(tmp_path, "[]", plans))


def test_every_label_has_its_ideas_in_three_languages_on_both_sides_of_a_split() -> None:
    plans, ideas, folds = read_plans(), dict[tuple[str, str], set[str]](), dict[str, set[int]]()
    for row in read_rows(plans):
        folds.setdefault(row.idea, set()).add(row.fold)
        for head, plan in plans.items():
            for label, holds in zip(plan.labels, row.targets.get(head, ()), strict=False):
                if holds:
                    ideas.setdefault((label, row.language), set()).add(row.idea)
    assert all(len(seen) == 1 for seen in folds.values())
    assert set().union(*folds.values()) == set(range(FOLDS))
    for plan in plans.values():
        for label in plan.labels:
            assert all(len(ideas[label, language]) >= 40 for language in ("es", "pt", "en")), label


def _words(text: str) -> str:
    """Without accents, capitals and punctuation: a sentence with another comma is the same sentence."""
    return " ".join(re.findall(r"[^\W_]+", fold(text)))


def _phrases() -> Iterator[str]:
    """Those of the rules' acts, the ones with gaps and choices as well: no sentence has the words of such a one."""
    for path in ACTS.glob("*.yaml"):
        for sources in yaml.safe_load(path.read_text("utf-8")).get("phrases", {}).values():
            yield from sources


def test_words_are_compared_and_not_how_they_are_written() -> None:
    assert _words("¿Cómo está, señora?") == _words("como esta senora")


def test_no_held_back_text_is_trained_on_or_a_phrase_of_a_rule() -> None:
    known = {_words(row.text) for row in read_rows(read_plans())} | {_words(phrase) for phrase in _phrases()}
    folders = [path.parent for path in Path("tests/data/turns").glob("*/heads.yaml")]
    assert len(folders) == 3
    held = {row.text for folder in folders for row in read_rows(read_plans(folder), folder)}
    assert {text for text in held if _words(text) in known} == set()
