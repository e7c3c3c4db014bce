"""Word error rate against a script, with masked words left out of both sides."""

import re
import unicodedata
from collections.abc import Sequence

import jiwer

MASK = re.compile(r"\[[a-z_]+\]")


def normalise(text: str) -> list[str]:
    """Lower case, no punctuation, no masks, accents kept: what both sides are compared in."""
    plain = unicodedata.normalize("NFC", MASK.sub(" ", text)).lower()
    return re.sub(r"[^\w\s]|_", " ", plain).split()


def word_error_rate(reference: Sequence[str], heard: Sequence[str]) -> float:
    """Errors over reference words; texts in the same order of speakers and time. 0 for an empty reference heard as
    empty."""
    words, found = normalise(" ".join(reference)), normalise(" ".join(heard))
    if not words:
        return float(bool(found))
    return float(jiwer.wer(" ".join(words), " ".join(found) or " "))
