"""What of a card payment can be read in a text that is of no final by name: any field of a fact, a log line, a store.

Where a text says which final it quotes, every digit and word of it counts (`Line.leaked`). Elsewhere rules, playbooks
and addresses have numbers of their own, and it takes more to know what a digit is of.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from benchmarks.payments import Line, Payment, tokens
from models.display import write
from tests.leaks import runs, stretches

IN_A_ROW = 6
"""So many digits of the card in a row are no accident, such as an amount of 30,000 or a port."""
GROUP = 4
"""Most cards are read in such."""
WORDS = 3
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
"""When something is due."""


class Secrets:
    """Of one payment. What everybody may see of it, as it is said and as it is written, is none, nor are the card's
    last four digits, which may be kept."""

    def __init__(self, paid: Payment) -> None:
        parts = [part.text for line in paid.lines for part in line.parts if not part.kind]
        written = [write(line.text, paid.language, paid.country).text for line in paid.lines if not line.kinds]
        seen = {run for text in parts + written for run in runs(text)}
        last = paid.card[-GROUP:]
        groups = {paid.card[at : at + GROUP] for at in range(len(paid.card) - GROUP)} - {last}
        self._card = paid.card
        self._groups = {group for group in groups if not any(group in run for run in seen)}
        self._alone = {paid.cvv, paid.expiry} - {last, *seen}
        told = [one for line in paid.lines for one in _told(line)]
        self._said = {words for words, private in told if private} - {words for words, private in told if not private}

    def said_in(self, text: str) -> bool:
        """Three words of a number in a row, or six digits of the card: for texts with paths and ports in them."""
        words, _ = _read(text)
        return any(one in self._said for one in _in_a_row(words)) or bool(stretches(text, self._card, IN_A_ROW))

    def read_in(self, text: str) -> bool:
        """The same, or four digits of the card, or its code or date with no digit beside it."""
        _, found = _read(text)
        groups = any(group in run for run in found for group in self._groups)
        return groups or not self._alone.isdisjoint(found) or self.said_in(text)


@lru_cache(4096)
def _read(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words and runs of digits of a text; most are a rule's or a playbook's, and come again in every call."""
    plain = _DAY.sub(" ", text)
    return tuple(tokens(plain)), tuple(runs(plain))


def _told(line: Line) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Every three words that stand together in a final, and whether all of them tell something private. Digits alone
    are counted as such."""
    told = [(word, part.kind is not None) for part in line.parts for word in tokens(part.text)]
    words = tuple(word for word, _ in told)
    for at, three in enumerate(_in_a_row(words)):
        if not all(word.isdigit() for word in three):
            yield three, all(private for _, private in told[at : at + WORDS])


def _in_a_row(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (words[at : at + WORDS] for at in range(len(words) - WORDS + 1))
