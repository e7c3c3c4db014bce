"""The card for the agent: a customer's need, the article that answers it, and the governor's word on whether and when
to show it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.facts import Fact, Leg, Suggestion
from engine.ports.intake import RoleDecision
from engine.ports.reading import KnowledgeSearch, Passage, Reading, TextReader
from engine.ports.writing import CardQuestion
from engine.tracing import NO_TRACES, Tracing
from pipelines.ledger import Ledger
from pipelines.suggest import ACTION_INTENTS, CARD_SCORE, HELPED, NEED, Choice, Governor, Refused
from pipelines.turn import Turn, Turns
from pipelines.voices import Speaking

JOINED_DOUBT = 2.7
"""By how much smaller the odds of what only two finals together suggest: most pauses end what was said, and two idle
turns side by side can sound like a need."""


class Reads(Protocol):
    """Runs the blocking text models off the event loop; see `TextReader.read`."""

    async def __call__(
        self, reader: TextReader, text: str, before: str, language: str, *, feelings: bool
    ) -> Reading: ...


class Searches(Protocol):
    """Runs the blocking search off the event loop; see `KnowledgeSearch.search`."""

    async def __call__(
        self, knowledge: KnowledgeSearch, text: str, vector: NDArray[np.float32], language: str
    ) -> Sequence[Passage]: ...


class _View(msgspec.Struct, frozen=True):
    """Words to search with."""

    text: str
    vector: NDArray[np.float32]


class _Need(msgspec.Struct, frozen=True):
    """Why a card may be called for, and what to search with: the turn, then the turn with the final before it."""

    trigger: str
    views: tuple[_View, ...]
    said: tuple[Turn, ...]
    """What the last of them is made of."""


class _Question(msgspec.Struct, frozen=True):
    """What a card is to answer. The turns' texts are read when it is shown: what they hold may be masked until then."""

    said: tuple[Turn, ...]
    language: str
    passages: tuple[Passage, ...]

    def asked(self) -> CardQuestion:
        return CardQuestion(" ".join(turn.text for turn in self.said), self.language, self.passages)


class _Waiting(msgspec.Struct, frozen=True):
    """A card for the agent's next pause, or for when the card before has been read."""

    turn: Turn
    leg: Leg
    passage: Passage
    choice: Choice
    question: _Question
    since_ms: int


class Cards:
    """One call's. Without `knowledge` there are none; with `voices` that hear nothing none has to wait for a pause.

    `decided` is told of every decision: `shown`, `waits`, or why not.
    """

    def __init__(
        self,
        *,
        knowledge: KnowledgeSearch | None,
        governor: Governor,
        ledger: Ledger,
        turns: Turns,
        reader: TextReader,
        reads: Reads,
        searches: Searches,
        language: str,
        voices: Speaking,
        decided: Callable[[str], None] = lambda decision: None,
        tracing: Tracing = NO_TRACES,
    ) -> None:
        self._knowledge = knowledge
        self._governor = governor
        self._ledger = ledger
        self._turns = turns
        self._reader = reader
        self._reads = reads
        self._searches = searches
        self._language = language
        self._voices = voices
        self._decided = decided
        self._tracing = tracing
        self._waiting: _Waiting | None = None
        self._asked: tuple[int, CardQuestion] | None = None
        """The newest card's `seq`, and what it answers."""
        self._shown: list[Suggestion] = []

    @property
    def wait(self) -> bool:
        """A card is there for the agent's pause, or for when the one before has been read."""
        return self._waiting is not None

    async def suggest(self, turn: Turn, reading: Reading, leg: Leg) -> list[Fact]:
        """A suggestion, or the event that says why what was found is not shown; nothing when nothing was called for, or
        when a card has to wait (`attend`)."""
        if self._knowledge is None or leg not in HELPED or not reading.vector.size:
            return []
        need = await self._need(turn, reading, leg)
        if not need.trigger:
            settled = self._governor.settled(leg, turn.text, reading)
            return self._let_go("resolved", turn.utterance.end_ms) if settled else []
        with self._tracing.span("search", turn=turn.turn) as span:
            passages = await self._search(self._knowledge, turn, need)
            span.note(passages=len(passages))
        said_ms = turn.utterance.end_ms
        now_ms = max(said_ms, self._voices.now_ms)
        speaking = self._voices.agent_speaks()
        choice = self._governor.choose(need.trigger, passages, now_ms, said_ms=said_ms, speaking=speaking)
        if choice.passage is None:
            self._decided(choice.refused)
            if need.trigger == NEED and choice.refused in ("low_confidence", "nothing_fits"):
                return []  # nothing called for a card, and nothing was found
            facts = self._let_go("overtaken", said_ms) if self._is_over(need) else []
            return [*facts, self._withheld(turn, leg, choice, choice.refused, said_ms)]
        question = self._question(turn, need, choice.passage, passages)
        since_ms = now_ms
        if self._waiting and self._waiting.passage.article == choice.passage.article:
            since_ms, self._waiting = self._waiting.since_ms, None  # asked for once more: it is as fresh as that
        facts = self._let_go("overtaken", said_ms)
        if choice.waits:
            self._decided("waits")
            self._waiting = _Waiting(turn, leg, choice.passage, choice, question, since_ms)
            return facts
        return [*facts, self._card(turn, leg, choice.trigger, choice.passage, question)]

    def attend(self, now_ms: int) -> list[Fact]:
        """It is `now_ms`, or later by the voices, or the agent has paused: the card that waits is shown, or is too old
        by now."""
        if self._waiting is None:
            return []
        waiting, now_ms = self._waiting, max(now_ms, self._voices.now_ms)
        said_ms = waiting.turn.utterance.end_ms
        match self._governor.after_waiting(said_ms, now_ms, speaking=self._voices.agent_speaks()):
            case "wait":
                return []
            case "stale":
                return self._let_go("stale", now_ms)
            case "show":
                self._waiting = None
                self._governor.shown(waiting.passage.article, now_ms)
                waited_ms = max(0, now_ms - waiting.since_ms)
                trigger, question = waiting.choice.trigger, waiting.question
                return [self._card(waiting.turn, waiting.leg, trigger, waiting.passage, question, waited_ms)]

    def role_changed(self, decision: RoleDecision, now_ms: int) -> list[Fact]:
        """A stream is somebody else's than was thought: what was no customer's need is taken back."""
        if decision.role in HELPED:
            return []
        of_stream = self._waiting is not None and self._waiting.turn.utterance.stream == decision.stream
        facts = self._let_go("role_changed", now_ms) if of_stream else []
        gone = [card for card in self._shown if card.stream == decision.stream]
        for card in gone:
            self._shown.remove(card)
            self._governor.forget(card.article)
        if gone:
            data = {"of": [card.seq for card in gone], "reason": "role_changed"}
            facts.append(self._ledger.event("withdrawn", now_ms, data))
        return facts

    def end(self, now_ms: int) -> list[Fact]:
        """The call is over: nobody waits for a card any more."""
        return self._let_go("call_ended", now_ms)

    def answered(self, action: str, article: str, now_ms: int) -> None:
        """What the agent did with a card: `accepted` or `dismissed`, or found it `wrong`."""
        self._governor.answered(action, article, now_ms)

    def question_of(self, seq: int) -> CardQuestion | None:
        """What the newest card answers, if it is that one."""
        return self._asked[1] if self._asked and self._asked[0] == seq else None

    async def _need(self, turn: Turn, reading: Reading, leg: Leg) -> "_Need":
        """The turn's own need, and that of the turn with the final before it when a pause cut a need in two."""
        views = [_View(turn.text, _vectors(reading))]
        trigger = self._governor.needs_help(leg, turn.text, reading)
        said: tuple[Turn, ...] = (turn,)
        if (first := self._turns.begun(turn)) and not self._governor.settled(leg, turn.text, reading):
            said = (first, turn)
            whole = f"{first.text} {turn.text}"
            read = await self._reads(self._reader, whole, "", turn.utterance.language, feelings=False)
            if read.vector.size:
                views.append(_View(whole, _vectors(read)))
            together = self._governor.needs_help(leg, whole, read)
            if trigger in ("", NEED) or together in ACTION_INTENTS:
                trigger = together or trigger
        return _Need(trigger, tuple(views), said)

    async def _search(self, knowledge: KnowledgeSearch, turn: Turn, need: "_Need") -> Sequence[Passage]:
        """Articles for the turn or for the whole need, each by its surer search. What an earlier card has served counts
        by the turn's own words alone, so that it does not stand before a new need."""
        language = self._language or turn.utterance.language
        found: dict[str, Passage] = {}
        for number, view in enumerate(need.views):
            for passage in await self._searches(knowledge, view.text, view.vector, language):
                known = found.get(passage.article)
                if number and self._governor.served(passage.article):
                    continue
                score = _doubted(passage.score) if number else passage.score
                if known is None or score > known.score:
                    found[passage.article] = msgspec.structs.replace(passage, score=score)
        return sorted(found.values(), key=lambda passage: (-passage.score, passage.article))

    def _question(self, turn: Turn, need: "_Need", best: Passage, passages: Sequence[Passage]) -> _Question:
        others = [one for one in passages if one.score >= CARD_SCORE and one.article != best.article]
        language = self._language or turn.utterance.language
        return _Question(need.said, language, (best, *others))

    def _is_over(self, need: "_Need") -> bool:
        """Whether the card that waits answers a need that the customer has given up: to be left alone is all they want
        now, and that card is not about it."""
        waiting = self._waiting
        return need.trigger in ACTION_INTENTS and waiting is not None and waiting.choice.trigger not in ACTION_INTENTS

    def _let_go(self, reason: Refused, at_ms: int) -> list[Fact]:
        """The card that waits, if there is one, is not shown any more."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return []
        self._decided(reason)
        choice = msgspec.structs.replace(waiting.choice, nearest=waiting.passage)
        return [self._withheld(waiting.turn, waiting.leg, choice, reason, at_ms)]

    def _withheld(self, turn: Turn, leg: Leg, choice: Choice, reason: Refused, at_ms: int) -> Fact:
        data: dict[str, Any] = {"turn": turn.turn, "trigger": choice.trigger, "reason": reason}
        if choice.nearest:
            data |= {
                "article": choice.nearest.article,
                "score": round(choice.nearest.score, 4),
                "bar": round(choice.bar, 4),
            }
        return self._ledger.event("card.withheld", at_ms, data, stream=turn.utterance.stream, leg=leg)

    def _card(
        self,
        turn: Turn,
        leg: Leg,
        trigger: str,
        passage: Passage,
        question: _Question,
        waited_ms: int | None = None,
    ) -> Fact:
        self._decided("shown")
        latency = None if waited_ms is None else {"agent_pause": float(waited_ms)}
        card = self._ledger.suggestion(
            turn.turn,
            article=passage.article,
            title=passage.title,
            body=passage.body,
            score=round(passage.score, 4),
            trigger=trigger,
            evidence=(turn.evidence(leg),),
            measured=self._ledger.measured_turn(turn, latency),
            **turn.place(leg),
        )
        self._asked = (card.seq, question.asked())
        self._shown.append(card)
        return card


def _doubted(score: float) -> float:
    return score / (score + JOINED_DOUBT * (1 - score))


def _vectors(reading: Reading) -> NDArray[np.float32]:
    return reading.vector if reading.views is None else reading.views
