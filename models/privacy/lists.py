"""Digits that are read as a list: "el cuatro, el ocho y el dos", "quatro e cinco e três". Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from models.privacy.cardinals import Group
from models.privacy.lexicon import ARTICLES, FILLERS, JOINERS
from models.privacy.tokens import Token

LONG: Final = 3
"""So many single digits with nothing but "and" and "the" between them are one number, asked for or not."""
_JOINED: Final = 4
_EACH: Final = frozenset({"a", "an"})
"""In English, before digits that were asked for: "a four, an eight". Elsewhere "a" parts the ends of a span."""
_OR: Final = frozenset({"o"})
"""In Spanish, where it is no article."""


def goes_on(tokens: Sequence[Token], found: Sequence[Group], language: str, *, asked: bool) -> set[int]:
    """Indexes of groups that go on with a list. `asked`: digits were asked for, so two make one."""
    articles = _articles(language, asked)
    listed: set[int] = set()
    first = 0
    for at in range(1, len(found) + 1):
        if at < len(found) and _continues(tokens, articles, found[at - 1], found[at]):
            continue
        if at - first >= LONG or (asked and at - first == 2 and not _is_article(tokens, found[at - 1])):
            listed.update(range(first + 1, at))
        first = at
    return listed


def _is_article(tokens: Sequence[Token], group: Group) -> bool:
    """ "três e um castelo": its word follows without a pause."""
    following = tokens[group.last + 1] if group.last + 1 < len(tokens) else None
    if not group.weak or following is None or following.start - group.end > 1:
        return False
    return not (following.numeric or following.word in JOINERS or following.word in FILLERS)


def _articles(language: str, asked: bool) -> frozenset[str]:
    if language == "en" and asked:
        return ARTICLES | _EACH
    return ARTICLES - _OR if language == "es" else ARTICLES


def _continues(tokens: Sequence[Token], articles: frozenset[str], before: Group, group: Group) -> bool:
    between = tokens[before.last + 1 : group.first]
    single = len(before.digits) == 1 and len(group.digits) == 1 and not (before.weak and group.weak)
    linked = all(token.word in articles or token.word in JOINERS or token.word in FILLERS for token in between)
    return single and linked and not is_half_hour(between, tokens[group.first])


def is_half_hour(between: Sequence[Token], token: Token) -> bool:
    """ "dez e meia" is half past ten; "dez meia" is 10 6."""
    return token.word == "meia" and len(between) == 1 and between[0].word == "e"


def is_list(tokens: Sequence[Token], chain: Sequence[Group]) -> bool:
    """Whether "the" or "and" stands before each digit but the first, which is no article then: "el uno, el dos"."""
    linked = all(words & (ARTICLES | JOINERS | _EACH) for words in _between(tokens, chain))
    return len(chain) >= LONG and linked and all(len(group.digits) == 1 for group in chain)


def is_joined(tokens: Sequence[Token], chain: Sequence[Group]) -> bool:
    """Whether "and" stands between all of them, which nobody says of counts or days."""
    joined = all(words & JOINERS for words in _between(tokens, chain))
    return len(chain) >= _JOINED and joined and all(len(group.digits) == 1 for group in chain)


def _between(tokens: Sequence[Token], chain: Sequence[Group]) -> list[set[str]]:
    return [{token.word for token in tokens[left.last + 1 : right.first]} for left, right in pairwise(chain)]
