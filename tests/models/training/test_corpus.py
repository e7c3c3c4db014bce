"""The authored data: what is refused, and what the shipped data promises."""

from pathlib import Path

import pytest

from engine.errors import Invalid
from models.training.corpus import read_plan, read_rows
from models.training.fit import FOLDS, folds_of


def write(directory: Path, plan: str, rows: str) -> Path:
    (directory / "mine").mkdir()
    (directory / "mine" / "head.yaml").write_text(plan)
    (directory / "mine" / "rows.yaml").write_text(rows)
    return directory


PLAN = "{kind: multilabel, labels: [a, b]}"


def test_ideas_become_rows_and_dialects_count_as_their_language(tmp_path: Path) -> None:
    data = write(tmp_path, PLAN, '[{idea: x, labels: [a], es: ["uno", "dos"], es-AR: ["che"], en: ["one"]}]')
    rows = read_rows("mine", read_plan("mine", data), data)
    assert [(row.language, row.text) for row in rows] == [("es", "uno"), ("es", "dos"), ("es", "che"), ("en", "one")]
    assert {row.labels for row in rows} == {("a",)}


def test_shared_ideas_serve_the_heads_they_name(tmp_path: Path) -> None:
    data = write(tmp_path, PLAN, '[{idea: x, labels: [], es: ["uno"]}]')
    (data / "shared").mkdir()
    (data / "shared" / "more.yaml").write_text(
        '[{idea: y, mine: [b], es: ["dos"]}, {idea: z, other: [q], es: ["tres"]}]'
    )
    assert [row.idea for row in read_rows("mine", read_plan("mine", data), data)] == ["x", "y"]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ('[{idea: x, labels: [c], es: ["uno"]}]', "do not fit"),
        ('[{labels: [a], es: ["uno"]}]', "list of ideas"),
        ("[{idea: x, labels: [a], es: uno}]", "list of texts"),
        ('[{idea: x, labels: [a], es: [""]}]', "list of texts"),
        ('[{idea: x, labels: [a], es: ["uno"]}, {idea: y, labels: [b], es: ["Uno"]}]', "other labels"),
        ("[]", "no data"),
        ("[", "rows.yaml"),
    ],
)
def test_wrong_data_is_refused_with_its_place(tmp_path: Path, rows: str, reason: str) -> None:
    data = write(tmp_path, PLAN, rows)
    with pytest.raises(Invalid, match=reason):
        read_rows("mine", read_plan("mine", data), data)


@pytest.mark.parametrize(
    "plan", ["{kind: other, labels: []}", "{labels: [a]}", "{kind: multilabel, labels: [a], x: 1}"]
)
def test_a_wrong_plan_is_refused(tmp_path: Path, plan: str) -> None:
    with pytest.raises(Invalid, match=r"head\.yaml"):
        read_plan("mine", write(tmp_path, plan, "[]"))


@pytest.mark.parametrize("name", ["sentiment", "intents"])
def test_an_idea_never_falls_on_both_sides_of_a_split(name: str) -> None:
    rows = read_rows(name, read_plan(name))
    folds = folds_of(rows, seed=3)
    by_idea: dict[str, set[int]] = {}
    for row, fold in zip(rows, folds, strict=True):
        by_idea.setdefault(row.idea, set()).add(int(fold))
    assert all(len(seen) == 1 for seen in by_idea.values())
    assert set(folds.tolist()) == set(range(FOLDS))


def test_every_intent_has_its_ideas_in_three_languages() -> None:
    plan = read_plan("intents")
    ideas: dict[tuple[str, str], set[str]] = {}
    for row in read_rows("intents", plan):
        for label in row.labels or ("none",):
            ideas.setdefault((label, row.language), set()).add(row.idea)
    assert all(len(ideas[label, language]) >= 25 for label in (*plan.labels, "none") for language in ("es", "pt", "en"))
