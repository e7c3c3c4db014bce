"""The answer to a card in whole sentences: asked for once the card is shown, beside the call, and shown if it comes."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from engine.facts import Suggestion
from engine.ports.writing import AnswerWriter, CardQuestion, WordedAnswer

log = structlog.get_logger(__name__)


class WordedCard(msgspec.Struct, frozen=True):
    card: Suggestion
    answer: WordedAnswer

    def data(self) -> dict[str, Any]:
        """Of the event `card.worded`."""
        about = {"of": self.card.seq, "article": self.card.article, "text": self.answer.text}
        return about | {"sources": msgspec.to_builtins(self.answer.sources)}


class CardWording:
    """One call's. At most one answer is being worded; `put` is given it when it holds. Whoever made it ends it."""

    def __init__(self, writer: AnswerWriter, put: Callable[[WordedCard], None]) -> None:
        self._writer = writer
        self._put = put
        self._card = 0
        """`seq` of the card whose answer is being worded."""
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, card: Suggestion, question: CardQuestion) -> None:
        """Returns at once. An earlier card's answer is given up: another card stands in its place."""
        self._give_up()
        self._card = card.seq
        task = asyncio.create_task(self._word(card, question), name=f"wording {card.seq}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def put_away(self, seq: int) -> None:
        """The agent does not want that card."""
        if seq == self._card:
            self._give_up()

    async def end(self) -> None:
        self._give_up()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _give_up(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _word(self, card: Suggestion, question: CardQuestion) -> None:
        try:
            answer = await self._writer.answer(question)
        except Exception as error:
            log.warning("card.not_worded", call_id=card.call_id, error=type(error).__name__)
            return
        if answer:
            self._put(WordedCard(card, answer))
