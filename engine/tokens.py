"""Which masked words may be read again, and their values on the way to the store. Pure.

A value is sealed beside the fact that says where it was said: in no fact, and so on no bus, in no log, index, prompt,
export or replay.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from engine.facts import CallEvent, Fact, Insight

READABLE: Final = frozenset(
    {
        "PHONE", "EMAIL", "ADDRESS", "CPF", "CNPJ", "CURP", "RFC_MX", "CUIT", "RUT", "DNI_NIE", "CEDULA_CO", "SSN",
        "DATE_OF_BIRTH", "BANK_ACCOUNT",
    }
)  # fmt: skip
"""Types of entities whose value may be kept: nothing of a card ever is, nor what is unexplained. Names are not masked,
and need none."""
_NEVER: Final = frozenset({"card", "cvv", "card_expiry", "number"})
"""Masks behind which no value is read, whatever was found there before."""


class Token(msgspec.Struct, frozen=True):
    """The value of one entity. Never logged, and never stored but sealed."""

    seq: int
    """The entity's fact."""
    value: str

    def __repr__(self) -> str:
        return f"Token(seq={self.seq})"


def may_have(fact: Fact) -> bool:
    """Whether a token of this fact may exist at all."""
    return isinstance(fact, Insight) and fact.kind == "entity" and fact.entity_type in READABLE


def still_holds(entity: Insight, later: Iterable[Fact]) -> bool:
    """Whether nothing that came after it takes the entity back: it was withdrawn, or its turn's text was settled anew
    and no longer hides it, or as something else that nobody may read."""
    for fact in later:
        match fact:
            case CallEvent(name="withdrawn") if entity.seq in fact.data.get("of", ()):
                return False
            case CallEvent(name="text.settled") if fact.data.get("turn") == entity.turn:
                if not _hidden(entity, fact.data.get("masks", ())):
                    return False
    return True


def _hidden(entity: Insight, masks: Iterable[dict[str, Any]]) -> bool:
    start, end = entity.start or 0, entity.end or 0
    over = [mask["label"] for mask in masks if mask["start"] < end and start < mask["end"]]
    return bool(over) and not _NEVER.intersection(over)
