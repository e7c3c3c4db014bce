"""What is reported of held-back sentences: ideas that nothing is chosen by, with intervals by idea."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks import turns
from benchmarks.rules import interval
from benchmarks.turns import Part, Tally, arguments, held, ideas, measure, part_of
from engine.ports.reading import Reading, Scored

LABELS = ["negative", "neutral", "positive"]


@pytest.mark.parametrize(
    ("idea", "part"),
    [
        ("cancel.gym-moving", "report"),
        ("cancel.funeral-plan-mother", "report"),
        ("cancel.trial-stop", "choose"),
        ("bill.dentist-cleaning", "choose"),
    ],
)
def test_an_idea_is_in_one_part_by_its_name(idea: str, part: Part) -> None:
    assert part_of(idea) == part


def test_a_third_of_the_ideas_is_reported_and_none_of_them_is_chosen_by() -> None:
    parts: tuple[Part | None, ...] = (None, "choose", "report")
    every, chosen, reported = ({row.idea for _, rows in held(part=part) for row in rows} for part in parts)
    assert chosen | reported == every
    assert not chosen & reported
    assert 0.3 < len(reported) / len(every) < 0.37
    assert ideas() + ideas(part="choose") >= len(every)


class Reader:
    """Finds everybody neutral, and remembers what it read."""

    def __init__(self, _: Path) -> None:
        self.texts: list[str] = []

    def read(self, text: str) -> Reading:
        self.texts.append(text)
        return Reading(np.zeros(512, np.float32), Scored("neutral", 1.0), (), (), 0.0)


def write(folder: Path, count: int) -> Path:
    (folder / "author" / "customers").mkdir(parents=True)
    heads = {"sentiment": {"kind": "multiclass", "labels": LABELS}}
    (folder / "author" / "heads.yaml").write_text(yaml.safe_dump(heads))
    given = [
        {"idea": f"i{n}", "sentiment": LABELS[n % 2], "es": [f"dice {n}", f"dijo {n}"], "en": [f"says {n}"]}
        for n in range(count)
    ]
    (folder / "author" / "customers" / "ideas.yaml").write_text(yaml.safe_dump(given))
    return folder


def test_only_the_part_is_measured_and_its_ideas_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "OnnxTextReader", Reader)
    folder = write(tmp_path, 60)
    parts: tuple[Part, ...] = ("report", "choose")
    for part in parts:
        tally = measure(folder, part)["sentiment"]["neutral"]
        wanted = {f"i{n}" for n in range(1, 60, 2) if part_of(f"i{n}") == part}
        every = {f"i{n}" for n in range(60) if part_of(f"i{n}") == part}
        assert (tally.wanted, tally.said) == (wanted, every)
        assert (tally.found, tally.missed) == (3 * len(wanted), 0)
        assert ideas(folder, part) == len(every)


def test_the_texts_of_an_idea_count_as_one_in_intervals() -> None:
    tally = Tally()
    for idea in range(10):
        for _ in range(6):
            tally.judge(f"i{idea}", fired=idea < 8, wanted=True)
    assert (tally.recall, tally.precision) == (0.8, 1.0)
    assert tally.recall_95 == interval(8, 10)
    assert tally.precision_95 == interval(8, 8)
    assert tally.shown() == ("0.800 (0.49–0.94)", "1.000 (0.68–1.00)", "12", "60", "10", "0", "0")


def test_nothing_is_mended_by_what_is_reported() -> None:
    assert arguments([]).part == "report"
    assert arguments(["--part", "choose", "--misses"]).misses
    with pytest.raises(SystemExit):
        arguments(["--misses"])
