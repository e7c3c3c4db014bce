"""Whether what a language model wrote is borne by what it was given to rest on. Pure.

Strict on purpose: what fails is not shown and the source's own words stand, so a doubt costs nothing. It is what stands
between an agent's ear and a caller who talks the model into something: figures, prices, names, addresses, promises and
denials must be the source's own, and so must most of every sentence's words. It compares letters, so text and sources
must be in one language.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from models.content_words import among, says_something
from models.display import write
from models.figures import figures_borne
from models.privacy.lexicon import fold, word_set

Flaw = Literal[
    "",
    "nothing",
    "too_long",
    "markup",
    "citation",
    "mask",
    "number",
    "address",
    "name",
    "promise",
    "denial",
    "unsupported",
]
"""Why a text does not hold; empty: it does."""

LONGEST: Final = 600
"""Characters of an answer: what an agent reads at a glance while somebody waits."""
LEAST_SUPPORT: Final = 0.6
"""Share of a sentence's content words that must be the sources'."""

_CITATION = re.compile(r"\s*\[(\d{1,2})\]")
_MASK = re.compile(r"\[[a-z_]+\]")
_MARKUP = re.compile(r"[<>{}\[\]`|\\#*_~]|^\s*(?:[-•]|\d+[.)])\s", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
_CLAUSE = re.compile(r"[.,;:!?…¿¡()\"“”«»\n]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ADDRESS = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,253}\w|(?:https?://|www\.)[^\s<>\"]+"
    r"|(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,20}\.[a-z]{2,24}\b(?:/[^\s<>\"]*)?",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?<![\w*#])[*#]{1,2}\d[\d*#]*(?![\w*#])")
"""Dialled on a telephone: `*611#`."""
_SCHEME = re.compile(r"^https?://(?:www\.)?|^www\.")
_SCOPE: Final = 2
"""Content words behind a denial in a source that it denies; what an answer denies may be put in more words."""
_ANSWER_SCOPE: Final = 4
_SCOPE_ENDS: Final = word_set(
    "after before until if si when cuando quando hasta ate antes despues depois por para for with con com en em in "
    "on at mientras enquanto pero but mas y e and or o ou que that because porque"
)
DENIALS: Final = word_set(
    "no nao not never nunca jamas jamais ni nem cannot ningun ninguno ninguna nenhum nenhuma none nobody nadie ninguem "
    "tampoco tampouco neither nor without sin sem"
)
_PROMISES: Final = (
    *("grati", "gratu", "free", "complim", "reembols", "refund", "devol", "garant", "guarant", "compens", "descuent"),
    *("descont", "discount", "regal", "bonif", "condon", "perdon", "waive", "promet", "promis", "cancel"),
    *("siempre", "sempre", "always"),
)
"""Beginnings of words by which a firm binds itself: they must be the source's own."""


class Citations(NamedTuple):
    """A text, and what it says it rests on."""

    plain: str
    numbers: tuple[int, ...]


def citations(text: str) -> Citations:
    """`Puede pagar hoy [1].` → the same without the mark, and 1; numbers in the order in which they first come."""
    numbers = dict.fromkeys(int(match[1]) for match in _CITATION.finditer(text))
    return Citations(_CITATION.sub("", text).strip(), tuple(numbers))


def answer_flaw(text: str, passages: Sequence[str], language: str, asked: str = "") -> Flaw:
    """Of an answer that must cite `passages` by their numbers, from 1, and rest on those that it cites. A mask that it
    repeats must be in what was `asked`."""
    plain, numbers = citations(text)
    if flaw := _form(plain, LONGEST):
        return flaw
    if not numbers or not all(1 <= number <= len(passages) for number in numbers):
        return "citation"
    sources = [passages[number - 1] for number in numbers]
    return _unborne(plain, sources, language, asked) or _unsupported(plain, sources)


def summary_flaw(text: str, notes: Sequence[str], language: str, longest: int) -> Flaw:
    """Of a summary that reports `notes` in words of its own: figures, names and addresses must be theirs."""
    return _form(text, longest) or _unborne(text, notes, language, counts=False)


# ─── form ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _form(plain: str, longest: int) -> Flaw:
    if not _WORD.search(plain):
        return "nothing"
    if len(plain) > longest:
        return "too_long"
    unmasked = _MASK.sub("", plain)
    # addresses and codes have such signs of their own; that a source has them too is seen to below
    marks = _CODE.sub("x", _ADDRESS.sub("x", unmasked))
    return "markup" if _MARKUP.search(marks) or not unmasked.replace("\n", " ").isprintable() else ""


# ─── what must be the sources' own ───────────────────────────────────────────────────────────────────────────────────


def _unborne(plain: str, sources: Sequence[str], language: str, asked: str = "", *, counts: bool = True) -> Flaw:
    source = _unmarked("\n".join(sources))
    if not set(_MASK.findall(plain)) <= set(_MASK.findall(f"{source} {asked}")):
        return "mask"
    written, source_written = write(plain, language).text, write(source, language).text
    if not set(_addresses(f"{plain}\n{written}")) <= set(_addresses(f"{source}\n{source_written}")):
        return "address"
    if not set(_CODE.findall(plain)) <= set(_CODE.findall(source)):
        return "number"
    if not figures_borne(plain, written, source, source_written, language, counts):
        return "number"
    known = {fold(word) for word in _words(source)}
    return "name" if any(fold(name) not in known for name in _names(plain)) else ""


def _unmarked(markdown: str) -> str:
    """Without what makes words bold, and the backslashes before signs that are no marks."""
    return re.sub(r"\\([\\*_])", r"\1", re.sub(r"(?<!\\)\*\*", "", markdown))


def _words(text: str) -> list[str]:
    return _WORD.findall(_MASK.sub(" ", text))


def _addresses(text: str) -> Iterator[str]:
    """Of pages and of mail, without what may stand before or behind them."""
    for match in _ADDRESS.finditer(text):
        yield _SCHEME.sub("", match.group().lower()).rstrip("/.,;:!?)")


def _names(plain: str) -> Iterator[str]:
    """Words with a capital that no sentence's beginning gave them."""
    text = _MASK.sub(lambda mask: "," * len(mask[0]), plain)
    for match in _WORD.finditer(text):
        before = text[: match.start()].rstrip(" \"'“«¿¡(")
        if match.group()[0].isupper() and before and before[-1] not in ".!?…:\n" and not _is_english_i(match.group()):
            yield match.group()


def _is_english_i(word: str) -> bool:
    return re.split("['’]", word)[0] == "I"


# ─── support ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _unsupported(plain: str, sources: Sequence[str]) -> Flaw:
    source = "\n".join(sources)
    source_words = _content(source)
    if any(_starts(_content(plain), promise) and not _starts(source_words, promise) for promise in _PROMISES):
        return "promise"
    for sentence in _SENTENCE.split(plain):
        words = _content(sentence)
        borne = sum(among(word, source_words) for word in words)
        if not words or borne < LEAST_SUPPORT * len(words):
            return "unsupported"
    return "denial" if _turned(plain, source) else ""


def _starts(words: Iterable[str], start: str) -> bool:
    return any(word.startswith(start) for word in words)


def _turned(plain: str, source: str) -> bool:
    """Whether something is denied that the source does not deny, or said that the source only denies."""
    denials, said = _denied(plain, _ANSWER_SCOPE)
    source_denials, source_said = _denied(source, _SCOPE)
    denied = {word for scope in source_denials for word in scope}
    if any(not any(among(word, denied) for word in scope) for scope in denials):
        return True
    return any(among(word, denied) and not among(word, source_said) for word in said)


def _denied(text: str, reach: int) -> tuple[list[list[str]], list[str]]:
    """The content words that each denial denies, and all the others."""
    scopes: list[list[str]] = []
    said: list[str] = []
    for clause in _CLAUSE.split(text):
        open_scope: list[str] | None = None
        for word in (fold(one) for one in _words(clause)):
            if word in DENIALS or word.endswith(("n't", "n’t")):
                open_scope = []
                scopes.append(open_scope)
            elif word in _SCOPE_ENDS:
                open_scope = None
            elif says_something(word):
                if open_scope is None or len(open_scope) >= reach:
                    said.append(word)
                else:
                    open_scope.append(word)
    return scopes, said


def _content(text: str) -> frozenset[str]:
    """Words that say something, folded."""
    return frozenset(word for word in map(fold, _words(text)) if says_something(word))
