"""Masks: spans of the spoken text, and the text with them applied."""

from collections.abc import Iterable

import msgspec


class Mask(msgspec.Struct, frozen=True):
    """A span that is not shown."""

    start: int
    """Code point in the spoken text before masking."""
    end: int
    """Exclusive."""
    label: str
    """`number` (not judged yet, or not harmless), `card cvv card_expiry phone email cpf cnpj curp rfc cuit rut dni
    cedula ssn dob account person address`."""


def render(text: str, masks: Iterable[Mask]) -> str:
    """The text with each span replaced by its label in brackets. Masks must not overlap."""
    parts: list[str] = []
    at = 0
    for mask in sorted(masks, key=lambda mask: mask.start):
        parts += (text[at : mask.start], f"[{mask.label}]")
        at = mask.end
    parts.append(text[at:])
    return "".join(parts)


def without_overlaps(masks: Iterable[Mask]) -> tuple[Mask, ...]:
    """In order of start; where two overlap, one mask covers both under the label of the longer."""
    merged: list[Mask] = []
    for mask in sorted(masks, key=lambda mask: (mask.start, -mask.end)):
        if not merged or mask.start >= merged[-1].end:
            merged.append(mask)
            continue
        last = merged.pop()
        longer = max(last, mask, key=lambda one: one.end - one.start)
        merged.append(Mask(last.start, max(last.end, mask.end), longer.label))
    return tuple(merged)
