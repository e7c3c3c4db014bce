"""The sentences of a turn, and what they say: why the agent calls, what is promised, that the end is near. Pure."""

import re
from functools import lru_cache
from pathlib import Path

import yaml

from models.compliance.phrases import Phrase
from models.compliance.text import Folded
from models.review.denial import meant
from models.review.scoring import compiled

SENTENCE_CHARACTERS = 240
_PROMISING = ("agent", "customer")
_KEEPING = ("calls_for", *_PROMISING)
_SENTENCE = re.compile(r"[^.?!;…]+[.?!;…]*", re.UNICODE)


def sentences(text: str) -> list[str]:
    return [found for match in _SENTENCE.finditer(text) if (found := match.group().strip())]


def clipped(text: str) -> str:
    """Whole words up to a length that one reads at a glance."""
    if len(text) <= SENTENCE_CHARACTERS:
        return text.strip()
    return text[:SENTENCE_CHARACTERS].rsplit(" ", 1)[0] + "…"


def worth_keeping(text: str, language: str) -> list[tuple[str, frozenset[str]]]:
    """Each such sentence with what makes it so (`calls_for agent customer`)."""
    return [(sentence, why) for sentence in sentences(text) if (why := _why(sentence, language))]


def promised_at(sentence: str, language: str) -> int:
    """Where its promise begins; 0 where it makes none."""
    folded = Folded(sentence)
    spans = (span for side in _PROMISING for span in meant(_phrases()[side], folded, language))
    return min((folded.span(*span)[0] for span in spans), default=0)


def offers_more(text: Folded, language: str) -> bool:
    """Whether somebody asks if there is anything else that they can do."""
    return any(meant(_phrases()["offers_more"], text, language))


def _why(sentence: str, language: str) -> frozenset[str]:
    folded = Folded(sentence)
    return frozenset(name for name in _KEEPING if any(meant(_phrases()[name], folded, language)))


@lru_cache(maxsize=1)
def _phrases() -> dict[str, tuple[Phrase, ...]]:
    data = yaml.safe_load((Path(__file__).parent / "data" / "sentences.yaml").read_text("utf-8"))
    return {name: compiled(phrases) for name, phrases in data.items()}
