"""How words sound in Spanish, Portuguese and English, roughly, and how far apart two sounds are. Pure."""

import re
from functools import lru_cache
from typing import Final

from models.privacy.lexicon import fold

_Rules = tuple[tuple[re.Pattern[str], str], ...]


def _rules(*pairs: tuple[str, str]) -> _Rules:
    return tuple((re.compile(pattern), key) for pattern, key in pairs)


_ROMANCE: Final = (
    ("ph", "f"), ("qu(?=[ei])|ck|[qk]", "k"), ("gu(?=[ei])", "G"), ("g(?=[ei])", "j"), ("s?c(?=[ei])", "s"),
    ("[zs]+", "s"), ("c", "k"), ("m(?=[bp]|$)", "n"), ("y", "i"), ("G", "g"),
)  # fmt: skip
_SOUNDS: Final[dict[str, _Rules]] = {
    "es": _rules(
        ("ch|sh", "X"), ("ll|y(?=[aeiou])", "j"), ("x", "ks"), ("h", ""), *_ROMANCE, ("[vw]", "b"), (r"(.)\1+", r"\1")
    ),
    "pt": _rules(
        ("x$", "ks"), ("ch|sh|x", "X"), ("lh", "l"), ("nh", "n"), ("h", ""), *_ROMANCE, ("w", "v"),
        ("l(?![aeiou])", "u"), (r"(.)\1+", r"\1"),
    ),
    "en": _rules(
        ("tch|ch|sh|ti(?=on)", "X"), ("ph", "f"), ("igh", "ai"), ("gh", ""), ("^kn", "n"), ("^wr", "r"), ("wh", "w"),
        ("ck|q(?=u)", "k"), ("dg(?=e)|j", "j"), ("g(?=[ei])", "j"), ("s?c(?=[eiy])", "s"), ("[cq]", "k"), ("x", "ks"),
        ("th", "t"), ("z", "s"), ("y", "i"), ("ee|ea|ie", "i"), ("oo|ou", "u"), ("(?<=[^aeiou])e$", ""), ("h", ""),
        (r"(.)\1+", r"\1"),
    ),
}  # fmt: skip
_VOWELS: Final = frozenset("aeiou")
_NEAR: Final = frozenset(
    frozenset(pair)
    for pair in ("bp", "dt", "gk", "vf", "bv", "sX", "jX", "mn", "lr", "ui", "wu", "wv", "js", "ij", "st")
)


@lru_cache(maxsize=16384)
def sound(word: str, language: str) -> str:
    """Of one word, in letters; `X` is the sound of "sh" and "ch"."""
    key = fold(word)
    for pattern, written in _SOUNDS[language]:
        key = pattern.sub(written, key)
    return key


def alike(one: str, other: str) -> float:
    """0 to 1: an edit distance in which vowels, and consonants made at one place, lie near each other."""
    longest = max(len(one), len(other))
    return 1.0 - _distance(one, other) / longest if longest else 1.0


def _distance(one: str, other: str) -> float:
    row = [0.0]
    for b in other:
        row.append(row[-1] + _gap(b))
    for a in one:
        before, row = row, [row[0] + _gap(a)]
        for at, b in enumerate(other, 1):
            row.append(min(before[at] + _gap(a), row[at - 1] + _gap(b), before[at - 1] + _swap(a, b)))
    return row[-1]


def _gap(letter: str) -> float:
    return 0.6 if letter in _VOWELS else 1.0


def _swap(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return 0.4
    return 0.5 if frozenset((one, other)) in _NEAR else 1.0
