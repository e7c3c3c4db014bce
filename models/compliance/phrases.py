"""The little language that phrases are written in, compiled to regular expressions over `Folded.line`.

    no me vuelva/vuelvan a (llamar|marcar|contactar)? {MAS}

Words are folded before they are compared. `a/b` one of the words, `word*` any ending, a Spanish or
Portuguese participle (`grabada`) in either gender and number, `(… | …)` one of the phrases,
`x?` may be missing, `..` up to 3 words of the same sentence (`..6` up to 6), `{NAME}` a phrase list defined beside,
`<name>` a word written as a proper name, `<digits>` a number said or masked, `<start>` and `<end>` those of a
sentence, `<stop>` the mark between two sentences, `!word` the next word is not this one, `<!word` the word before is
not this one. A hyphen parts words, as it does in what is said (`ajudá-lo`).
"""

import re
from collections.abc import Mapping
from itertools import product

from models.compliance.text import CAPITAL, Folded, fold

_PIECE = re.compile(r"\s*(\(|\)\??|\||\{\w+\}\??|\.\.\d*|<\w+>\??|(?:<?!)?[^\s(){}|<>]+)")
_PARTICIPLE = re.compile(r"(\w{3,}[ai]d)[ao]s?")
_NAME = rf"(?:#person |(?!(?:{{stop}}){CAPITAL}? )[^\W\d_][^\s.]*{CAPITAL} )"
_HYPHEN = re.compile("[-\u2010\u2011]")


class PhraseError(ValueError):
    """A phrase is not well-formed; the message says which and why."""


class Phrase:
    """One compiled phrase."""

    def __init__(
        self, source: str, words: Mapping[str, str], not_names: frozenset[str] = frozenset(), *, wide: bool = False
    ) -> None:
        """`wide`: a gap at the end takes in as much as it can, not as little: for guards."""
        self.source = source
        self.literals: set[str] = set()
        """The words that it looks for, folded; `word*` keeps its star."""
        self._words = words
        self._stop = "|".join(sorted(not_names)) or "(?!)"
        try:
            pattern = self._compile(source, 0)
            self.regex = re.compile(
                r"(?<!\S)" + (pattern.removesuffix("?") if wide and pattern.endswith("}?") else pattern)
            )
        except (re.error, OverflowError) as error:
            raise PhraseError(f"{source!r}: {error}") from error
        if self.regex.match(""):
            raise PhraseError(f"{source!r}: all of it may be missing, so it would be met by any words")

    def spans(self, text: Folded) -> list[tuple[int, int]]:
        """Where it occurs in `text.line`, left to right, without overlap."""
        return [match.span() for match in self.regex.finditer(text.line)]

    def _compile(self, source: str, depth: int) -> str:
        if depth > 8:
            raise PhraseError(f"{source!r}: word lists refer to each other in a circle")
        out: list[str] = []
        at, opened = 0, 0
        while at < len(source.rstrip()):
            piece = _PIECE.match(source, at)
            if not piece:
                raise PhraseError(f"{source!r}: cannot read {source[at : at + 20]!r}")
            at = piece.end()
            part = piece.group(1)
            opened += (part == "(") - (part[0] == ")")
            out.append(self._part(part, depth))
        if opened:
            raise PhraseError(f"{source!r}: parentheses do not match")
        return "".join(out)

    def _part(self, part: str, depth: int) -> str:
        if part == "(":
            return "(?:"
        if part in (")", ")?", "|"):
            return part
        optional = "?" if part.endswith("?") else ""
        core = part.removesuffix("?")
        if core[0] == "{":
            return self._list(core[1:-1], depth) + optional
        if core.startswith(".."):
            return rf"(?:[^\s.]+ ){{0,{core[2:] or 3}}}?"
        if core.startswith("<!"):
            return _not_behind(core[2:])
        if core[0] == "<":
            return self._special(core[1:-1]) + optional
        if core[0] == "!":
            return f"(?!{_alternatives(core[1:])} )"
        words = re.split(rf"/|{_HYPHEN.pattern}", core)
        self.literals.update(fold(word) + ("*" if word[-1:] == "*" else "") for word in words)
        return f"(?:{_alternatives(core)} ){optional}"

    def _list(self, name: str, depth: int) -> str:
        if name not in self._words:
            raise PhraseError(f"{self.source!r}: no word list {name}")
        return f"(?:{self._compile(self._words[name], depth + 1)})"

    def _special(self, name: str) -> str:
        if name == "start":
            return r"(?:^|(?<=\. ))"
        if name == "stop":
            return r"(?:\. )"
        if name == "end":
            return r"(?=\. |$)"
        if name == "digits":
            return rf"(?:#\w+ |\d{{4}}\S* |(?:(?:\d\S*|(?:{self._words.get('DIGIT', '(?!)')}){CAPITAL}?) ){{2,}})"
        if name != "name":
            raise PhraseError(f"{self.source!r}: unknown <{name}>")
        return _NAME.format(stop=self._stop)


def _alternatives(core: str) -> str:
    return "(?:" + "|".join(_word(word) for word in core.split("/")) + ")"


def _not_behind(core: str) -> str:
    """What is looked for behind has one length: each word by itself, each of its parts with a capital and without."""
    return "".join(
        "(?<!(?<!\\S)" + "".join(f"{re.escape(part)}{mark} " for part, mark in zip(parts, marks, strict=True)) + ")"
        for parts in map(_parts, core.split("/"))
        for marks in product(("", CAPITAL), repeat=len(parts))
    )


def _parts(word: str) -> list[str]:
    return list(map(_folded, _HYPHEN.split(word)))


def _folded(word: str) -> str:
    folded = fold(word)
    if not folded:
        raise PhraseError(f"{word!r} is no word")
    return folded


def _word(word: str) -> str:
    *parts, last = _HYPHEN.split(word)
    stem = last.removesuffix("*")
    end = re.escape(_folded(stem)) + r"[^\s.]*" if last != stem else _whole(last)
    return " ".join([*map(_whole, parts), end])


def _whole(word: str) -> str:
    folded = _folded(word)
    if participle := _PARTICIPLE.fullmatch(folded):
        return re.escape(participle[1]) + f"[ao]s?{CAPITAL}?"
    return re.escape(folded) + f"{CAPITAL}?"
