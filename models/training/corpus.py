"""Reads the authored ideas, and what people judged of calls: a text a row, with what is known of it for each head."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray

from engine.errors import Invalid

DATA = Path(__file__).with_name("data")
FOLDERS = ("acts", "customers")
"""Folders of the data that hold ideas."""
FOLDS = 10
HELD_BACK = f"1 of {FOLDS} folds by idea held back for calibration, thresholds and metrics"
EVERY = "trained on every idea; calibration, thresholds and metrics are of taught ones"
"""Protocols of a card. What goes on from weights that have learnt every idea keeps that one: nothing is held back from
it any more."""
_LANGUAGES = ("es", "pt", "en")


class HeadPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One head in `data/heads.yaml`."""

    kind: Literal["multilabel", "multiclass"]
    labels: tuple[str, ...]
    precision: float = 0.0
    """Multilabel: thresholds are chosen for the best F1 at or above this precision."""


class Row(msgspec.Struct, frozen=True):
    idea: str
    language: str
    text: str
    targets: dict[str, NDArray[np.float32]]
    """By head float32[labels] of 0 and 1; a head that is absent is not known."""

    @property
    def fold(self) -> int:
        """0…9, the same for all texts of an idea, in every run."""
        return int(hashlib.sha256(self.idea.encode()).hexdigest(), 16) % FOLDS


Plans = Mapping[str, HeadPlan]


def read_plans(data: Path = DATA) -> Plans:
    path = data / "heads.yaml"
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), dict[str, HeadPlan])
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise Invalid(f"{path}: {error}") from None


def read_rows(plans: Plans, data: Path = DATA, feedback: Sequence[Path] = ()) -> list[Row]:
    """All rows in the order of files and lines. Raises `Invalid` that names the file and the idea.

    `feedback` are JSON lines of `welcomedly feedback export`: what no head can learn from is passed over, and so is a
    text that is authored; of two judgements of a text for the same heads the later one stands.
    """
    paths = [path for folder in FOLDERS for path in sorted((data / folder).glob("*.yaml"))]
    rows = [row for path in paths for item in ideas_of(path) for row in _rows(path, item, plans)]
    if not rows:
        raise Invalid(f"{data}: there are no ideas")
    _check(rows)
    known = {row.text.casefold() for row in rows}
    judged = {(row.text.casefold(), *row.targets): row for path in feedback for row in _judged(path, plans)}
    return rows + [row for (text, *_), row in judged.items() if text not in known]


def ideas_of(path: Path) -> Sequence[dict[str, Any]]:
    """The ideas of a file. Raises `Invalid` when it is no list of them."""
    try:
        # the C loader is about ten times faster on files of this size
        items = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise Invalid(f"{path}: {error}") from None
    if not isinstance(items, list) or not all(isinstance(item, dict) and "idea" in item for item in items):
        raise Invalid(f"{path}: a list of ideas is expected, each with the key `idea`")
    return items


def _judged(path: Path, plans: Plans) -> Iterator[Row]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            item = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise Invalid(f"{path}:{number}: {error}") from None
        heads = {name for name, plan in plans.items() if name in item and set(item[name]) <= set(plan.labels)}
        if heads and "idea" in item:
            yield from _rows(
                path, {key: value for key, value in item.items() if key in heads or key not in plans}, plans
            )


def _rows(path: Path, item: dict[str, Any], plans: Plans) -> Iterator[Row]:
    idea = str(item["idea"])
    targets = {name: _targets(path, item, name, plan) for name, plan in plans.items() if name in item}
    for language, texts in item.items():
        if language.split("-")[0] not in _LANGUAGES:
            continue
        if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
            raise Invalid(f"{path}: idea {idea}: {language} must be a list of texts")
        for text in texts:
            yield Row(idea, language.split("-")[0], text.strip(), targets)


def _targets(path: Path, item: dict[str, Any], name: str, plan: HeadPlan) -> NDArray[np.float32]:
    given = item[name] if isinstance(item[name], list) else [item[name]]
    if set(given) - set(plan.labels) or (plan.kind == "multiclass" and len(given) != 1):
        raise Invalid(f"{path}: idea {item['idea']}: {name} {given} do not fit the head")
    return np.asarray([float(label in given) for label in plan.labels], np.float32)


def _check(rows: Sequence[Row]) -> None:
    seen: dict[tuple[str, str], Row] = {}
    for row in rows:
        for head, targets in row.targets.items():
            other = seen.setdefault((row.text.casefold(), head), row)
            if not np.array_equal(targets, other.targets[head]):
                raise Invalid(f"{row.text!r} has other {head} in idea {row.idea} than in idea {other.idea}")
