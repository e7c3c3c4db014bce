"""The sentences of a turn, and what they say: why the agent calls, what is promised, that the end is near. Pure."""

import re
from functools import lru_cache
from pathlib import Path

import yaml

from models.compliance.phrases import Phrase
from models.compliance.text import ABBREVIATIONS, Folded, fold
from models.review.denial import meant
from models.review.scoring import compiled

SENTENCE_CHARACTERS = 240
_PROMISING = ("agent", "customer")
_KEEPING = ("calls_for", *_PROMISING)
_END = re.compile(r"(?:[?!;…]|(?<!\.)\.++(?!\w))[.?!;…]*")
"""No dot within a figure or an address is one."""


def sentences(text: str) -> list[str]:
    found: list[str] = []
    begins = 0
    for end in _END.finditer(text):
        last = text[begins : end.start()].rsplit(None, 1)[-1:]
        if end.group() == "." and last and fold(last[0]) in ABBREVIATIONS:
            continue
        found.append(text[begins : end.end()].strip())
        begins = end.end()
    found.append(text[begins:].strip())
    return [sentence for sentence in found if any(map(str.isalnum, sentence))]


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
