"""What of growing data is gone over."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from models.training.corpus import HeadPlan, Row, read_plans, read_rows
from models.training.rehearsal import fingerprints, joined, parted, rehearsed, unlearnt
from models.tuned.adapter import load_adapter

PLANS = {"acts": HeadPlan("multilabel", ("opt_out", "buys")), "mood": HeadPlan("multiclass", ("glad", "sad"))}


def row(idea: str, text: str, *, language: str = "en", **targets: Sequence[float]) -> Row:
    return Row(idea, language, text, {head: np.asarray(given, np.float32) for head, given in targets.items()})


def prints(*rows: Row, plans: dict[str, HeadPlan] = PLANS) -> dict[str, bytes]:
    return fingerprints(rows, plans)


def many(count: int) -> list[Row]:
    return [row(f"i{n}", f"{words} {n}", acts=(1, 0)) for n in range(count) for words in ("stop", "no more")]


def test_an_idea_is_known_by_what_it_teaches() -> None:
    stop, twice = row("a", "stop", acts=(1, 0), mood=(0, 1)), row("a", "no more", acts=(1, 0), mood=(0, 1))
    known = prints(stop, twice)["a"]
    assert prints(twice, stop)["a"] == known
    assert prints(*(msgspec.structs.replace(one, idea="b") for one in (stop, twice)))["b"] == known


@pytest.mark.parametrize(
    "other",
    [
        row("a", "stop it", acts=(1, 0)),
        row("a", "stop", language="es", acts=(1, 0)),
        row("a", "stop", acts=(0, 0)),
        row("a", "stop", acts=(1, 0), mood=(0, 1)),
    ],
)
def test_an_idea_that_was_changed_is_new(other: Row) -> None:
    assert prints(other)["a"] != prints(row("a", "stop", acts=(1, 0)))["a"]


def test_a_head_with_other_labels_makes_its_ideas_new_and_no_others() -> None:
    rows = row("a", "stop", acts=(0, 0)), row("b", "hooray", mood=(1, 0))
    renamed = PLANS | {"acts": HeadPlan("multilabel", ("opt_out", "sells"))}
    before, after = prints(*rows), prints(*rows, plans=renamed)
    assert before["a"] != after["a"]
    assert before["b"] == after["b"]


def test_what_is_new_is_gone_over_whole_and_of_the_rest_whole_ideas() -> None:
    rows = many(400)
    marks = fingerprints(rows, PLANS)
    known = parted(joined(mark for idea, mark in marks.items() if int(idea[1:]) < 300))
    assert len(known) == 300
    drawn = rehearsed(rows, marks, known, 0.33, "one")
    assert drawn == [one for one in rows if one in drawn]
    assert [one for one in drawn if int(one.idea[1:]) >= 300] == rows[600:]
    again = {one.idea for one in drawn if int(one.idea[1:]) < 300}
    assert 70 < len(again) < 130
    assert len(drawn) == 2 * (100 + len(again))


def test_a_share_of_all_is_all_and_of_none_what_is_new() -> None:
    rows = many(50)
    marks = fingerprints(rows, PLANS)
    known = frozenset(list(marks.values())[:20])
    assert rehearsed(rows, marks, known, 1.0, "one") == rows
    assert rehearsed(rows, marks, known, 0.0, "one") == rows[40:]
    assert rehearsed(rows, marks, frozenset(), 0.0, "one") == rows


def test_a_sample_depends_on_its_salt_alone() -> None:
    rows = many(200)
    marks = fingerprints(rows, PLANS)
    known = frozenset(marks.values())
    one = {each.idea for each in rehearsed(rows, marks, known, 0.5, "one")}
    fewer = {each.idea for each in rehearsed(rows[:200], marks, known, 0.5, "one")}
    assert fewer == {idea for idea in one if int(idea[1:]) < 100}
    assert one != {each.idea for each in rehearsed(rows, marks, known, 0.5, "other")}


def test_the_shipped_card_knows_what_it_was_taught_and_nothing_that_was_held_back() -> None:
    plans = read_plans()
    rows = read_rows(plans)
    known = parted(load_adapter().card.taught)
    taught = fingerprints((row for row in rows if row.fold != 0), plans).values()
    held = fingerprints((row for row in rows if row.fold == 0), plans).values()
    assert sum(mark in known for mark in taught) > 0.9 * len(taught)  # ideas may have come since
    assert sum(mark in known for mark in held) <= 2  # as many may look alike by chance


def test_what_was_learnt_under_another_name_or_in_another_idea_is_not_held_back() -> None:
    taught = [row("a", "stop", acts=(1, 0))]
    held = [row("z", "no more", acts=(1, 0)), row("y", "Stop", acts=(1, 0)), row("x", "buy", acts=(0, 1))]
    marks = fingerprints([*taught, *held], PLANS)
    known = frozenset(prints(row("before", "no more", acts=(1, 0))).values())
    assert [one.idea for one in unlearnt(held, taught, marks, known)] == ["x"]
    assert [one.idea for one in unlearnt(held, [], marks, frozenset())] == ["z", "y", "x"]
