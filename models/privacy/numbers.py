"""Runs of numbers in a text: groups of digits with nothing but fillers and corrections between them. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from models.privacy import lists
from models.privacy.cardinals import BREAKS_A_CARDINAL, Group, groups
from models.privacy.lexicon import (
    A_MOMENT,
    CORRECTION_MARKS,
    CORRECTIONS,
    FILLER_PAIRS,
    FILLERS,
    HOMOPHONES,
    JOINERS,
    LETTER_NAMES,
)
from models.privacy.misheard import nearest_number
from models.privacy.tokens import Token, tokenise

_SENTENCE_END = re.compile(r"[.?!…](?:\s|$)")
_MAX_BRIDGE_WORDS = 8
_ONE = frozenset({"one", "un", "um", "uno", "una", "uma"})


class Run(NamedTuple):
    """Groups with nothing but punctuation, fillers and corrections between them."""

    groups: tuple[Group, ...]
    corrected: frozenset[int] = frozenset()
    """Indexes of groups that a correction precedes."""
    sentences: int = 1
    """How many sentences it spreads over."""
    joined: bool = False
    """Single digits with "and" between them, which nobody says but of a number: "cuatro y ocho y dos y nueve"."""

    @property
    def start(self) -> int:
        return self.groups[0].start

    @property
    def end(self) -> int:
        return self.groups[-1].end

    @property
    def digits(self) -> str:
        return "".join(group.digits for group in self.groups)


class Lexed(NamedTuple):
    """A text cut into tokens, and the numbers found in it."""

    text: str
    tokens: Sequence[Token]
    runs: tuple[Run, ...]
    """In order, also those of one digit; what to think of each is for the caller to say."""


def lex(text: str, language: str, *, guarded: bool = False, homophones: bool = False, listed: bool = False) -> Lexed:
    """`guarded`: a number is being read aloud, so articles are digits too; `homophones`: so are "for", "ate", "won".
    `listed`: two digits with "and" or "the" between them are one number, "el cuatro y el ocho"."""
    tokens = tokenise(text, language, homophones)
    found = list(groups(text, tokens, guarded=guarded or listed))
    further = lists.goes_on(tokens, found, language, asked=listed)
    return Lexed(text, tokens, tuple(_runs(text, tokens, found, further, guarded, guarded or homophones)))


def _runs(
    text: str, tokens: Sequence[Token], found: Sequence[Group], further: set[int], guarded: bool, awaited: bool
) -> Iterator[Run]:
    """`further`: indexes of groups that go on with a list."""
    chain: list[Group] = []
    corrected: set[int] = set()
    for at, group in enumerate(found):
        if chain:
            between = tokens[chain[-1].last + 1 : group.first]
            bridge = None if lists.is_half_hour(between, tokens[group.first]) else _bridge(between, chain, awaited)
            if bridge is None and at in further:
                bridge = ""
            if bridge is None:
                yield from _trimmed(text, tokens, chain, corrected, guarded)
                chain, corrected = [], set()
            elif bridge == "correction":
                corrected.add(len(chain))
        chain.append(group)
    if chain:
        yield from _trimmed(text, tokens, chain, corrected, guarded)


def _bridge(between: Sequence[Token], chain: Sequence[Group], awaited: bool) -> str | None:
    """What the words between two groups are: `""` nothing or fillers, `correction`, or None when they end the run."""
    if not between:
        return ""
    if len(between) > _MAX_BRIDGE_WORDS:
        return None
    words = [token.word for token in between]
    rest = [word for at, word in enumerate(words) if not _is_filler(words, at)]
    if not rest:
        return "correction" if "no" in words or "sorry" in words else ""
    if len(rest) == 1 and rest[0] in JOINERS:
        return "" if sum(len(group.digits) for group in chain) >= 2 and not chain[-1].weak else None
    if awaited and len(rest) == 1 and nearest_number(rest[0], real=True):
        return ""  # misheard: it belongs to the number, whatever it was
    if all(word in CORRECTIONS or word in JOINERS for word in rest) and any(w in CORRECTION_MARKS for w in rest):
        return "correction"
    return None


def _is_filler(words: Sequence[str], at: int) -> bool:
    word = words[at]
    if word in FILLERS or word in A_MOMENT:
        return True
    if word in _ONE and at + 1 < len(words) and words[at + 1] in A_MOMENT:
        return True
    after = (word, words[at + 1]) if at + 1 < len(words) else None
    before = (words[at - 1], word) if at else None
    return after in FILLER_PAIRS or before in FILLER_PAIRS


def _trimmed(
    text: str, tokens: Sequence[Token], chain: list[Group], corrected: set[int], guarded: bool
) -> Iterator[Run]:
    """Drops articles that only look like digits: those at the edge of a run, or a run made of nothing else."""
    whole = guarded or lists.is_list(tokens, chain)
    first, last = (0, len(chain)) if whole else _edges(text, tokens, chain)
    while last > first and _leads_on(text, tokens, chain[last - 1]) and not _is_listed(text, chain[first:last]):
        last -= 1  # "the last four for me"
    kept = chain[first:last]
    if not kept or not any(group.digits for group in kept):
        return
    if not guarded and all(group.weak for group in kept) and not _side_by_side(text, kept):
        return
    ends = sum(1 for left, right in pairwise(kept) if _SENTENCE_END.search(text[left.end : right.start]))
    fixed = frozenset(at - first for at in corrected if first < at < last)
    yield Run(tuple(kept), fixed, 1 + ends, lists.is_joined(tokens, kept))


def _edges(text: str, tokens: Sequence[Token], chain: Sequence[Group]) -> tuple[int, int]:
    """Where the run begins and ends without articles: "una, cuatro", "cinco dos nossos", "um dos cinco"."""
    first, last = 0, len(chain)
    strong = [at for at, group in enumerate(chain) if not group.weak]
    if strong == [last - 1] and last > 1 and chain[-2].foreign and len(chain[-1].digits) == 1:
        first = last - 1 if last == 2 or (last == 3 and chain[0].digits == "1") else 0
    if len(chain) > 1 and chain[0].weak and _parted(text, chain[:2]):
        first = max(first, 1)
    while last - first > (0 if not strong else 1) and chain[last - 1].weak and not _is_listed(text, chain[first:last]):
        if not _is_article(text, tokens, chain[last - 1]):
            break
        last -= 1
    return first, last


def _leads_on(text: str, tokens: Sequence[Token], group: Group) -> bool:
    """Whether it is a word like "for" with another one right behind it."""
    following = group.last + 1
    if tokens[group.last].word not in HOMOPHONES or following >= len(tokens):
        return False
    if tokens[following].numeric or tokens[following].word in FILLERS:
        return False
    return text[group.end : tokens[following].start].isspace()


_WORDS_TOO = ("de", "te", "ve", "ese", "pe")


def _is_article(text: str, tokens: Sequence[Token], group: Group) -> bool:
    """Whether the word that it belongs to follows at once."""
    following = group.last + 1
    if following >= len(tokens) or BREAKS_A_CARDINAL.search(text[group.end : tokens[following].start]):
        return False
    word = tokens[following].word
    spelled = (len(word) == 1 and word not in "aoey") or (word in LETTER_NAMES and word not in _WORDS_TOO)
    return not (spelled or tokens[following].numeric or word in FILLERS or word in JOINERS or word in CORRECTIONS)


def _is_listed(text: str, chain: Sequence[Group]) -> bool:
    """Whether the last one ends a list of digits: "two five one one has been saved"."""
    last = text[chain[-1].start : chain[-1].end].lower()
    digits = sum(len(group.digits) for group in chain[:-1])
    return last in _DIGITS_TOO and digits >= _LIST and not _parted(text, chain[-2:])


_LIST = 3
_DIGITS_TOO = frozenset({"uno", "one", "um", "oh", *HOMOPHONES}) - {"for", "to", "too"}
"""Behind a list of digits they are one more, whatever follows."""


def _side_by_side(text: str, chain: Sequence[Group]) -> bool:
    """Whether at least two groups have no word between them."""
    return any(not _parted(text, two) for two in pairwise(chain))


def _parted(text: str, chain: Sequence[Group]) -> bool:
    """Whether words, and not only signs, stand between the groups."""
    return any(any(c.isalpha() for c in text[left.end : right.start]) for left, right in pairwise(chain))
