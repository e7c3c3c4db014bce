"""A text's words and written digits, with the number that each of them says. Pure; offsets are code points."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final, NamedTuple

from models.privacy.foreign import FOREIGN_NUMBERS
from models.privacy.lexicon import (
    A_MOMENT,
    ARTICLES,
    CORRECTIONS,
    FILLERS,
    HOMOPHONES,
    JOINERS,
    LETTER_NAMES,
    NUMBER_WORDS,
    NumberWord,
    fold,
    glued,
)
from models.privacy.misheard import REAL_WORDS, nearest_number

_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*")
_MAX_WRITTEN = 40
"""Longer chunks of digits are nobody's number; they are cut here so that no input is slow."""


class Token(NamedTuple):
    """A word or a chunk of written digits."""

    word: str
    """Folded."""
    start: int
    end: int
    number: NumberWord | None = None
    digits: str = ""
    """Set for written digits."""

    @property
    def numeric(self) -> bool:
        return self.number is not None or bool(self.digits)


def tokenise(text: str, language: str, homophones: bool) -> list[Token]:
    raw = [part for m in _TOKEN.finditer(text) for part in _parted(fold(m.group()), m.start(), m.end())]
    spoken = _spoken_language(raw, language)
    tokens = [_token(word, start, end, spoken, homophones) for word, start, end in raw]
    tokens = _misheard([_firm(text, token) for token in tokens], spoken, 0 if homophones else _AMID)
    for before, (at, token) in zip(tokens, list(enumerate(tokens))[1:], strict=False):
        if before.word == "por" and token.word in ("ciento", "cento", "cien", "cem") and _is_percent(tokens, at):
            tokens[at] = token._replace(number=None)
        if before.number is not None and before.number.value == 1 and token.word in A_MOMENT:
            tokens[at - 1] = before._replace(number=None)
        goes_on = at + 1 < len(tokens) and (tokens[at + 1].numeric or _is_listed(tokens[at + 1 : at + 4]))
        if token.word == "one" and before.word in _THE and not goes_on and text[before.end : token.start].isspace():
            tokens[at] = token._replace(number=None)
    return tokens


def _is_percent(tokens: Sequence[Token], at: int) -> bool:
    """Whether the "ciento" behind "por" is the unit of a percentage ("tres por ciento", "un tanto por ciento") and not
    a number itself ("queda por ciento veinte mil", "dos por cien mil")."""
    round_one = tokens[at].word in ("cien", "cem")
    behind = [token for token in tokens[at + 1 : at + 3] if token.word not in JOINERS][:1]
    if at > 1 and (tokens[at - 2].numeric or tokens[at - 2].word in ("medio", "meio")):
        thousands = at + 1 < len(tokens) and tokens[at + 1].word == "mil"
        return not (round_one and thousands)
    return not (round_one or any(token.number is not None for token in behind))


def _parted(word: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """A word with its place, or the number words that were run together in it. Where two share a vowel, the first one
    has it."""
    parts = glued(word)
    if not parts:
        yield word, start, end
        return
    for at, part in enumerate(parts):
        stop = end if at == len(parts) - 1 else min(end - 1, start + len(part))
        yield part, start, stop
        start = stop


def _is_listed(after: Sequence[Token]) -> bool:
    """Whether the next number follows with an article: "the one, the nine"."""
    words = [token.word for token in takewhile(lambda token: not token.numeric, after)]
    return 0 < len(words) < len(after) and words[-1] in ARTICLES and JOINERS.issuperset(words[:-1])


_THE: Final = frozenset({"the", "that", "this", "which", "another", "each", "no", "any"})
_AMID: Final = 2
_DIGIT: Final = 9
_NO_WORD: Final = FILLERS | JOINERS | CORRECTIONS | frozenset(LETTER_NAMES)


def _misheard(tokens: list[Token], language: str, amid: int) -> list[Token]:
    """Words that sound like a number's amid numbers: "seven siks two". More than `amid` digits have to stand on one
    side of it, or one on each; where a number is awaited, which is `amid` 0, any number will do."""
    is_one = _is_digit if amid else _is_number
    for at, token in enumerate(tokens):
        if token.numeric or token.word in _NO_WORD:
            continue
        before = [*takewhile(is_one, _words(reversed(tokens[:at])))]
        after = [*takewhile(is_one, _words(tokens[at + 1 :]))]
        amidst, beside = bool(before and after), max(before, after, key=len)
        if (amidst or len(beside) > amid) and (meant := nearest_number(token.word)):
            tokens[at] = token._replace(number=NUMBER_WORDS[meant]._replace(weak=False))
        elif (amidst or len(beside) > amid) and _are_listed(beside) and (meant := REAL_WORDS.get(token.word, "")):
            tokens[at] = token._replace(number=NUMBER_WORDS[meant])
        elif amidst and not amid and language == "es" and token.word == "do":
            tokens[at] = token._replace(number=NUMBER_WORDS["dos"])
    return tokens


def _are_listed(numbers: Sequence[Token]) -> bool:
    """Whether they have two digits or more."""
    return len(numbers) > 1 or any(len(one.digits) > 1 or (one.number and one.number.value > _DIGIT) for one in numbers)


def _words(tokens: Iterable[Token]) -> Iterator[Token]:
    return (token for token in tokens if token.numeric or not (token.word in FILLERS or token.word in JOINERS))


def _is_digit(token: Token) -> bool:
    return len(token.digits) == 1 or (token.number is not None and token.number.kind in ("unit", "times"))


def _is_number(token: Token) -> bool:
    return _is_digit(token) or bool(token.digits) or (token.number is not None and not token.number.weak)


def _firm(text: str, token: Token) -> Token:
    """Run together with another number word, "um" is no article."""
    if token.number is None or not token.number.weak:
        return token
    inside = text[max(0, token.start - 1) : token.start].isalpha() or text[token.end : token.end + 1].isalpha()
    return token._replace(number=token.number._replace(weak=False)) if inside else token


def _spoken_language(raw: Sequence[tuple[str, int, int]], language: str) -> str:
    """The language that the number words themselves speak; the declared one when they do not say."""
    votes = {"es": 0, "pt": 0, "en": 0, language: sum(word in FOREIGN_NUMBERS.get(language, ()) for word, _, _ in raw)}
    for word, _, _ in raw:
        if word in _SAYS:
            votes[_SAYS[word]] += 1
    best = max(votes, key=lambda name: (votes[name], name == language))
    return best if votes[best] > votes.get(language, 0) else language


_SPEAKS = ("es", "pt", "en")
_SAYS = {
    word: name
    for name, words in {
        "es": "uno una un cero cuatro siete ocho nueve diez trece quince veinte treinta cuarenta cincuenta ochenta",
        "pt": "dois duas quatro sete oito nove dez onze doze treze vinte trinta quarenta cinquenta oitenta",
        "en": "two three four five six seven eight nine twenty thirty forty fifty sixty seventy eighty ninety",
    }.items()
    for word in words.split()
}


def _token(word: str, start: int, end: int, language: str, homophones: bool) -> Token:
    if word[0].isdecimal():  # "²" is a digit by Unicode, and none that anybody says
        return Token(word, start, end, None, "".join(str(int(c)) for c in word[:_MAX_WRITTEN]))
    number = FOREIGN_NUMBERS.get(language, {}).get(word) or NUMBER_WORDS.get(word)
    if number is not None and language in _SPEAKS and language not in number.languages:
        silent = word == "um" and language == "en"
        number = NumberWord("silent", 0, "", weak=True) if silent else number._replace(weak=True, foreign=True)
    if number is None and homophones and word in HOMOPHONES and language == "en":
        number = NumberWord("unit", HOMOPHONES[word], "en", weak=True)
    return Token(word, start, end, number)
