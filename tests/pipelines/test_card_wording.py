"""A card is shown at once with its passage; the answer in whole sentences comes beside the call, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.facts import CallEvent, Fact, Suggestion, Transcript
from engine.ports.desk import DeskCommand, Person
from engine.ports.intake import CallEnded, ClockTick, MediaEvent
from engine.ports.reading import KnowledgeSearch, Passage
from engine.ports.writing import CardQuestion, Source, WordedAnswer
from pipelines.suggest import QUIET_MS
from tests.fakes import FakeEars, FakeSession
from tests.pipelines.test_call import AGENT as PARTIES
from tests.pipelines.test_call import NEED, OneArticle, live_call, speech
from tests.pipelines.told_sink import ToldSink

AGENT = Person("user-1", "org", "Ana", "agent")
SOURCES = (Source(1, "restart-modem", "Restart it", "Switch it off and on."),)
FITS = OneArticle()
ANSWER = WordedAnswer("Switch it off and on [1].", SOURCES)


class FakeWriter:
    """Answers a question when it is told to; what it was asked is kept."""

    def __init__(self, answer: WordedAnswer | None = ANSWER, fault: Exception | None = None) -> None:
        self.asked: list[CardQuestion] = []
        self.go_on = asyncio.Event()
        self.given_up = 0
        self._answer, self._fault = answer, fault

    async def answer(self, question: CardQuestion) -> WordedAnswer | None:
        self.asked.append(question)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self._fault:
            raise self._fault
        return self._answer


class Directed(FakeSession):
    """Its events come as they are put in."""

    def __init__(self) -> None:
        super().__init__((), PARTIES)
        self.coming: asyncio.Queue[MediaEvent] = asyncio.Queue()

    async def events(self) -> AsyncIterator[MediaEvent]:
        while True:
            event = await self.coming.get()
            yield event
            if isinstance(event, CallEnded):
                return


class Stage:
    """A live call that the test plays. An async context manager: inside it goes on, afterwards it has ended."""

    def __init__(
        self, writer: FakeWriter, words: dict[tuple[str, int], str] | None = None, knowledge: KnowledgeSearch = FITS
    ) -> None:
        self.sink = ToldSink()
        self._session = Directed()
        self.call = live_call(
            [],
            FakeEars(words or {("1", 0): NEED}),
            self.sink,
            session=lambda events, parties: self._session,
            knowledge=knowledge,
            answers=writer,
        )
        self._serving: asyncio.Task[None]

    async def __aenter__(self) -> "Stage":
        self._serving = asyncio.create_task(self.call.serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.happens(CallEnded(20_000, "bye"))
        await asyncio.wait_for(self._serving, 10)

    def happens(self, *events: MediaEvent) -> None:
        for event in events:
            self._session.coming.put_nowait(event)

    async def card(self) -> Suggestion:
        """The customer says what they need, and is shown a card for."""
        self.happens(*speech("1", 0, 0, 900, "started", "ended"))
        return await self.sink.told(Suggestion, lambda card: True)

    async def told(self, name: str) -> CallEvent:
        return await self.sink.told(CallEvent, lambda event: event.name == name)


def worded(facts: list[Fact]) -> list[CallEvent]:
    return [fact for fact in facts if isinstance(fact, CallEvent) and fact.name == "card.worded"]


async def test_the_card_is_there_before_the_answer_is_asked_for_and_is_worded_when_it_comes() -> None:
    writer = FakeWriter()
    async with Stage(writer) as stage:
        card = await stage.card()
        stage.happens(ClockTick(1_250))
        assert worded(stage.sink.facts) == []
        writer.go_on.set()
        event = await stage.told("card.worded")
    assert event.data == {
        "of": card.seq,
        "article": "restart-modem",
        "text": "Switch it off and on [1].",
        "sources": ({"number": 1, "article": "restart-modem", "title": "Restart it", "body": "Switch it off and on."},),
    }
    assert event.seq > card.seq
    [question] = writer.asked
    assert (question.text, question.language) == (NEED, "en")
    assert [passage.article for passage in question.passages] == ["restart-modem"]


async def test_words_and_the_end_of_the_call_wait_for_no_answer() -> None:
    writer = FakeWriter()
    async with Stage(writer, {("1", 0): NEED, ("2", 0): "let me see"}) as stage:
        await stage.card()
        stage.happens(*speech("2", 0, 1_000, 1_900, "started", "ended"))
        await stage.sink.told(Transcript, lambda said: said.text == "let me see")
    assert writer.given_up == 1
    assert worded(stage.sink.facts) == []
    last = stage.sink.facts[-1]
    assert isinstance(last, CallEvent)
    assert last.name == "call.ended"


async def _played(writer: FakeWriter) -> list[Fact]:
    async with Stage(writer, {("1", 0): NEED, ("2", 0): "let me see"}) as stage:
        await stage.card()
        writer.go_on.set()
        stage.happens(*speech("2", 0, 1_000, 1_900, "started", "ended"))
        await stage.sink.told(Transcript, lambda said: said.text == "let me see")
    return stage.sink.facts


async def test_an_answer_that_does_not_hold_or_a_writer_that_fails_leaves_the_passage() -> None:
    writers: list[Callable[[], FakeWriter]] = [lambda: FakeWriter(None), lambda: FakeWriter(fault=OSError("no server"))]
    for make in writers:
        facts = await _played(make())
        assert [fact.article for fact in facts if isinstance(fact, Suggestion)] == ["restart-modem"]
        assert worded(facts) == []


async def test_a_card_that_was_put_away_is_not_worded() -> None:
    writer = FakeWriter()
    async with Stage(writer) as stage:
        card = await stage.card()
        stage.call.command(AGENT, DeskCommand("card", "call-1", seq=card.seq, action="dismissed"))
        await stage.told("card.dismissed")
        writer.go_on.set()
    assert writer.given_up == 1
    assert worded(stage.sink.facts) == []


async def test_a_used_card_is_worded_all_the_same() -> None:
    writer = FakeWriter()
    async with Stage(writer) as stage:
        card = await stage.card()
        stage.call.command(AGENT, DeskCommand("card", "call-1", seq=card.seq, action="accepted"))
        await stage.told("card.accepted")
        writer.go_on.set()
        assert (await stage.told("card.worded")).data["of"] == card.seq


class TwoArticles:
    """One for the bill, one for all else."""

    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        article = "dispute" if "bill" in text else "restart-modem"
        return [Passage(article=article, title=article, body="", language="en", score=0.9)]


async def test_the_answer_to_an_earlier_card_is_given_up_for_that_to_the_next_one() -> None:
    writer = FakeWriter()
    words = {("1", 0): NEED, ("1", 1): "and why is my bill so high?"}
    async with Stage(writer, words, TwoArticles()) as stage:
        await stage.card()
        stage.happens(*speech("1", 1, 10_000, 12_000, "started", "ended"))
        second = await stage.sink.told(Suggestion, lambda card: card.article == "dispute")
        writer.go_on.set()
        assert (await stage.told("card.worded")).data["of"] == second.seq
    assert writer.given_up == 1
    assert len(worded(stage.sink.facts)) == 1


async def test_without_a_writer_nothing_is_asked_and_nothing_changes() -> None:
    asked = await _played(FakeWriter(None))
    sink = ToldSink()
    events: list[MediaEvent] = [*speech("1", 0, 0, 900, "started", "ended"), CallEnded(20_000 + QUIET_MS, "bye")]
    ears = FakeEars({("1", 0): NEED})
    await live_call(events, ears, sink, PARTIES, knowledge=OneArticle()).serve()
    cards = [[fact for fact in facts if isinstance(fact, Suggestion)] for facts in (asked, sink.facts)]
    assert cards[0] == cards[1]
