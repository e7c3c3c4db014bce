"""Small pure detectors: does this text perform a speech act, and with which words?"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

from engine.ports.reading import Reading
from models.compliance.mending import Mender
from models.compliance.phrases import Phrase, PhraseError
from models.compliance.text import Folded
from models.reading import spans_of

PHRASE_SCORE = 0.97
BY_EAR = "(turn encoder)"
"""No phrase matched: the turn encoder heard it."""
ACTS = Path(__file__).parent / "data" / "acts"


class Hit(msgspec.Struct, frozen=True):
    start: int
    end: int
    """Code points of the text that was searched, end exclusive."""
    score: float
    by: str
    """The phrase that matched, or `BY_EAR`; for `rules explain`."""


class ActFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`data/acts/*.yaml`: how one speech act is put into words."""

    act: str
    about: str
    phrases: dict[str, list[str]] = {}
    """By language; all are tried on every text, since a call may mix languages."""
    unless: dict[str, list[str]] = {}
    """What overlaps one of these is not meant (negations, reported speech, another sense)."""
    unless_near: dict[str, list[str]] = {}
    """The same, anywhere in the same sentence."""
    words: dict[str, str] = {}
    """Word lists for `{NAME}`, besides the shared ones."""


class Lexicon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`data/words.yaml`: word lists for all acts, and what is put right when misheard."""

    words: dict[str, str]
    anchors: list[str]
    """Known words that recognition also cuts in two where both halves are words: `grava da`."""
    twice: list[str]
    """Words that are said twice on purpose, besides digits; any other is a stumble."""
    not_names: list[str]


class Detector:
    """Finds one speech act. Immutable and shared by all calls."""

    def __init__(self, file: ActFile, lexicon: Lexicon) -> None:
        words = {**lexicon.words, **file.words}
        stop = frozenset(lexicon.not_names)

        def compiled(by_language: Mapping[str, list[str]], wide: bool = False) -> tuple[Phrase, ...]:
            return tuple(
                Phrase(source, words, stop, wide=wide) for sources in by_language.values() for source in sources
            )

        self.act = file.act
        self._phrases = compiled(file.phrases)
        self._unless = compiled(file.unless, wide=True)
        self._near = compiled(file.unless_near, wide=True)
        self.literals = frozenset[str]().union(
            *(phrase.literals for group in (self._phrases, self._unless, self._near) for phrase in group)
        )

    def find(self, text: Folded, reading: Reading | None = None, after: int = 0) -> Hit | None:
        """The first hit that ends behind code point `after` of the text; None when the act is not performed there.

        `reading` is of what stands behind `after`: where no phrase matches, its word is taken for a whole sentence.
        """
        for phrase in self._phrases:
            if hit := self._first(phrase, text, after, PHRASE_SCORE):
                return hit
        return self._heard(text, reading, after) if reading else None

    def _heard(self, text: Folded, reading: Reading, after: int) -> Hit | None:
        act = next((one for one in reading.acts if one.label == self.act), None)
        if act is None:
            return None
        spans = spans_of(text.text[after:])
        start, end = spans[act.part] if 0 < act.part < len(spans) else spans[0]
        return Hit(after + start, after + end, act.score, BY_EAR)

    def _first(self, phrase: Phrase, text: Folded, after: int, score: float) -> Hit | None:
        for start, end in phrase.spans(text):
            first, last = text.span(start, end)
            if last > after and not self._excuse(text, start, end):
                return Hit(start=first, end=last, score=score, by=phrase.source)
        return None

    def trace(self, text: Folded) -> Iterator[tuple[Hit, str]]:
        """Every phrase that matches, with the guard that excuses it (empty: none does); for `rules explain`."""
        for phrase in self._phrases:
            for start, end in phrase.spans(text):
                first, last = text.span(start, end)
                yield Hit(first, last, PHRASE_SCORE, phrase.source), self._excuse(text, start, end)

    def _excuse(self, text: Folded, start: int, end: int) -> str:
        """The guard that says that these words are not meant; empty when there is none."""
        for phrase in self._unless:
            if any(a < end and start < b for a, b in phrase.spans(text)):
                return phrase.source
        left = text.line.rfind(". ", 0, start) + 1
        right = text.line.find(". ", end)
        right = len(text.line) if right < 0 else right
        near = (phrase for phrase in self._near if any(left <= a < right for a, _ in phrase.spans(text)))
        return next((phrase.source for phrase in near), "")


class Detectors:
    """All acts of a folder, and the mender that their texts go through."""

    def __init__(self, acts: Mapping[str, Detector], mender: Mender) -> None:
        self._acts = acts
        self._mender = mender

    def __contains__(self, act: str) -> bool:
        return act in self._acts

    def __iter__(self) -> Iterator[str]:
        return iter(self._acts)

    def __getitem__(self, act: str) -> Detector:
        return self._acts[act]

    def fold(self, text: str) -> Folded:
        return Folded(text, self._mender)


@lru_cache(maxsize=4)
def load_detectors(folder: Path = ACTS) -> Detectors:
    """Reads and compiles once a process (half a second), then the same object.

    Raises `ValueError` that names the file and what is wrong with it.
    """
    lexicon_path = folder.parent / "words.yaml"
    try:
        lexicon = msgspec.convert(yaml.safe_load(lexicon_path.read_text("utf-8")), Lexicon)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ValueError(f"{lexicon_path.name}: {error}") from error
    acts: dict[str, Detector] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            file = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), ActFile)
            acts[file.act] = Detector(file, lexicon)
        except (msgspec.ValidationError, yaml.YAMLError, PhraseError) as error:
            raise ValueError(f"{path.name}: {error}") from error
    known = frozenset[str]().union(*(act.literals for act in acts.values()))
    digits = lexicon.words["DIGIT"].split("|")
    # words of published Spanish, Portuguese and English word lists that a mender would take for a known one
    real = frozenset((folder.parent / "real_words.txt").read_text("utf-8").split())
    return Detectors(acts, Mender(known.union(digits), real, lexicon.anchors, {*lexicon.twice, *digits}))
