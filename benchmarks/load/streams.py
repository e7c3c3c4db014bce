"""What a stream's listener was shown, against what was said on it: words, lateness, revisions. Pure.

Times are seconds from the stream's first frame. A word counts as shown from the moment at which the best alignment
(fewest edits) of what was said so far and what is on screen has it; only words that have begun can be matched. Numbers,
written or spoken, count on neither side: one engine withholds them, another writes digits.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec
from rapidfuzz.distance import Levenshtein

from benchmarks.load.material import Utterance
from models.privacy.lexicon import NUMBER_WORDS, fold
from pipelines.word_errors import MASK

PAUSE_S = 0.5
"""A silence of this length inside a turn is no time in which an update is missed."""
EARLY_S = 0.3
"""When a word begins is an estimate: so much sooner it may be matched."""
_SPELT = {"mr": "mister", "mrs": "missus", "dr": "doctor", "sr": "senhor", "sra": "senhora"}


class Update(msgspec.Struct, frozen=True):
    """What is on screen from a moment on."""

    at_s: float
    committed: str
    """Said to be final."""
    partial: str = ""
    """What may still change, after it."""


class Word(msgspec.Struct, frozen=True):
    """A word that was said. Times are estimates: a turn's letters are spread evenly over its sound."""

    text: str
    turn: int
    start_s: float
    end_s: float


class Turn(msgspec.Struct, frozen=True):
    """How a turn was shown; None where none of it ever was. Seconds."""

    end_s: float
    words: int
    first: float | None
    """From its first sound to a correct word of it."""
    complete: float | None
    """From its last sound until its last correct word was on screen for good."""
    final: float | None
    """The same, in committed text."""


class Figures(msgspec.Struct, frozen=True):
    """One stream's."""

    words: int
    errors: int
    lags: tuple[tuple[float, float], ...]
    """Of every word that was shown: its end, and how long after that it was first shown."""
    turns: tuple[Turn, ...]
    gaps: tuple[float, ...]
    """While somebody speaks, from one change of what is on screen to the next; the turn's end closes the last. A turn
    in which nothing changed counts whole. Pauses are left out."""
    shown: int
    """Words that were first shown at some time."""
    revised: int
    """Words that were shown and then no longer, or replaced."""


def normalised(text: str) -> list[str]:
    """Lower case without accents and punctuation, abbreviations spelt out, numbers and masks left out."""
    plain = re.sub(r"[^\w\s]|_", " ", fold(MASK.sub(" ", unicodedata.normalize("NFC", text)).replace("’", "'")))
    words = (_SPELT.get(word, word) for word in plain.split())
    return [word for word in words if word not in NUMBER_WORDS and not any(sign.isdigit() for sign in word)]


def said(utterances: Sequence[Utterance]) -> list[Word]:
    """Every word with its times."""
    words: list[Word] = []
    for turn, utterance in enumerate(utterances):
        # spread before numbers are left out: they take time as well
        texts = [part for part in utterance.text.split() if any(sign.isalnum() for sign in part)]
        total, letters = sum(len(text) + 1 for text in texts), 0
        for text in texts:
            start = _moment(utterance, letters / total)
            letters += len(text) + 1
            words += [Word(one, turn, start, _moment(utterance, letters / total)) for one in normalised(text)]
    return words


def _moment(utterance: Utterance, share: float) -> float:
    """When so much of its sound has passed."""
    left = share * sum(end - start for start, end in utterance.spans)
    for start, end in utterance.spans:
        if left <= end - start:
            return start + left
        left -= end - start
    return utterance.end_s


def measure(updates: Sequence[Update], utterances: Sequence[Utterance]) -> Figures:
    """All of one stream's, whose updates are in order of time."""
    words = said(utterances)
    texts = [word.text for word in words]
    first: list[float | None] = [None] * len(words)
    stays: list[float | None] = [None] * len(words)
    committed: list[float | None] = [None] * len(words)
    shown = revised = 0
    before: list[str] = []
    before_committed: list[str] = []
    for update in updates:
        begun = sum(word.start_s - EARLY_S <= update.at_s for word in words)
        now_committed = normalised(update.committed)
        now = now_committed + normalised(update.partial)
        if now != before:
            kept = _kept(before, now)
            revised += len(before) - kept
            shown += len(now) - kept
            _note(stays, _matched(texts[:begun], now), update.at_s)
            first = [early if early is not None else since for early, since in zip(first, stays, strict=True)]
            before = now
        if now_committed != before_committed:
            _note(committed, _matched(texts[:begun], now_committed), update.at_s)
            before_committed = now_committed
    return Figures(
        words=len(words),
        errors=Levenshtein.distance(texts, before),
        lags=tuple((word.end_s, at - word.end_s) for word, at in zip(words, first, strict=True) if at is not None),
        turns=tuple(_turns(utterances, words, first, stays, committed)),
        gaps=tuple(gap for utterance in utterances for gap in _gaps(utterance, list(_changes(updates)))),
        shown=shown,
        revised=revised,
    )


def _matched(texts: Sequence[str], shown: Sequence[str]) -> set[int]:
    """Which words of the first the best alignment finds in the second."""
    blocks = Levenshtein.opcodes(texts, shown)
    return {at for block in blocks if block.tag == "equal" for at in range(block.src_start, block.src_end)}


def _kept(before: Sequence[str], now: Sequence[str]) -> int:
    """How many words stay as they are."""
    return len(_matched(before, now))


def _note(since: list[float | None], matched: set[int], at_s: float) -> None:
    for at, moment in enumerate(since):
        if at not in matched:
            since[at] = None
        elif moment is None:
            since[at] = at_s


def _turns(
    utterances: Sequence[Utterance],
    words: Sequence[Word],
    first: Sequence[float | None],
    stays: Sequence[float | None],
    committed: Sequence[float | None],
) -> Iterator[Turn]:
    for turn, utterance in enumerate(utterances):
        own = [at for at, word in enumerate(words) if word.turn == turn]
        earliest = min((moment for at in own if (moment := first[at]) is not None), default=None)
        ends = [
            max((moment for at in own if (moment := since[at]) is not None), default=None)
            for since in (stays, committed)
        ]
        yield Turn(
            utterance.end_s,
            len(own),
            None if earliest is None else earliest - utterance.start_s,
            *(None if end is None else end - utterance.end_s for end in ends),
        )


def _changes(updates: Sequence[Update]) -> Iterator[float]:
    """When what is on screen changed for its reader: words that become final unaltered change nothing."""
    text = ""
    for update in updates:
        now = " ".join(f"{update.committed} {update.partial}".split())
        if now != text:
            text = now
            yield update.at_s


def _gaps(utterance: Utterance, changes: Sequence[float]) -> Iterator[float]:
    inside = [at for at in changes if utterance.start_s < at < utterance.end_s]
    moments = [*(inside or [utterance.start_s]), utterance.end_s]
    for since, until in itertools.pairwise(moments):
        yield until - since - _silence(utterance, since, until)


def _silence(utterance: Utterance, since: float, until: float) -> float:
    """Pauses between two moments."""
    pauses = [(end, start) for (_, end), (start, _) in itertools.pairwise(utterance.spans)]
    return sum(max(0.0, min(until, end) - max(since, start)) for start, end in pauses if end - start >= PAUSE_S)
