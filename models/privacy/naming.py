"""Which kind of number the words beside it name. Pure; places are code points."""

from collections.abc import Sequence

from models.privacy.cues import Cue, beside_a_card
from models.privacy.numbers import Run

_CUE_REACH = 70
"""Code points between the word that names a number and its first digit."""
_REACH = {"address": 25}
_CUE_REACH_BACK = 30
_LONGEST_PART = 6
_PART_REACH = 20
"""Between the name of a part of a card and its digits: no more than so many of either."""


def name_of(cues: Sequence[Cue], start: int, end: int, others: Sequence[Run] = ()) -> str:
    """The nearest naming word before the number, or right after it ("…is my social") where it names no other one."""
    before = [cue for cue in cues if 0 <= start - cue.end <= _REACH.get(cue.kind, _CUE_REACH)]
    if before:
        return before[-1].kind
    after = next((cue for cue in cues if 0 <= cue.start - end <= _CUE_REACH_BACK), None)
    shared = after is not None and after.kind == "address"
    if after is None or (not shared and any(0 <= run.start - after.end <= _CUE_REACH_BACK for run in others)):
        return ""
    return after.kind


def name_along_with_a_card(text: str, start: int, run: Run) -> str:
    """What a short number is that is read along with a card: "vence 08/27 y atrás dice 712"."""
    if len(run.digits) > _LONGEST_PART:
        return ""
    said = [cue for cue in beside_a_card(text[start : run.end]) if cue.end + start <= run.start]
    near = said and run.start - start - said[-1].end <= _PART_REACH
    return said[-1].kind if near else ""
