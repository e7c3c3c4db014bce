"""What a site's language model writes, where it has one: wrap-ups, the answers on cards, questions for articles."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from engine.ports.reading import Passage


class SummaryWriter(Protocol):
    """Puts a wrap-up into whole sentences. Where a site has none, the call's own words stand."""

    async def write(self, proposal: Mapping[str, Any], names: Collection[str] = ()) -> str:
        """The summary that takes the place of `proposal["summary"]`, in `proposal["language"]`; empty when it has
        nothing better. The proposal is the data of `wrap_up.proposed`: masked words alone. `names` are those that
        people gave in the call: they are not masked, and go no further. May take its time: whoever asks has a
        deadline."""


class CardQuestion(msgspec.Struct, frozen=True):
    """What a card is to answer, and what it may rest on."""

    text: str
    """The customer's words, masked."""
    language: str
    passages: tuple[Passage, ...]
    """The card's own first, then others that deserved a card as well."""
    names: tuple[str, ...] = ()
    """Those that people gave in the call: they are not masked, and go no further."""


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """A passage that an answer cites as `[number]`."""

    number: int
    article: str
    title: str
    body: str


class WordedAnswer(msgspec.Struct, frozen=True):
    text: str
    sources: tuple[Source, ...]


class AnswerWriter(Protocol):
    """Words the answer to a card's question. Where a site has none, the passage stands."""

    async def answer(self, question: CardQuestion) -> WordedAnswer | None:
        """None when there is nothing that holds. May take its time; nobody waits for it."""


class QuestionWriter(Protocol):
    """Says how customers ask for an article."""

    async def questions(self, title: str, body: str) -> Sequence[tuple[str, str]]:
        """(language, question) in Spanish, Portuguese and English; none when nothing came that can be used. May take a
        minute."""
