"""Reads the authored data, and what people judged of calls: ideas to rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from engine.errors import Invalid
from models.heads import Kind

DATA = Path(__file__).with_name("data")
_LANGUAGES = ("es", "pt", "en")


class Row(msgspec.Struct, frozen=True):
    """One text with its labels."""

    idea: str
    language: str
    text: str
    labels: tuple[str, ...]


class HeadPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`head.yaml`."""

    kind: Kind
    labels: tuple[str, ...]
    exclusive: bool = False
    """Multilabel: the labels compete in one softmax with an unnamed "none", which suits labels that rarely go together
    and have few ideas each; otherwise each label has a sigmoid of its own."""
    precision: float = 0.0
    join: bool = False
    join_order: tuple[str, ...] = ()
    """Multiclass: the label that a joined text takes is the first of its two in this order."""


def read_plan(name: str, data: Path = DATA) -> HeadPlan:
    path = data / name / "head.yaml"
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), HeadPlan)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise Invalid(f"{path}: {error}") from None


def read_rows(name: str, plan: HeadPlan, data: Path = DATA, feedback: Sequence[Path] = ()) -> list[Row]:
    """All rows of a head in the order of files and lines. Raises `Invalid` that names the file and the idea.

    `feedback` are JSON lines of `welcomedly feedback export`: rows for other heads are passed over, and so is a text
    that the authored data, or a later judgement, labels otherwise.
    """
    own = [path for path in sorted((data / name).glob("*.yaml")) if path.name != "head.yaml"]
    rows: list[Row] = []
    for path, key in [(p, "labels") for p in own] + [(p, name) for p in sorted((data / "shared").glob("*.yaml"))]:
        for item in _items(path):
            if key in item:
                rows.extend(_rows(path, item, key, plan))
    _check(rows)
    known = {row.text.casefold() for row in rows}
    judged = {row.text.casefold(): row for path in feedback for row in _judged(path, name, plan)}
    return rows + [row for text, row in judged.items() if text not in known]


def _judged(path: Path, name: str, plan: HeadPlan) -> list[Row]:
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            item = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise Invalid(f"{path}:{number}: {error}") from None
        if name in item and "idea" in item and set(item[name]) <= set(plan.labels):
            rows += _rows(path, item, name, plan)
    return rows


def _items(path: Path) -> Sequence[dict[str, Any]]:
    try:
        # the C loader is about ten times faster on files of this size
        items = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise Invalid(f"{path}: {error}") from None
    if not isinstance(items, list) or not all(isinstance(item, dict) and "idea" in item for item in items):
        raise Invalid(f"{path}: a list of ideas is expected, each with the key `idea`")
    return items


def _rows(path: Path, item: dict[str, Any], key: str, plan: HeadPlan) -> list[Row]:
    idea = str(item["idea"])
    given = item[key] if isinstance(item[key], list) else [item[key]]
    labels = tuple(str(label) for label in given)
    unknown = [label for label in labels if label not in plan.labels]
    if unknown or (plan.kind == "multiclass" and len(labels) != 1):
        raise Invalid(f"{path}: idea {idea}: labels {list(labels)} do not fit the head")
    rows = []
    for language, texts in item.items():
        if language.split("-")[0] not in _LANGUAGES:
            continue
        if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
            raise Invalid(f"{path}: idea {idea}: {language} must be a list of texts")
        rows += [Row(idea, language.split("-")[0], text.strip(), labels) for text in texts]
    return rows


def _check(rows: list[Row]) -> None:
    if not rows:
        raise Invalid("there is no data for this head")
    seen: dict[str, Row] = {}
    for row in rows:
        other = seen.setdefault(row.text.casefold(), row)
        if set(other.labels) != set(row.labels):
            raise Invalid(f"{row.text!r} has other labels in idea {row.idea} than in idea {other.idea}")
