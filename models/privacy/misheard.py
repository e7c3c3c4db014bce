"""Words that recognition wrote where it half heard a digit."""

from functools import cache, lru_cache
from typing import Final

import rapidfuzz
from rapidfuzz.distance import OSA

from models.privacy.lexicon import NUMBER_WORDS

_SHORTEST: Final = 3
_LONG: Final = 6
"""Letters of words for tens and more that are looked for by their sound; shorter ones are too near to other words."""
_GLUED: Final = 7
"""Letters of two digits that are written as one word."""
_MOSTLY: Final = 0.55
"""Share of its letters that has to sound like digits."""
REAL_WORDS: Final = {"nueva": "nueve", "nuevo": "nueve", "siento": "ciento", "trenta": "treinta"}
"""Words of their own that recognition writes for a number amid numbers: "seis, nueve, nueva"."""
_SOUNDS: Final = (
    ("qu", "k"), ("ck", "k"), ("ks", "x"), ("c", "s"), ("z", "s"), ("y", "i"), ("ph", "f"), ("h", ""), ("v", "b"),
)  # fmt: skip


@lru_cache(maxsize=4096)
def nearest_number(word: str, *, real: bool = False) -> str:
    """The word for a digit, or for a long number, that a folded word is one letter or sound away from: "siks",
    "hoito", "secenta"; empty when there is none, or, unless `real`, when it is a word of its own. To be asked beside
    other digits only."""
    if len(word) < _SHORTEST or (not real and _is_real(word)):
        return ""
    heard = _sound(word)
    return _nearest(heard, _digits_by_sound()) or (_nearest(heard, _long_by_sound()) if len(word) >= _LONG else "")


@lru_cache(maxsize=4096)
def is_glued(word: str) -> bool:
    """Whether a folded word that is none of a language is mostly digits run together: "doizouitumeia", "cuatrosiete".
    To be asked beside a card only."""
    if len(word) < _GLUED or _is_real(word):
        return False
    heard = _sound(word)
    best = [(0, 0)] * (len(heard) + 1)
    """Letters of digits, and digits, in what stands before each letter: as many as can be."""
    for end in range(1, len(heard) + 1):
        best[end] = best[end - 1]
        for length in range(_SHORTEST, min(_LONG, end) + 1):
            if heard[end - length : end] in _digits_by_sound():
                letters, digits = best[end - length]
                best[end] = max(best[end], (letters + length, digits + 1))
    letters, digits = best[-1]
    return digits > 1 and letters >= _MOSTLY * len(heard)


def _nearest(heard: str, by_sound: dict[str, str]) -> str:
    if heard in by_sound:
        return by_sound[heard]
    found = rapidfuzz.process.extractOne(heard, by_sound.keys(), scorer=OSA.distance, score_cutoff=1)
    return by_sound[found[0]] if found else ""


def _is_real(word: str) -> bool:
    from models.vocabulary.real_words import is_real  # which counts number words among the real ones

    return any(is_real(word, language) for language in ("es", "pt", "en"))


def _sound(word: str) -> str:
    """Roughly how it sounds in any of the three languages."""
    for written, heard in _SOUNDS:
        word = word.replace(written, heard)
    return word


@cache
def _digits_by_sound() -> dict[str, str]:
    return {_sound(word): word for word, number in NUMBER_WORDS.items() if number.kind == "unit" and len(word) > 2}


@cache
def _long_by_sound() -> dict[str, str]:
    kinds = ("teen", "tens", "hundreds")
    return {_sound(word): word for word, number in NUMBER_WORDS.items() if number.kind in kinds and len(word) >= _LONG}
