"""What a call is worth on a form: items with their answers in, one score out. Pure.

Shared by the scoring of a call and by the people who review it, so that both count alike.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from engine.facts import Evidence

Answer = Literal["open", "yes", "no", "n_a"]
"""`open`: nobody has judged it yet. `n_a`: it does not apply to this call, and does not count."""


class QualityItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item of a form on one call."""

    item: str
    title: str
    weight: float
    answer: Answer
    auto: bool = True
    """False: a person answers it."""
    auto_fail: bool = False
    """A `no` fails the call, whatever the rest."""
    evidence: tuple[Evidence, ...] = ()
    note: str = ""
    """A measured figure that it rests on."""
    reviewed_by: str = ""
    reason: str = ""
    """Why a person answered otherwise."""


class QualityScore(msgspec.Struct, frozen=True, omit_defaults=True):
    """A form on one call."""

    form: str
    version: int
    pass_score: float
    items: tuple[QualityItem, ...]
    score: float | None = None
    """0 to 100: the weight of what was done, of all that applied; None when nothing did. 0 when an item failed the
    call."""
    passed: bool = False
    """False too where there is no score: such a call did not fail either."""
    failed_by: tuple[str, ...] = ()
    """Items whose `no` fails the call."""
    open: int = 0
    """Items that wait for a person; they do not count until then."""


def scored(form: str, version: int, pass_score: float, items: Sequence[QualityItem]) -> QualityScore:
    failed_by = tuple(item.item for item in items if item.auto_fail and item.answer == "no")
    counted = [item for item in items if item.answer in ("yes", "no")]
    whole = sum(item.weight for item in counted)
    done = sum(item.weight for item in counted if item.answer == "yes")
    score = (0.0 if failed_by else round(100 * done / whole, 1)) if whole else None
    return QualityScore(
        form=form,
        version=version,
        pass_score=pass_score,
        items=tuple(items),
        score=score,
        passed=score is not None and score >= pass_score,
        failed_by=failed_by,
        open=sum(item.answer == "open" for item in items),
    )


def reviewed(before: QualityScore, item: str, answer: Answer, by: str, reason: str) -> QualityScore:
    """The score with one item answered by a person. Raises `KeyError` when the form has no such item."""
    if item not in {one.item for one in before.items}:
        raise KeyError(item)
    items = [
        msgspec.structs.replace(one, answer=answer, reviewed_by=by, reason=reason) if one.item == item else one
        for one in before.items
    ]
    return scored(before.form, before.version, before.pass_score, items)
