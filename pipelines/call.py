"""One live call: one task group that owns everything of it.

Two tasks: one reads the media events and starts listening jobs, the other commits what they bring **in the order in
which speech ended**, so that rules, digits and facts see the call as it was spoken, whatever `ears` finished first. The
audio clock runs through the same queue: a deadline is judged only when every word before it has been.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
import structlog

from engine.errors import EarsClosed, NotFound
from engine.facts import EventName, Fact, Suggestion
from engine.ports.desk import DeskCommand, Person
from engine.ports.hearing import Ears
from engine.ports.intake import (
    CallEnded,
    ClockTick,
    FactReader,
    IngestSession,
    MediaNotice,
    Participant,
    ParticipantsChanged,
    RoleDecision,
)
from engine.ports.storage import CallRecord, FactSink
from engine.ports.writing import AnswerWriter, SummaryWriter
from engine.tracing import NO_TRACES, Tracing
from models.languages import OURS
from models.vocabulary import NO_VOCABULARY, Corrector
from pipelines.acknowledgements import Acknowledgements
from pipelines.assignment import Assignment
from pipelines.call_queue import CallQueue, Command, EarsNotice, Item, TapeNotice
from pipelines.card_wording import CardWording, WordedCard
from pipelines.conversation import Conversation
from pipelines.drafting import Drafting
from pipelines.ending import Ending
from pipelines.judgeable import Judgeable
from pipelines.lane import Drafted, Finished
from pipelines.ledger import Ledger
from pipelines.listener import Listener
from pipelines.notebook import Notebook
from pipelines.notes import program_version
from pipelines.spoken import Spoken
from pipelines.summary_wording import WORDING_S, SummaryWording
from pipelines.tape import Tape
from pipelines.transcribe import Transcriber
from pipelines.utterance import Utterance
from pipelines.voices import Voices
from pipelines.word_times import placed

log = structlog.get_logger(__name__)

Decide = Callable[[Sequence[Participant]], list[RoleDecision]]
CARD_EVENTS: dict[str, EventName] = {
    "accepted": "card.accepted",
    "dismissed": "card.dismissed",
    "wrong": "card.wrong",
}


class LiveCall:
    """Serves one call from answer to end. `record` is replaced, never edited, as the call changes hands."""

    def __init__(
        self,
        *,
        session: IngestSession,
        record: CallRecord,
        ledger: Ledger,
        conversation: Conversation,
        ears: Ears,
        sink: FactSink,
        decide_roles: Decide,
        name_of: Callable[[str], str],
        clock_ms: Callable[[], float],
        wall_clock: Callable[[], float],
        corrector: Corrector = NO_VOCABULARY,
        tape: Tape | None = None,
        drafts: bool = True,
        on_shown: Callable[[str, float], None] = lambda kind, ms: None,
        tracing: Tracing = NO_TRACES,
        writer: SummaryWriter | None = None,
        wording_s: float = WORDING_S,
        answers: AnswerWriter | None = None,
        voices: Voices | None = None,
        notebook: Notebook | None = None,
        segment: Literal["opening", "mid"] = "opening",
    ) -> None:
        """Without a `writer`, or after `wording_s` without its answer, the wrap-up's summary stands in the call's own
        words; without `answers` a card is its passage. `voices` are the conversation's own, told of by this call;
        `notebook` is the one that the conversation's notes go to, if any do. `segment` is where the call is when it is
        answered."""
        self.record = record
        self._session = session
        self._ledger = ledger
        self._conversation = conversation
        self._ears = ears
        self._sink = sink
        self._decide_roles = decide_roles
        self._name_of = name_of
        self._corrector = corrector
        self._drafting = Drafting(record.call_id, conversation.guard, clock_ms)
        self._acknowledgements = Acknowledgements(on_shown)
        self._judgeable = Judgeable()
        self._spoken = Spoken(record.language)
        self._wall_clock = wall_clock
        self.tape = tape
        """None: the call is not recorded."""
        self._drafts = drafts
        self._tracing = tracing
        self._queue = CallQueue(record.call_id)
        self._listener = Listener(session, self._queue, conversation, voices or Voices(conversation.roster), tape)
        self._ending = Ending(
            ledger=ledger,
            conversation=conversation,
            queue=self._queue,
            tape=tape,
            wording=SummaryWording(writer, wording_s),
            publish=self._publish,
            commit_late=self._commit_late,
        )
        self._card_wording = CardWording(answers, self._queue.offer) if answers else None
        self._notebook = notebook
        self._segment = segment
        self._assignment = Assignment(record.agent_id)
        self._opened = False
        self._over = False
        """Nothing that people do reaches it any more."""

    async def serve(self) -> None:
        """Returns when the call has ended and everything said in it is committed."""
        record = self.record
        about = {"protocol": record.protocol, "direction": record.direction}
        with self._tracing.span("call", call_id=record.call_id, country=record.country, **about) as span:
            try:
                await self._serve()
            finally:
                if self._notebook:
                    await self._notebook.end()
            span.note(reason=self.record.end_reason)

    async def fail(self) -> None:
        """After a `serve` that failed: the call is over for everybody, as far as it got. Does nothing for a call that
        was never opened, or has ended."""
        if self._opened and not self.record.ended_at:
            await self._end(CallEnded(self._listener.now_ms, "error"))

    async def _serve(self) -> None:
        await self._sink.opened(self.record)
        self._opened = True
        if self._notebook:
            self._notebook.begin(self.record)
        offer = self._session.offer
        answered = {
            "protocol": offer.protocol,
            "peer": offer.peer,
            "correlation": offer.correlation,
            "duties": self._conversation.duties(),
            "segment": self._segment,
            "program": program_version(),
        }
        await self._publish([self._ledger.event("call.answered", 0, answered)])
        await self._apply_roles(offer.participants, 0)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._commit())
                group.create_task(self._listen(group))
                if self.tape:
                    group.create_task(self.tape.run(self.record, self._tape_says))
        except* EarsClosed:
            log.info("call.cut_short", call_id=self.record.call_id)
        finally:
            self._ears.forget(self.record.call_id)
            if self._card_wording:
                await self._card_wording.end()

    def command(self, person: Person, command: DeskCommand) -> None:
        """An acknowledgement is taken at once; what makes a fact waits its turn. Never blocks. Raises `Overloaded` when
        too much waits, `NotFound` when the call is over."""
        if self._over:
            raise NotFound("no such live call")
        if command.name == "shown":
            self._acknowledgements.take(command)
        else:
            self._queue.offer(Command(person, command, self._listener.now_ms))

    def may_be_claimed_by(self, person: Person) -> bool:
        return self._assignment.may_claim(person.user_id, self.record.agent_id)

    def ears_changed(self, up: bool) -> None:
        """Recognition is lost or back: the desk is told, since words will be late."""
        self._queue.offer(EarsNotice(up))

    def _tape_says(self, name: EventName, at_ms: int, data: dict[str, Any]) -> None:
        self._queue.offer(TapeNotice(name, at_ms, data))

    # ─── listening ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _listen(self, group: asyncio.TaskGroup) -> None:
        transcriber = Transcriber(
            self._session,
            self._ears,
            language=self.record.language,
            drafts=self._drafts,
            group=group,
            draft=self._show_draft,
            capturing=lambda: self._conversation.capturing,
            reading=lambda: self._conversation.reading,
            may_break_off=self._conversation.guard.may_break_off,
            prompt=self._corrector.prompt,
            tracing=self._tracing,
        )
        await self._listener.listen(transcriber)

    def _show_draft(self, drafted: Drafted) -> None:
        heard = self._session.monotonic_ms(drafted.stream, drafted.end_ms)
        draft = self._drafting.draft(drafted, self._conversation.roster.leg(drafted.stream), heard)
        self._acknowledgements.expect_draft(draft, heard)
        self._sink.draft(self.record, draft)

    # ─── committing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _commit(self) -> None:
        """Item by item. A fault in one costs what that item would have said, never the call."""
        ended = False
        while not ended:
            item = await self._queue.get()
            try:
                ended = await self._commit_item(item)
            except (EarsClosed, asyncio.CancelledError):
                raise
            except Exception:
                log.exception("call.fault", call_id=self.record.call_id, item=type(item).__name__)
                if ended := isinstance(item, CallEnded):
                    await self._end(item)

    async def _commit_item(self, item: Item) -> bool:
        """Whether it was the last."""
        match item:
            case asyncio.Task():
                final = await item
                try:
                    await self._commit_final(final)
                except Exception:
                    self._conversation.unjudged(final.stream, final.start_ms, final.end_ms)
                    raise
            case ClockTick(at_ms=at_ms):
                await self._publish(self._conversation.tick(at_ms))
                if self.tape:
                    capturing = self._conversation.capturing
                    await self._publish(self.tape.judged(at_ms, self._conversation.withheld(), capturing=capturing))
            case ParticipantsChanged(at_ms=at_ms, participants=participants):
                if self.tape:
                    self.tape.heard_of([participant.stream for participant in participants])
                await self._apply_roles(participants, at_ms)
            case MediaNotice():
                self._hold(item)
                leg = self._conversation.roster.leg(item.stream)
                event = self._ledger.event(item.name, item.at_ms, item.data, stream=item.stream, leg=leg)
                await self._publish([event, *self._conversation.noticed(event)])
            case EarsNotice(up=up):
                await self._publish([self._ledger.event("ears.back" if up else "ears.lost", self._listener.now_ms)])
            case TapeNotice(name=name, at_ms=at_ms, data=data):
                await self._publish([self._ledger.event(name, at_ms, data)])
            case WordedCard():
                await self._publish([self._ledger.event("card.worded", self._listener.now_ms, item.data())])
            case Command(person=person, command=command, at_ms=at_ms):
                await self._obey(person, command, at_ms)
            case CallEnded():
                await self._ending.sum_up(item, self.record)
                await self._end(item)
                return True
        return False

    def _hold(self, notice: MediaNotice) -> None:
        if notice.name == "call.held":
            self._conversation.held(notice.at_ms)
        elif notice.name == "call.resumed":
            self._conversation.resumed(notice.at_ms)

    async def _commit_final(self, final: Finished) -> None:
        if final.heard.shed:
            data = {"what": "final", "reason": final.heard.shed}
            leg = self._conversation.roster.leg(final.stream)
            shed = self._ledger.event("load.shed", final.end_ms, data, stream=final.stream, leg=leg)
            await self._publish([msgspec.structs.replace(shed, start_ms=final.start_ms)])
        words = bool(final.heard.text.strip())
        if final.heard.shed or not words:
            self._conversation.unheard(final.stream, final.start_ms, final.end_ms, lost=bool(final.heard.shed))
        if not words:
            self._sink.draft(self.record, self._drafting.nothing(final, self._conversation.roster.leg(final.stream)))
            return
        await self._tell_language(final)
        heard = final.heard
        text, corrections = self._corrector.correct(heard.text.strip(), heard.language, heard.confidence)
        utterance = Utterance(
            stream=final.stream,
            leg=self._conversation.roster.leg(final.stream),
            start_ms=final.start_ms,
            end_ms=final.end_ms,
            text=text,
            corrections=corrections,
            words=placed(heard.words, final.start_ms, corrections, len(heard.text) - len(heard.text.lstrip())),
            language=final.heard.language,
            confidence=final.heard.confidence,
            heard=final.heard_at,
            ears_ms=final.waited_ms,
        )
        async for facts in self._conversation.hear(utterance):
            await self._publish(facts)

    async def _tell_language(self, final: Finished) -> None:
        if decided := self._spoken.decided(final):
            steps: list[Fact] = []
            if not self.record.language and decided["language"] in OURS:
                await self._change(language=decided["language"])
                steps = self._conversation.speak(self.record.language, final.end_ms)
                decided["duties"] = self._conversation.duties()
            leg = self._conversation.roster.leg(final.stream)
            fact = self._ledger.event("language.decided", final.end_ms, decided, stream=final.stream, leg=leg)
            await self._publish([fact, *steps])

    async def _apply_roles(self, participants: Sequence[Participant], at_ms: int) -> None:
        decided = self._decide_roles(participants)
        await self._publish(self._conversation.decide_roles(decided, at_ms))
        if agent := self._assignment.moves_to(self.record.agent_id, decided, participants):
            await self._change(agent_id=agent, agent_name=self._name_of(agent))

    async def _obey(self, person: Person, command: DeskCommand, at_ms: int) -> None:
        if command.name == "claim":
            if not self.may_be_claimed_by(person):
                return  # somebody else was quicker
            self._assignment.claim()
            await self._change(agent_id=person.user_id, agent_name=person.name)
            await self._publish([self._ledger.event("call.claimed", self._listener.now_ms, {"by": person.user_id})])
        elif command.name in ("pause", "resume") and self.tape:
            await self._publish(self.tape.press(command.name, person, at_ms))
        elif command.name == "card" and (name := CARD_EVENTS.get(command.action)):
            if (answered := self._judgeable.card(person, command)) is None:
                return
            self._conversation.answered_card(command.action, answered["article"], at_ms)
            if self._card_wording and command.action != "accepted":
                self._card_wording.put_away(command.seq)
            await self._publish([self._ledger.event(name, self._listener.now_ms, answered)])
        elif command.name == "judge" and (judged := self._judgeable.alert(person, command)):
            event = self._ledger.event("alert.judged", self._listener.now_ms, judged)
            await self._publish([event, *self._conversation.noticed(event)])

    async def _end(self, ended: CallEnded) -> None:
        """The row is closed whatever could be told before."""
        self._over = True
        reason = await self._ending.close(ended, self.record)
        await self._change(ended_at=self._wall_clock(), end_reason=reason)

    async def _commit_late(self, item: Item) -> None:
        """Of what comes when the call has ended, what became of its recording counts, and what people did: they go on
        judging and claiming just after they hung up."""
        try:
            match item:
                case Command(person=person, command=command, at_ms=at_ms):
                    await self._obey(person, command, at_ms)
                case TapeNotice(name="recording.failed" | "recording.silenced"):
                    await self._commit_item(item)
        except Exception:
            log.exception("call.fault", call_id=self.record.call_id, item=type(item).__name__)

    async def _change(self, **fields: object) -> None:
        changed = msgspec.structs.replace(self.record, **fields)
        await self._sink.changed(changed)
        self.record = changed

    async def _publish(self, facts: Sequence[Fact]) -> None:
        if not facts:
            return
        if self.tape:
            facts = [*facts, *self.tape.follow(facts)]
        for fact in facts:
            self._acknowledgements.expect(fact)
            self._judgeable.follow(fact)
        with self._tracing.span("commit", facts=len(facts)):
            await self._sink.publish(self.record, facts, self._conversation.tokens_of(facts))
        if isinstance(self._session, FactReader):
            self._session.told(facts)
        self._have_worded(facts)

    def _have_worded(self, facts: Sequence[Fact]) -> None:
        """A card is on its way to the desk: only now is its answer asked for, and nothing waits for that."""
        if self._card_wording is None:
            return
        for card in facts:
            if isinstance(card, Suggestion) and (question := self._conversation.question_of(card.seq)):
                self._card_wording.begin(card, question)
