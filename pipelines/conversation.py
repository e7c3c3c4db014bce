"""What a call means: finals and the audio clock go in, facts come out.

One `Conversation` a call, fed by a live call, by a recording or by a transcript alike; nothing in it knows which. It
keeps the order that the law of digits asks for: words are redacted (`digit_hold`) before anything else sees them, then
read by the text models (`temper`), judged by the rules (`compliance_watch`), only then may an article be suggested
(`cards`) and the campaign's playbook move on (`playbook_watch`), and last of all the call is measured, scored and
wrapped up (`review`).
"""

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import structlog

from engine.facts import CallEvent, Fact, Leg
from engine.ports.intake import RoleDecision
from engine.ports.reading import KnowledgeSearch, Reading, TextReader
from engine.ports.writing import CardQuestion
from engine.tokens import Token
from engine.tracing import NO_TRACES, Tracing
from models.compliance import Judge
from models.privacy import DigitGuard, Judged
from pipelines.cards import Cards, Reads, Searches
from pipelines.compliance_watch import ComplianceWatch
from pipelines.digit_hold import DigitHold
from pipelines.ledger import Ledger
from pipelines.playbook_watch import PlaybookWatch
from pipelines.review import Review
from pipelines.roster import Roster, role_decided
from pipelines.suggest import Governor
from pipelines.temper import Temper
from pipelines.turn import Turn, Turns
from pipelines.understand import search_here
from pipelines.utterance import Utterance
from pipelines.voices import Speaking, Voices
from pipelines.withheld import Withheld

log = structlog.get_logger(__name__)


class Conversation:
    """One call's state of understanding. Not thread-safe: one task drives it.

    Each method gives the facts that it made, in order of `seq`; the caller publishes them in that order.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        roster: Roster,
        guard: DigitGuard,
        judge: Judge,
        reader: TextReader,
        reads: Reads,
        searches: Searches = search_here,
        knowledge: KnowledgeSearch | None,
        governor: Governor,
        language: str,
        country: str = "",
        clock_ms: Callable[[], float],
        tracing: Tracing = NO_TRACES,
        review: Review | None = None,
        voices: Speaking | None = None,
        decided: Callable[[str], None] = lambda decision: None,
        playbook: PlaybookWatch | None = None,
        agent_sentiment: bool = True,
        keeps_tokens: bool = False,
    ) -> None:
        """Without a `review` the call is neither measured nor scored nor wrapped up; without `voices` (nobody is there
        whom it could disturb) no card waits for a pause. `decided` is told of every decision about a card. Without a
        `playbook` no step is shown; without `agent_sentiment` nothing is read of the agent's feelings. With
        `keeps_tokens` what is masked may be read again, by `tokens_of`."""
        self._ledger = ledger
        self.roster = roster
        self.guard = guard
        self._country = country
        self._reader = reader
        self._reads = reads
        self._clock_ms = clock_ms
        self._tracing = tracing
        self._review = review
        self._playbook = playbook
        self._turns = Turns()
        self._digits = DigitHold(guard, ledger, roster, self._turns, country, keeps_tokens=keeps_tokens)
        self._temper = Temper(ledger, agents=agent_sentiment)
        self._watch = ComplianceWatch(judge, ledger, roster, self._turns)
        self._cards = Cards(
            knowledge=knowledge,
            governor=governor,
            ledger=ledger,
            turns=self._turns,
            reader=reader,
            reads=reads,
            searches=searches,
            language=language,
            voices=voices or Voices(roster),
            decided=decided,
            tracing=tracing,
        )

    @property
    def capturing(self) -> bool:
        """Whether a card's number is being read now: `ears` then leaves repetitions alone."""
        return self._digits.capturing

    @property
    def reading(self) -> bool:
        """Whether any number is, or letters one by one: a pause is then likely to be one between groups."""
        return self._digits.reading

    async def hear(self, utterance: Utterance) -> AsyncIterator[list[Fact]]:
        """A final came. Yields the transcript at once, then what was read in it, so that words never wait for
        models."""
        leg = self.roster.leg_of(utterance)
        transcribed = self._clock_ms()
        number = utterance.turn if utterance.turn is not None else self._ledger.next_seq()
        judged = self._digits.hear(utterance, number)
        shown = judged.texts[0]
        turn = Turn(utterance, number, shown.text, shown.masks, transcribed)
        self._turns.remember(turn)
        facts: list[Fact] = [self._transcript(turn, leg)]
        facts += self._digits.settle_texts(judged.texts[1:])
        facts += self._digits.watch_capture(judged, utterance.end_ms)
        self._seen(facts)
        yield facts
        reading = turn.reading = await self._read(turn, leg)
        facts = self._digits.find(judged.entities)
        facts += self._temper.facts_of(turn, reading, leg)
        with self._tracing.span("judge", turn=turn.turn) as span:
            alerts = self._watch.hear(turn, judged)
            span.note(verdicts=len(alerts))
        self._seen(facts + alerts)
        yield facts + alerts
        if suggested := await self._cards.suggest(turn, reading, leg):
            yield suggested
        if self._playbook and (moved := self._playbook.hear(turn, reading)):
            yield moved
        if self._review and (reviewed := self._review.hear(turn, reading, leg)):
            yield reviewed

    def unheard(self, stream: str, start_ms: int, end_ms: int, *, lost: bool) -> None:
        """Speech of which no words came; `lost`: though there may have been some."""
        if lost:
            self._watch.lost(stream, start_ms)
            self.unjudged(stream, start_ms, end_ms)
        if self._review:
            self._review.unheard(stream, start_ms, end_ms, lost=lost)

    def unjudged(self, stream: str, start_ms: int, end_ms: int) -> None:
        """See `DigitHold`."""
        self._digits.unjudged(stream, start_ms, end_ms)

    def tick(self, now_ms: int) -> list[Fact]:
        """Everything said before `now_ms` has been heard: deadlines fall due."""
        facts = self._judged_late(self.guard.tick(now_ms), now_ms) + self._watch.tick(now_ms)
        self._seen(facts)
        reviewed = self._review.tick(now_ms) if self._review else []
        return facts + reviewed + self._cards.attend(now_ms) + self._moved(reviewed, now_ms)

    def held(self, at_ms: int) -> None:
        """The call is on hold: silence is nobody's, and nothing can be said in time."""
        self._watch.held(at_ms)
        if self._review:
            self._review.held(at_ms)

    def resumed(self, at_ms: int) -> None:
        self._watch.resumed(at_ms)
        if self._review:
            self._review.resumed(at_ms)

    def decide_roles(self, decisions: Sequence[RoleDecision], now_ms: int) -> list[Fact]:
        """Roles were decided, perhaps again: what was said is judged anew, what no longer holds is withdrawn, and what
        the customer wanted is told."""
        changed = self.roster.decide(decisions)
        facts: list[Fact] = [role_decided(self._ledger, decision, now_ms) for decision in changed]
        if changed:
            facts += self._temper.roles_changed(changed, self._turns, now_ms)
            facts += self._watch.roles_changed(changed, now_ms)
        for decision in changed:
            facts += self._cards.role_changed(decision, now_ms)
        self._seen(facts)
        if self._playbook:
            facts += self._playbook.roles_changed(now_ms) if changed else self._playbook.tell(now_ms)
        return facts

    def speak(self, language: str, now_ms: int) -> list[Fact]:
        """A call whose campaign names no language is held in this one: alerts, steps and items are read in it."""
        self._watch.speak(language)
        if self._review:
            self._review.speak(language)
        return self._playbook.speak(language, now_ms) if self._playbook else []

    def end(self, now_ms: int, *, cut_off: bool = False) -> list[Fact]:
        """The call is over: open runs are judged, duties that never came are said, and the call is summed up.
        `cut_off`: it may have gone on unheard, and what was not done up to here is not held against anybody."""
        facts = self._judged_late(self.guard.close(), now_ms) + self._watch.end(now_ms, cut_off=cut_off)
        self._seen(facts)
        return facts + self._moved((), now_ms) + self._cards.end(now_ms) + self._summed_up(now_ms, cut_off)

    def noticed(self, event: CallEvent) -> list[Fact]:
        """What happened to the call beside its words: music fills a silence, words that were played to its far end may
        be owed ones, and an alert that was judged may be held against nobody any more."""
        if self._review and event.name in ("music.started", "music.ended"):
            self._review.music(event.stream, event.start_ms, plays=event.name == "music.started")
        if event.name == "alert.judged":
            self._seen([event])
        played = event.name == "notice.played" and event.data["what"] == "words"
        return self._watch.noticed(event) if played else []

    def duties(self) -> list[dict[str, str]]:
        """What the call owes from its start, for the desk's checklist."""
        return self._watch.duties()

    def withheld(self) -> Withheld:
        """What a recording must not hold, as far as it is known now. Spans are given once."""
        return self._digits.withheld()

    @property
    def card_waits(self) -> bool:
        """A card is there, for the agent's pause or until the one before is read: the next `tick` then shows it."""
        return self._cards.wait

    def question_of(self, seq: int) -> CardQuestion | None:
        """What the newest card answers, if `seq` is that card's."""
        question = self._cards.question_of(seq)
        return msgspec.structs.replace(question, names=self.names) if question else None

    @property
    def names(self) -> tuple[str, ...]:
        """Those that people gave in the call: facts say where they are, never what they are."""
        return self._digits.names

    def tokens_of(self, facts: Sequence[Fact]) -> list[Token]:
        """What the entities among these facts were, for the store alone. Each is given once."""
        return self._digits.tokens_of(facts)

    def answered_card(self, action: str, article: str, now_ms: int) -> None:
        self._cards.answered(action, article, now_ms)

    def _seen(self, facts: Sequence[Fact]) -> None:
        if self._review:
            self._review.saw(facts)
        if self._playbook:
            self._playbook.saw(facts)

    def _moved(self, reviewed: Sequence[Fact], now_ms: int) -> list[Fact]:
        """A silence that lasts, or what was understood late, may call for a step."""
        if not self._playbook:
            return []
        self._playbook.saw(reviewed)
        return self._playbook.tell(now_ms)

    def _summed_up(self, now_ms: int, cut_off: bool) -> list[Fact]:
        try:
            return self._review.end(now_ms, cut_off=cut_off) if self._review else []
        except Exception:
            log.exception("review.fault")  # a call without a wrap-up has ended all the same
            return []

    async def _read(self, turn: Turn, leg: Leg) -> Reading:
        begun = self._turns.begun(turn)
        language = turn.utterance.language
        with self._tracing.span("read", turn=turn.turn, language=language):
            before = begun.text if begun else ""
            feelings = self._temper.is_felt(leg)
            reading = await self._reads(self._reader, turn.text, before, language, feelings=feelings)
        return reading if begun is None or begun.reading is None else gone_on(reading, begun.reading)

    def _transcript(self, turn: Turn, leg: Leg) -> Fact:
        said = turn.utterance
        measured = self._ledger.measured(said.heard, None, {"ears": round(said.ears_ms, 1)} if said.ears_ms else None)
        return self._ledger.transcript(
            said.turn,
            turn.turn if said.turn is None else None,
            text=turn.text,
            **turn.display(self._country),
            corrected=turn.corrected(),
            language=said.language,
            confidence=round(said.confidence, 4),
            measured=measured,
            **turn.place(leg),
        )

    def _judged_late(self, judged: Judged | None, now_ms: int) -> list[Fact]:
        """Digits were judged without a new turn."""
        if not judged:
            return []
        facts = self._digits.settle_texts(judged.texts)
        facts += self._digits.watch_capture(judged, now_ms)
        facts += self._digits.find(judged.entities)
        return facts + self._watch.settle(judged)


def gone_on(reading: Reading, begun: Reading) -> Reading:
    """Without the acts that only the words before perform: those were heard there."""
    known = {act.label for act in begun.acts}
    acts = tuple(act for act in reading.acts if act.part >= 0 or act.label not in known)
    return msgspec.structs.replace(reading, acts=acts)
