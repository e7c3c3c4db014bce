"""A scripted call that is noted: digits over turns, a card that waits, roles that come late, a hold, and facts of other
parts of the call in between."""

import contextlib
import datetime
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.facts import CallEvent, Fact, Leg, SpeechSegment
from engine.ports.intake import RoleDecision
from engine.ports.reading import UNFELT, Passage, Reading, Scored, SpokenAct
from models.compliance import CallContext, Metadata, load_detectors, load_rules
from models.playbooks import bundled_playbooks, playbook_for
from models.review import bundled_forms, form_for
from pipelines import notes
from pipelines.as_it_was import Tools
from pipelines.conversations import conversation_of
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.setup import Setup
from pipelines.understand import read_here, search_here
from pipelines.utterance import Utterance
from pipelines.voices import Voices

AT = datetime.datetime(2026, 11, 24, 15, 0, tzinfo=datetime.UTC)
SETUP = Setup(
    call_id="call-1",
    context=CallContext(
        country="US", region="CA", campaign="collections", direction="outbound", language="en", day=AT.date(),
        metadata=Metadata(at=AT, zones=("America/Los_Angeles",), retention_days=30),
    ),
    guard_key=b"k" * 32,
    agent_sentiment=False,
    searches=True,
    form=form_for(bundled_forms(), "collections"),
    playbook=playbook_for(bundled_playbooks(), "collections"),
)  # fmt: skip
FAILS = "The reader fails here."


def tools() -> Tools:
    return Tools(load_rules(), load_detectors(), bundled_forms())


class Moody:
    """Reads something else in each text, as the models would: nothing of it can be guessed from the words alone."""

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        if text == FAILS:
            raise RuntimeError("no model")
        number = sum(text.encode()) + len(before)
        views = np.random.default_rng(number).random((3, 512), np.float32)
        mood = ("negative", "neutral", "positive")[number % 3]
        chance = float(np.float64(number % 97) / 97)
        acts = (SpokenAct("recording_notice", 0.9),) if "recorded" in text else ()
        intents = (Scored("billing_dispute", chance),) if "bill" in text else ()
        felt = Scored(mood, chance, chance / 2) if feelings else UNFELT
        return Reading(views[0], felt, intents, acts, 1.5, frozenset({"opt_out"}), views)


class Shelf:
    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        score = 0.9 if "bill" in text else 0.1
        return (
            Passage("bills", "Bills", "How bills are read.", "en", score),
            Passage("other", "Other", "…", "en", 0.05),
        )


class NotedCall:
    """What was noted of it, and the facts that were made."""

    def __init__(self) -> None:
        self.notes: list[notes.Note] = [notes.Began("1.0", SETUP)]
        self.facts: list[Fact] = []
        self.elsewhere: list[Fact] = []
        """Made by other parts of the call."""
        self.ledger, roster = Ledger("call-1", lambda: 1_000.0), Roster()
        self.voices = Voices(roster)
        self.conversation = conversation_of(
            SETUP, load_rules(), load_detectors(), ledger=self.ledger, roster=roster, reader=Moody(), reads=read_here,
            searches=search_here, knowledge=Shelf(), voices=self.voices, clock_ms=lambda: 1_000.0,
            take=self.notes.append,
        )  # fmt: skip

    async def say(self, stream: str, start_ms: int, text: str) -> None:
        self.tick(start_ms)
        said = Utterance(
            stream=stream, leg="unknown", start_ms=start_ms, end_ms=start_ms + 2_000, text=text, language="en",
            confidence=0.9, heard=5_000.0 + start_ms, ears_ms=3.0,
        )  # fmt: skip
        async for facts in self.conversation.hear(said):
            self.facts += facts
            self.other("recording.paused")  # numbered while the turn is still being understood

    def tick(self, at_ms: int) -> None:
        self.voices.tick(at_ms)
        self.facts += self.conversation.tick(at_ms)

    def agent(self, at_ms: int, *, speaks: bool) -> None:
        self.voices.hear(SpeechSegment("a", 9, "started" if speaks else "paused", at_ms, at_ms))

    def roles(self, at_ms: int, **legs: Leg) -> None:
        decisions = [RoleDecision(stream, leg, "position", 0.7) for stream, leg in legs.items()]
        self.facts += self.conversation.decide_roles(decisions, at_ms)

    def other(self, name: str) -> CallEvent:
        event = self.ledger.event(name, 0, {"what": "words"})  # type: ignore[arg-type]
        self.elsewhere.append(event)
        return event

    def stored(self) -> dict[int, Fact]:
        return {fact.seq: msgspec.convert(msgspec.to_builtins(fact), Fact) for fact in [*self.facts, *self.elsewhere]}


async def noted_call() -> NotedCall:
    call = NotedCall()
    call.other("call.answered")
    call.roles(0, a="customer", c="agent")
    call.facts += call.conversation.speak("en", 0)
    await call.say("a", 1_000, "Good morning, this call may be recorded, this is Ana Perez from Acme Collections.")
    call.facts += call.conversation.noticed(call.other("notice.played"))
    await call.say("c", 5_000, "Hello, what is this bill about?")
    call.roles(8_000, a="agent", c="customer")  # it was the other way round
    call.agent(9_000, speaks=True)
    await call.say("c", 9_000, "I do not understand this bill at all, what is it for?")
    call.agent(12_000, speaks=False)
    call.tick(12_250)  # the card that waited
    call.conversation.answered_card("dismissed", "bills", 13_000)
    await call.say("c", 13_500, "And this bill here, is it the same bill once more?")
    await call.say("a", 16_000, "Could you read me your card number, please?")
    await call.say("c", 18_500, "four five three nine one four eight eight")
    await call.say("c", 21_000, "zero three four three six four six seven")
    with contextlib.suppress(RuntimeError):
        await call.say("c", 23_500, FAILS)
    call.conversation.unheard("a", 25_600, 25_900, lost=True)
    call.conversation.held(26_000)
    call.tick(60_000)
    call.conversation.resumed(61_000)
    call.tick(90_000)
    await call.say("c", 91_000, "I will pay on Friday, and please stop calling me.")
    call.facts += call.conversation.end(100_000, cut_off=True)
    return call
