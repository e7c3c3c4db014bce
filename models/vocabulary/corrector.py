"""Puts a campaign's terms right in a final: by their sound, window by window, with a guard against putting them where
nobody said them. Pure.

A window is one to four words with nothing but space or a comma between them. What is no word of its own is what
recognition makes of a name, so a window with such a word needs less likeness. Real words are changed only where they
sound as the term does, and are put together into one only when they are rare; one by itself is left alone, whatever it
sounds like, unless it was given as what a term sounds like. Numbers, masks, and words that announce private numbers are
never touched.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from engine.facts import Correction
from engine.vocabulary import MOST_WORDS, Term
from models.privacy.cues import cues
from models.privacy.lexicon import NUMBER_WORDS, fold, word_set
from models.vocabulary.phonetics import alike, sound
from models.vocabulary.real_words import is_common, is_real

_LANGUAGES: Final = ("es", "pt", "en")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_TOGETHER = re.compile(r"[ ,\t]*")
_NOT_WORDS = re.compile(r"\[[a-z_]+\]|\S*\d\S*|\S+@\S+")
_POSSESSIVE = re.compile(r"['’]s$")
_INFLECTIONS: Final = word_set("s da do das dos n ndo r mos ed ing er ers")
"""Endings of a word of its own that only begins as the term does."""
_UNKNOWN_ALIKE: Final = 0.82
"""Least likeness of a window with a word that is none."""
_SHORT_ALIKE: Final = 0.85
"""…whose term has fewer than six sounds."""
_REAL_ALIKE: Final = 0.9
"""…of a window of real words, for terms of twelve sounds or more; shorter ones must sound the same."""
_SURE: Final = 0.9
"""From this confidence on the words are what was said: more likeness is asked for."""
_SURE_MORE: Final = 0.13
_EACH_ALIKE: Final = 0.75
"""Least likeness of each word of a term of several, so that a first name does not carry another's last name."""
_FEWEST, _SHORT, _MANY = 4, 6, 12
"""Sounds that a term needs to be found by them; below which it is short; from which it is long."""
_DIFFERENT: Final = 0.45
"""At most this share of the sounds differs, however near they lie."""


class Corrected(NamedTuple):
    text: str
    corrections: tuple[Correction, ...]


class _Form(NamedTuple):
    """A way that a term sounds."""

    term: str
    plain: str
    """Folded, letters alone."""
    keys: tuple[str, ...]
    """Of each word."""
    key: str
    """Of all of them."""
    given: bool
    """By the administrator, as what it sounds like."""


class _Word(NamedTuple):
    start: int
    end: int
    plain: str
    key: str
    real: bool
    common: bool


class _Window(NamedTuple):
    words: tuple[_Word, ...]
    plain: str
    key: str

    @property
    def start(self) -> int:
        return self.words[0].start

    @property
    def end(self) -> int:
        return self.words[-1].end


class _Candidate(NamedTuple):
    score: float
    window: _Window
    term: str


class _Forms:
    """All forms of a vocabulary as one language sounds them, found by their letters or by their sound."""

    def __init__(self, terms: Iterable[Term], language: str) -> None:
        self._forms = [
            _form(term.text, form, language, given=form is not term.text)
            for term in terms
            for form in (term.text, *term.sounds_like)
        ]
        self._keys = [form.key for form in self._forms]
        self._long = {at: form.key for at, form in enumerate(self._forms) if len(form.key) >= _MANY}
        self._same: dict[str, list[_Form]] = defaultdict(list)
        for form in self._forms:
            for name in {form.plain, form.key}:
                self._same[name].append(form)

    def near(self, window: _Window, *, real: bool) -> Iterator[_Form]:
        """Forms that may explain it: real words only by the same letters or sounds, or where the form is long."""
        if real:
            yield from {*self._same.get(window.plain, ()), *self._same.get(window.key, ())}
        choices = self._long if real else self._keys
        most = int(len(window.key) * _DIFFERENT)
        found = process.extract(window.key, choices, scorer=Levenshtein.distance, score_cutoff=most, limit=None)
        yield from (self._forms[at] for _, _, at in found)


class Corrector:
    """Of one campaign. Thread-safe; a sentence takes a few milliseconds with 300 terms."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._forms = {language: _Forms(terms, language) for language in _LANGUAGES} if terms else {}
        self.prompt = f"{', '.join(term.text for term in terms)}." if terms else ""
        """What a decoder may be told to have been said before."""

    def correct(self, text: str, language: str, confidence: float = 0.0) -> Corrected:
        """`confidence` is that of the final, 0 to 1. Offsets of corrections are code points in the text returned."""
        forms = self._forms.get(language)
        if forms is None:
            return Corrected(text, ())
        sure = confidence >= _SURE
        candidates = [_best(window, forms, sure=sure) for window in _windows(text, language)]
        return _applied(text, _without_overlaps([one for one in candidates if one.score > 0]))


NO_VOCABULARY: Final = Corrector(())


@lru_cache(maxsize=256)
def corrector_of(terms: tuple[Term, ...]) -> Corrector:
    """One for all calls of a campaign."""
    return Corrector(terms)


def _plain(words: str) -> str:
    return "".join(letter for letter in fold(words) if letter.isalpha())


def _form(term: str, form: str, language: str, *, given: bool) -> _Form:
    keys = tuple(sound(_plain(word), language) for word in form.split())
    return _Form(term, _plain(form), keys, "".join(keys), given)


def _windows(text: str, language: str) -> Iterator[_Window]:
    """None touches a number, a mask, an address or a word that says that a private number comes."""
    for words in _stretches(text, language):
        for size in range(1, MOST_WORDS + 1):
            for at in range(len(words) - size + 1):
                window = tuple(words[at : at + size])
                yield _Window(window, "".join(one.plain for one in window), "".join(one.key for one in window))


def _stretches(text: str, language: str) -> Iterator[list[_Word]]:
    barred = [(match.start(), match.end()) for match in _NOT_WORDS.finditer(text)]
    barred += [(cue.start, cue.end) for cue in cues(text)]
    stretch: list[_Word] = []
    for match in _WORD.finditer(text):
        free = fold(match.group()) not in NUMBER_WORDS
        free = free and not any(start < match.end() and match.start() < end for start, end in barred)
        if stretch and not (free and _TOGETHER.fullmatch(text, stretch[-1].end, match.start())):
            yield stretch
            stretch = []
        if free:
            stretch.append(_word(match, language))
    if stretch:
        yield stretch


def _word(match: re.Match[str], language: str) -> _Word:
    said = _POSSESSIVE.sub("", match.group())
    plain = _plain(said)
    real = is_real(said, language)
    common = real and is_common(said, language)
    return _Word(match.start(), match.start() + len(said), plain, sound(plain, language), real, common)


def _best(window: _Window, forms: _Forms, *, sure: bool) -> _Candidate:
    real = all(word.real for word in window.words)
    best = _Candidate(0.0, window, "")
    for form in forms.near(window, real=real):
        score = _score(form, window, real=real, sure=sure)
        if (score, form.term) > (best.score, best.term):
            best = _Candidate(score, window, form.term)
    return best


def _score(form: _Form, window: _Window, *, real: bool, sure: bool) -> float:
    """How well a form explains a window; 0 when it must not be put there. Over 1 where the letters are the same."""
    size = len(window.words)
    if window.plain == form.plain:
        rare = not all(word.common for word in window.words)
        return 2.0 if form.given or rare or 1 < size == len(form.keys) else 0.0
    if real and size == 1 and not form.given:
        return 0.0
    if len(form.key) < _FEWEST or window.plain.removeprefix(form.plain) in _INFLECTIONS:
        return 0.0
    score = alike(window.key, form.key)
    return score if score >= _least(form, real=real, sure=sure) and _each_alike(form, window) else 0.0


def _each_alike(form: _Form, window: _Window) -> bool:
    """Word by word, where both have as many. Of short words recognition makes any."""
    if not 1 < len(form.keys) == len(window.words):
        return True
    pairs = zip(form.keys, window.words, strict=True)
    return all(len(key) < _FEWEST or alike(word.key, key) >= _EACH_ALIKE for key, word in pairs)


def _least(form: _Form, *, real: bool, sure: bool) -> float:
    if real:
        return _REAL_ALIKE if len(form.key) >= _MANY and not sure else 1.0
    least = _SHORT_ALIKE if len(form.key) < _SHORT else _UNKNOWN_ALIKE
    return least + _SURE_MORE if sure else least


def _without_overlaps(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Best first; of two that fit alike, the one of more letters."""
    kept: list[_Candidate] = []
    for one in sorted(candidates, key=lambda one: (-one.score, one.window.start - one.window.end)):
        if all(one.window.end <= two.window.start or two.window.end <= one.window.start for two in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.window.start)


def _applied(text: str, candidates: Sequence[_Candidate]) -> Corrected:
    parts: list[str] = []
    corrections = []
    at = length = 0
    for _, window, term in candidates:
        heard = text[window.start : window.end]
        if heard == term:
            continue
        parts += (text[at : window.start], term)
        start = length + window.start - at
        length, at = start + len(term), window.end
        corrections.append(Correction(start=start, end=length, term=term, heard=heard))
    parts.append(text[at:])
    return Corrected("".join(parts), tuple(corrections))
