"""A line of speech as the rules of writing see it: its words, and the numbers among them that nobody doubts.

The lexicon of `models.privacy` hears digits everywhere, since none may slip through; here a number counts only when
every word of it is spelt as the line's own language spells it.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from models.privacy.cardinals import groups
from models.privacy.lexicon import word_set
from models.privacy.tokens import Token, tokenise

_MASK = re.compile(r"\[[a-z_]+\]")
_BREAK = re.compile(r"[,.;:?!…/\n\[\]]")
_PAUSE = re.compile(r"[,.;:?!…]")
_SENTENCE_END = re.compile(r"[.?!…]")
_WORDS: Final = {
    "es": word_set(
        """
        cero uno una un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis
        diecisiete dieciocho diecinueve veinte veintiuno veintiun veintiuna veintidos veintitres veinticuatro
        veinticinco veintiseis veintisiete veintiocho veintinueve treinta cuarenta cincuenta sesenta setenta ochenta
        noventa cien ciento doscientos doscientas trescientos trescientas cuatrocientos cuatrocientas quinientos
        quinientas seiscientos seiscientas setecientos setecientas ochocientos ochocientas novecientos novecientas mil
        millon millones doble triple y
        """
    ),
    "pt": word_set(
        """
        zero um uma dois duas tres quatro cinco seis meia sete oito nove dez onze doze treze catorze quatorze quinze
        dezesseis dezasseis dezessete dezassete dezoito dezenove dezanove vinte trinta quarenta cinquenta sessenta
        setenta oitenta noventa cem cento duzentos duzentas trezentos trezentas quatrocentos quatrocentas quinhentos
        quinhentas seiscentos seiscentas setecentos setecentas oitocentos oitocentas novecentos novecentas mil milhao
        milhoes e
        """
    ),
    "en": word_set(
        """
        zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
        double triple and
        """
    ),
}
_JOINERS: Final = ("y", "e", "and")
_AND_A_UNIT = re.compile(r"ty and (?:one|two|three|four|five|six|seven|eight|nine)\b")
"""No English number has it: "and" stands between two then, "between fifty and one hundred"."""
_MULTIPLIERS: Final = ("hundred", "thousand", "million")
_HUNDREDS = re.compile(r"hundred|cem|.*(?:cien|quinient|cent|zent|nhent).*")
_SCALES: Final = word_set("mil thousand millon millones milhao milhoes million")
_SOME: Final = word_set(
    """
    pico algo tantos tantas cuantos cuantas varios varias muchos muchas algunos par poucos pouco quantos quantas muitos
    alguns few couple several many some odd something
    """
)
"""Before "mil", "thousand" they say of how many nobody knows."""
_UNITS: Final = word_set("day week month year hour minute second share percent per dollar pound euro")


class Number(NamedTuple):
    """One number as it was said."""

    digits: str
    """Leading zeros kept: "doble cero" is 00."""
    first: int
    """Index of its first token."""
    last: int
    weak: bool
    """A lone article as well ("un", "uma", "one")."""
    bare: bool
    """A lone "mil", "cien", "thousand", "million": a figure of speech as often as a figure."""

    @property
    def value(self) -> int:
        return int(self.digits)


class Found(NamedTuple):
    """Tokens from `first` to `last` are written as `written`."""

    first: int
    last: int
    written: str


class Line:
    """A masked text in `language` (`es pt en`), said in `country`. Immutable."""

    def __init__(self, text: str, language: str, country: str) -> None:
        self.text = text
        self.language = language
        self.country = country
        self.tokens: Sequence[Token] = tokenise(text, language, homophones=False)
        masked = [(m.start(), m.end()) for m in _MASK.finditer(text)]
        self._masked = {
            at for at, one in enumerate(self.tokens) if any(a < one.end and one.start < b for a, b in masked)
        }
        self._doubtful: set[int] = set()
        """Tokens of numbers that stay words."""
        self.numbers: dict[int, Number] = {one.first: one for one in self._read() if not self._is_beside_doubt(one)}
        self._by_last = {number.last: number for number in self.numbers.values()}

    def word(self, at: int) -> str:
        """Folded; empty outside the line."""
        return self.tokens[at].word if 0 <= at < len(self.tokens) else ""

    def said(self, first: int, last: int) -> str:
        """The text from one token to another, as it was spoken."""
        return self.text[self.tokens[first].start : self.tokens[last].end]

    def linked(self, at: int) -> bool:
        """Whether nothing but space or a hyphen parts the token from the one before it."""
        return 0 < at < len(self.tokens) and _BREAK.search(self.gap(at)) is None

    def gap(self, at: int) -> str:
        """What stands before the token."""
        return self.text[self.tokens[at - 1].end : self.tokens[at].start]

    def next(self, at: int) -> str:
        """The word at a token, when it is linked to the one before it."""
        return self.word(at) if self.linked(at) else ""

    def before(self, at: int) -> str:
        """The word before a token that is linked to it."""
        return self.word(at - 1) if self.linked(at) else ""

    def number(self, at: int) -> Number | None:
        """The number that begins at a token which is linked to the one before it."""
        return self.numbers.get(at) if self.linked(at) else None

    def ending(self, at: int) -> Number | None:
        """The number that ends at a token."""
        return self._by_last.get(at)

    def number_before(self, at: int) -> Number | None:
        """The number that ends right before a token which is linked to it."""
        return self._by_last.get(at - 1) if self.linked(at) else None

    def begins_sentence(self, at: int) -> bool:
        return at == 0 or _SENTENCE_END.search(self.gap(at)) is not None

    def is_capital(self, at: int) -> bool:
        return self.text[self.tokens[at].start].isupper()

    def is_plural_noun(self, at: int) -> bool:
        """Roughly: a word of four letters or more that ends in s."""
        word = self.next(at)
        return len(word) >= 4 and word.endswith("s") and word not in ("menos", "mais", "depois", "despues", "antes")

    def is_measured(self, at: int) -> bool:
        """Whether English numbers before a token count or price it: "two thirty day notices", "three fifty a month"."""
        return self.next(at + 1 if self.next(at) in ("a", "an") else at) in _UNITS

    def _read(self) -> list[Number]:
        proper = _WORDS.get(self.language, frozenset())
        found = []
        for group in groups(self.text, self.tokens):
            words = [token.word for token in self.tokens[group.first : group.last + 1]]
            spelt = words[1:] if words[0] == "a" else words  # "a hundred and fifty"
            if not group.digits or not all(word in proper for word in spelt) or self._touches(group.first, group.last):
                continue
            if _are_two(words) or self._lacks_thousands(group.digits) or self._is_torn(group.first, group.last):
                self._doubtful.update(range(group.first, group.last + 1))
                continue
            bare = len(words) == 1 and words[0] in ("mil", "cien", "cem", "ciento", "cento", "thousand", "million")
            weak = len(words) == 1 and group.weak
            if not self._is_vague(group.first, group.last, bare):
                found.append(Number(group.digits, group.first, group.last, weak, bare))
        return found

    def _lacks_thousands(self, digits: str) -> bool:
        """Whether "un millón doscientos" is more likely 1.200.000; English has no such way of speaking."""
        value = int(digits)
        return self.language != "en" and value > 1_000_000 and 0 < value % 1_000_000 < 1000

    def _is_torn(self, first: int, last: int) -> bool:
        """Whether "hundred" or "million" stands beside it and was not read as part of it: "(between) one million and
        two | million"."""
        behind = self.linked(last + 1) and self._multiplies(last + 1)
        return behind or (self.linked(first) and self._multiplies(first) and self.tokens[first - 1].numeric)

    def _multiplies(self, at: int) -> bool:
        return (number := self.tokens[at].number) is not None and number.kind in _MULTIPLIERS

    def _is_beside_doubt(self, number: Number) -> bool:
        """Whether it may be part of one that stays words: "nineteen | ninety and two | thousand"."""
        before, after = number.first - 1 in self._doubtful, number.last + 1 in self._doubtful
        return (before and self.linked(number.first)) or (after and self.linked(number.last + 1))

    def _is_vague(self, first: int, last: int, bare: bool) -> bool:
        """Whether nobody knows how many thousands it is: "a few thousand", "cincuenta y pico mil"."""
        if bare:
            at = first - 1 if self.before(first) in ("of", "de") else first
            return self.before(at) in _SOME
        at = last + (2 if self.next(last + 1) in _JOINERS else 1)
        return self.next(at) in _SOME and self.next(at + 1) in _SCALES

    def _touches(self, first: int, last: int) -> bool:
        """A mask, or letters of another word: part of something else."""
        before, after = first - 1 in self._masked, last + 1 in self._masked
        if (before and not _PAUSE.search(self.gap(first))) or (after and not _PAUSE.search(self.gap(last + 1))):
            return True
        start, end = self.tokens[first].start, self.tokens[last].end
        return self.text[max(0, start - 1) : start].isalnum() or self.text[end : end + 1].isalnum()


def _are_two(words: Sequence[str]) -> bool:
    """Whether hundreds stand beside hundreds, or an English unit is joined to its tens, which makes no number:
    "doscientos trescientos mil", "(between) one hundred and two hundred"."""
    if _AND_A_UNIT.search(" ".join(words)):
        return True
    hundreds = False
    for word in words:
        if word in _SCALES:
            hundreds = False
        elif _HUNDREDS.fullmatch(word):
            if hundreds:
                return True
            hundreds = True
    return False
