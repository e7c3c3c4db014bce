"""Knowledge articles, and who reads, indexes and searches them."""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

MOST_BYTES: Final = 10_000_000
"""Of a document."""
LONGEST_TITLE: Final = 200
LONGEST_QUESTION: Final = 200
MOST_QUESTIONS: Final = 30
"""Of an article, in one language."""


class Article(msgspec.Struct, frozen=True):
    article: str
    """Its id: the stem of the file that it came from."""
    title: str
    language: str
    """Empty where nobody said."""
    body: str
    """Markdown."""
    questions: tuple[tuple[str, str], ...] = ()
    """(language, question): how people ask for it. They make it found across languages."""
    intents: tuple[str, ...] = ()


class Candidate(msgspec.Struct, frozen=True):
    """What a search makes of an article."""

    article: str
    title: str
    score: float
    """From 0.5 on a call would get a card."""


class KnowledgeKeeper(Protocol):
    """Knows what a document is, and searches what it was given. Implemented by `pipelines.knowledge_bases`."""

    async def read(self, name: str, data: bytes) -> Sequence[Article]:
        """The articles that a file of this name is. It is read apart: whatever is in it harms nobody. Raises `Invalid`
        that says why, `Overloaded` when too many are read already."""

    async def adopt(self, organisation_id: str, base: str, articles: Sequence[Article]) -> bool:
        """The base is these articles from now on, also to calls in progress. Returns when they are found, or at once
        and with False before the models are loaded."""

    async def search(self, organisation_id: str, base: str, text: str, language: str) -> Sequence[Candidate]:
        """Best first, as a call would find them. Raises `Overloaded` before the models are loaded."""
