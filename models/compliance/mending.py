"""Puts words right that recognition spelt as they sound, cut in two, or got wrong by a letter.

What is put right is a word that no phrase knows and that is no word of its own, so a sentence that was heard well is
never touched: `gravada` for `grabada`, `yamada` for `llamada`, `grava da` for `gravada`, `protocoro` for `protocolo`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz.distance import OSA

from models.compliance.text import BOUNDARY, Token

_SOUNDED = (  # what Spanish and Portuguese spelling tells apart and the ear does not, in this order
    (re.compile(r"ch|sh|x"), "X"),
    (re.compile(r"ll|lh|y"), "i"),
    (re.compile(r"nh"), "n"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"h"), ""),
    (re.compile(r"qu(?=[ei])|ck|[qk]"), "k"),
    (re.compile(r"gu(?=[ei])"), "G"),
    (re.compile(r"g(?=[ei])|j"), "j"),
    (re.compile(r"[zs]+|s?c(?=[ei])"), "s"),
    (re.compile(r"c"), "k"),
    (re.compile(r"[vbw]"), "b"),
    (re.compile(r"m(?=[bp]|$)"), "n"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"G"), "g"),
)
_SOUND_ALIKE, _ONE_OFF, _TWO_OFF = 5, 6, 11
"""Letters that a word needs to be put right by its sound, by one letter, by two."""
_JOINED = 6
_STEM = 6


@lru_cache(maxsize=16384)
def sound(word: str) -> str:
    """How a folded word sounds, roughly: `gravada` and `grabada` are the same, so are `llamada` and `yamada`."""
    for pattern, key in _SOUNDED:
        word = pattern.sub(key, word)
    return word


def slack(word: str) -> int:
    """How many letters a word of this length may be wrong by."""
    return 2 if len(word) >= _TWO_OFF else 1 if len(word) >= _ONE_OFF else 0


class Mender:
    """Mends the words of a text. Immutable, but for its cache."""

    def __init__(
        self,
        known: Iterable[str],
        real: frozenset[str] = frozenset(),
        anchors: Iterable[str] = (),
        twice: Iterable[str] = (),
    ) -> None:
        """`known`: what phrases look for, folded; `word*` with any ending. `real`: words of their own that sound much
        like one of those. `anchors`: known words that are also put together from two words of their own. `twice`: words
        that are not taken for a stumble when they come twice."""
        self._twice = frozenset(twice)
        known = frozenset(known)
        self._known = frozenset(word for word in known if word.isalpha())
        self._stems = tuple(word[:-1] for word in known if word[-1:] == "*" and len(word) > _STEM)
        self._real = real
        self._anchors = frozenset(anchors)
        self._by_sound: dict[str, list[str]] = defaultdict(list)
        self._by_start: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for word in sorted(self._known):
            if len(word) >= _SOUND_ALIKE:
                self._by_sound[sound(word)].append(word)
            if len(word) >= _ONE_OFF:
                self._by_start[sound(word)[0]].append((sound(word), word))
        self._cached = lru_cache(maxsize=8192)(self._mend)

    def __call__(self, tokens: list[Token]) -> list[Token]:
        """The words as they were meant; a word put together spans both of its halves."""
        cased = any(token.word.isalpha() and not token.capital for token in tokens)
        mended: list[Token] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if at + 1 < len(tokens) and (whole := self._join(token, tokens[at + 1])):
                mended.append(whole)
                at += 2
                continue
            if mended and self._stumbled(mended[-1], token):
                mended[-1] = mended[-1]._replace(end=token.end)
                at += 1
                continue
            named = cased and token.capital and at > 0 and tokens[at - 1].word != BOUNDARY
            word = token.word if named else self._cached(token.word)
            mended.append(token if word == token.word else Token(word, token.start, token.end, token.capital))
            at += 1
        return mended

    def _stumbled(self, before: Token, token: Token) -> bool:
        again = before.word == token.word and token.word.isalpha()
        return again and (len(token.word) > 1 or token.word in "aeoy") and token.word not in self._twice

    def _join(self, left: Token, right: Token) -> Token | None:
        word = left.word + right.word
        if len(word) < _JOINED or not word.isalpha() or (right.capital and not left.capital):
            return None
        if word not in self._known:
            return None
        if word not in self._anchors and all(
            half in self._known or half in self._real for half in (left.word, right.word)
        ):
            return None
        return Token(word, left.start, right.end, left.capital)

    def _mend(self, word: str) -> str:
        if len(word) < _SOUND_ALIKE or word in self._known or word in self._real or not word.isalpha():
            return word
        if word.startswith(self._stems):
            return word
        heard = sound(word)
        if alike := self._by_sound.get(heard):
            return alike[0]
        if not heard or len(word) < _ONE_OFF - 1:
            return word
        off = [
            (gap, meant)
            for key, meant in self._by_start[heard[0]]
            if abs(len(key) - len(heard)) <= slack(meant) and (gap := _gap(heard, word, key, meant)) <= slack(meant)
        ]
        return min(off)[1] if off else word


def _gap(heard: str, word: str, key: str, meant: str) -> int:
    """Letters by which one word is not the other, by sound or by spelling, whichever is nearer; insertions, deletions,
    substitutions and swaps of neighbours are one each (optimal string alignment)."""
    cutoff = slack(meant)
    return min(OSA.distance(heard, key, score_cutoff=cutoff), OSA.distance(word, meant, score_cutoff=cutoff))
