"""What a call means: finals and the audio clock go in, facts come out.

One `Conversation` a call, fed by a live call, by a recording or by a transcript alike; nothing in it knows which. It
keeps the order that the law of digits asks for: words are redacted before anything else sees them, then read by the
text models, judged by the rules, and only then may an article be suggested.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from engine.facts import Evidence, Fact, Insight, Leg, Measured
from engine.ports import KnowledgeSearch, Passage, Reading, RoleDecision, TextReader
from models.compliance import EntityRef, Judge, JudgedTurn, Verdict
from models.mood import Mood
from models.privacy import DigitGuard, Entity, Judged, Mask, SpokenTurn, TurnText
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.utterance import Utterance

TURNS_KEPT = 400
"""Turns whose texts and readings stay in memory for late judgements; older ones are settled long since."""


JOIN_MS = 2_000
"""A speaker who goes on within this pause is still on the same need."""


class Reads(Protocol):
    """Runs the blocking text models off the event loop."""

    async def __call__(self, reader: TextReader, text: str, before: str, language: str) -> Reading: ...


class _Turn(msgspec.Struct):
    """A turn as judged so far."""

    utterance: Utterance
    turn: int
    text: str
    masks: tuple[Mask, ...]
    entities: tuple[EntityRef, ...]
    reading: Reading | None
    transcribed: float


def breakpoints(masks: Sequence[Mask]) -> tuple[tuple[int, int], ...]:
    """Pairs (position in the masked text, position in the spoken text) between which both run alike, for
    `JudgedTurn`."""
    pairs = [(0, 0)]
    shift = 0
    for mask in masks:
        shown_start = mask.start + shift
        shown_end = shown_start + len(mask.label) + 2
        pairs += [(shown_start, mask.start), (shown_end, mask.end)]
        shift = shown_end - mask.end
    return tuple(pairs)


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
        knowledge: KnowledgeSearch | None,
        governor: Governor,
        language: str,
        clock_ms: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self.roster = roster
        self.guard = guard
        self._judge = judge
        self._reader = reader
        self._reads = reads
        self._knowledge = knowledge
        self._governor = governor
        self._language = language
        self._clock_ms = clock_ms
        self._mood = Mood()
        self._turns: dict[int, _Turn] = {}
        self._alerts: dict[str, list[int]] = {}
        self.capturing = False
        """Whether a number is being read now: `ears` then leaves repetitions alone."""

    async def hear(self, utterance: Utterance) -> AsyncIterator[list[Fact]]:
        """A final came. Yields the transcript at once, then what was read in it, so that words never wait for
        models."""
        leg = self.roster.leg(utterance.stream)
        leg = utterance.leg if leg == "unknown" else leg
        transcribed = self._clock_ms()
        number = utterance.turn if utterance.turn is not None else self._ledger.next_seq()
        judged = self.guard.hear(
            SpokenTurn(
                turn=number,
                stream=utterance.stream,
                leg=leg,
                text=utterance.text,
                start_ms=utterance.start_ms,
                end_ms=utterance.end_ms,
                language=utterance.language,
            )
        )
        shown = judged.texts[0]
        turn = _Turn(utterance, number, shown.text, shown.masks, (), None, transcribed)
        self._remember(turn)
        facts: list[Fact] = [self._transcript(turn, leg)]
        facts += self._settle_texts(judged.texts[1:])
        facts += self._capture(judged, utterance.end_ms)
        yield facts
        turn.reading = await self._reads(self._reader, turn.text, self._before(turn), utterance.language)
        facts = self._entities(judged.entities)
        facts += self._read(turn, leg)
        facts += self._judge_turns(turn, judged)
        yield facts
        if suggestion := await self._suggest(turn, leg):
            yield [suggestion]

    def tick(self, now_ms: int) -> list[Fact]:
        """Everything said before `now_ms` has been heard: deadlines fall due."""
        facts: list[Fact] = []
        if judged := self.guard.tick(now_ms):
            facts += self._late_judgement(judged, now_ms)
        return facts + self._alerts_of(self._judge.tick(now_ms))

    def decide_roles(self, decisions: Sequence[RoleDecision], now_ms: int) -> list[Fact]:
        """Roles were decided, perhaps again: what was said is judged anew, and what no longer holds is withdrawn."""
        facts: list[Fact] = []
        for decision in self.roster.decide(decisions):
            data = {
                "stream": decision.stream,
                "role": decision.role,
                "rule": decision.rule,
                "confidence": round(decision.confidence, 4),
                "from_ms": 0,
                "user": decision.user_id,
            }
            facts.append(self._ledger.event("role.decided", now_ms, data, stream=decision.stream, leg=decision.role))
            verdicts, withdrawn = self._judge.roles_changed(decision.stream, decision.role, now_ms)
            facts += self._withdraw(withdrawn, now_ms)
            facts += self._alerts_of(verdicts)
        return facts

    def end(self, now_ms: int) -> list[Fact]:
        """The call is over: open runs are judged, duties that never came are said."""
        facts: list[Fact] = []
        if judged := self.guard.close():
            facts += self._late_judgement(judged, now_ms)
        return facts + self._alerts_of(self._judge.end(now_ms))

    def duties(self) -> list[dict[str, str]]:
        """What the call owes from its start, for the desk's checklist."""
        return [{"rule": rule, "title": title} for rule, title in self._judge.duties()]

    def answered_card(self, action: str) -> None:
        self._governor.answered(action)

    # ─── from here on: one fact after another ────────────────────────────────────────────────────────────────────────

    def _remember(self, turn: _Turn) -> None:
        self._turns[turn.turn] = turn
        while len(self._turns) > TURNS_KEPT:
            del self._turns[next(iter(self._turns))]

    def _before(self, turn: _Turn) -> str:
        others = [one for one in self._turns.values() if one.turn != turn.turn]
        return others[-1].text if others else ""

    def _transcript(self, turn: _Turn, leg: Leg) -> Fact:
        said = turn.utterance
        measured = self._ledger.measured(said.heard, None, {"ears": round(said.ears_ms, 1)} if said.ears_ms else None)
        fields = {
            "stream": said.stream,
            "leg": leg,
            "start_ms": said.start_ms,
            "end_ms": said.end_ms,
            "text": turn.text,
            "language": said.language,
            "confidence": round(said.confidence, 4),
            "measured": measured,
        }
        return self._ledger.transcript(said.turn, turn.turn if said.turn is None else None, **fields)

    def _settle_texts(self, texts: Iterable[TurnText]) -> list[Fact]:
        facts: list[Fact] = []
        for text in texts:
            if not (turn := self._turns.get(text.turn)) or (turn.text, turn.masks) == (text.text, text.masks):
                continue
            turn.text, turn.masks = text.text, text.masks
            masks = [{"start": mask.start, "end": mask.end, "label": mask.label} for mask in text.masks]
            facts.append(
                self._ledger.event(
                    "text.settled",
                    turn.utterance.end_ms,
                    {"turn": text.turn, "text": text.text, "masks": masks},
                    stream=turn.utterance.stream,
                    leg=self._leg(turn),
                )
            )
        return facts

    def _capture(self, judged: Judged, at_ms: int) -> list[Fact]:
        facts: list[Fact] = []
        self.capturing = judged.capture
        if judged.capture_started:
            facts.append(self._ledger.event("capture.started", at_ms))
        if judged.capture_ended:
            facts.append(self._ledger.event("capture.ended", at_ms))
        return facts

    def _entities(self, entities: Iterable[Entity]) -> list[Fact]:
        facts: list[Fact] = []
        for entity in entities:
            if not (turn := self._turns.get(entity.turn)):
                continue
            reference = EntityRef(
                entity_type=entity.entity_type, start=entity.start, end=entity.end, last4=entity.last4
            )
            turn.entities = (*turn.entities, reference)
            said = turn.utterance
            facts.append(
                self._ledger.insight(
                    "entity",
                    entity.turn,
                    stream=said.stream,
                    leg=self._leg(turn),
                    start_ms=said.start_ms,
                    end_ms=said.end_ms,
                    value=f"[{entity.entity_type.lower()}]",
                    score=round(entity.score, 4),
                    entity_type=entity.entity_type,
                    start=entity.start,
                    end=entity.end,
                    last4=entity.last4,
                    measured=self._measured(turn),
                )
            )
        return facts

    def _read(self, turn: _Turn, leg: Leg) -> list[Fact]:
        said, reading = turn.utterance, turn.reading
        assert reading is not None
        where = {"stream": said.stream, "leg": leg, "start_ms": said.start_ms, "end_ms": said.end_ms}
        measured = self._measured(turn)
        evidence = (self._evidence(turn, leg),)
        facts: list[Fact] = [
            self._ledger.insight(
                "sentiment",
                turn.turn,
                value=reading.sentiment.label,
                score=round(reading.sentiment.score, 4),
                evidence=evidence,
                measured=measured,
                **where,
            )
        ]
        facts += [
            self._ledger.insight(
                "intent",
                turn.turn,
                value=intent.label,
                score=round(intent.score, 4),
                evidence=evidence,
                measured=measured,
                **where,
            )
            for intent in (reading.intents if leg != "agent" else ())
        ]
        if leg in ("customer", "mixed"):
            mood = self._mood.hear(turn.text, reading.sentiment, said.end_ms)
            facts.append(
                self._ledger.insight(
                    "mood", turn.turn, value=mood.label, score=round(mood.score, 4), measured=measured, **where
                )
            )
        return facts

    def _judge_turns(self, turn: _Turn, judged: Judged) -> list[Fact]:
        verdicts = list(self._judge.hear(self._judged_turn(turn)))
        earlier = {text.turn for text in judged.texts[1:]} | {entity.turn for entity in judged.entities}
        for number in sorted(earlier - {turn.turn}):
            if old := self._turns.get(number):
                verdicts += self._judge.settle(self._judged_turn(old))
        return self._alerts_of(verdicts)

    def _late_judgement(self, judged: Judged, now_ms: int) -> list[Fact]:
        facts = self._settle_texts(judged.texts)
        facts += self._capture(judged, now_ms)
        facts += self._entities(judged.entities)
        touched = {text.turn for text in judged.texts} | {entity.turn for entity in judged.entities}
        for number in sorted(touched):
            if old := self._turns.get(number):
                facts += self._alerts_of(self._judge.settle(self._judged_turn(old)))
        return facts

    def _judged_turn(self, turn: _Turn) -> JudgedTurn:
        said = turn.utterance
        return JudgedTurn(
            turn=turn.turn,
            stream=said.stream,
            leg=self._leg(turn),
            text=turn.text,
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            language=said.language,
            reading=turn.reading,
            entities=turn.entities,
            offsets=breakpoints(turn.masks),
        )

    def _alerts_of(self, verdicts: Iterable[Verdict]) -> list[Fact]:
        facts: list[Fact] = []
        for verdict in verdicts:
            turn = self._turns.get(verdict.turn)
            evidence = Evidence(
                turn=verdict.turn,
                leg=verdict.leg,
                quote=verdict.quote,
                start=verdict.start,
                end=verdict.end,
                start_ms=verdict.start_ms,
                end_ms=verdict.end_ms,
            )
            insight: Insight = self._ledger.insight(
                "compliance",
                verdict.turn,
                stream=turn.utterance.stream if turn else "",
                leg=verdict.leg,
                start_ms=verdict.start_ms,
                end_ms=verdict.end_ms,
                value=verdict.title,
                score=round(verdict.score, 4),
                evidence=(evidence,),
                rule=verdict.rule,
                rule_version=verdict.version,
                outcome=verdict.outcome,
                severity=verdict.severity,
                action=verdict.action,
                source=verdict.source,
                start=verdict.start,
                end=verdict.end,
                measured=self._measured(turn) if turn else None,
            )
            self._alerts.setdefault(verdict.key, []).append(insight.seq)
            facts.append(insight)
            if verdict.action == "dnc.requested":
                data = {"rule": verdict.rule, "of": insight.seq}
                facts.append(self._ledger.event("dnc.requested", verdict.end_ms, data, leg=verdict.leg))
        return facts

    def _withdraw(self, keys: Iterable[str], now_ms: int) -> list[Fact]:
        taken = [seqs for key in keys if (seqs := self._alerts.pop(key, None))]
        return [self._ledger.event("withdrawn", now_ms, {"of": seqs, "reason": "role_changed"}) for seqs in taken]

    async def _suggest(self, turn: _Turn, leg: Leg) -> Fact | None:
        reading = turn.reading
        if self._knowledge is None or reading is None:
            return None
        trigger = self._governor.needs_help(leg, turn.text, reading)
        if not trigger:
            return None
        said = turn.utterance
        passages = await self._search(turn, reading)
        choice = self._governor.choose(trigger, passages, said.end_ms)
        if choice.passage is None:
            return self._ledger.event(
                "card.withheld",
                said.end_ms,
                {"turn": turn.turn, "trigger": trigger, "reason": choice.refused},
                stream=said.stream,
                leg=leg,
            )
        passage = choice.passage
        return self._ledger.suggestion(
            turn.turn,
            stream=said.stream,
            leg=leg,
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            article=passage.article,
            title=passage.title,
            body=passage.body,
            score=round(passage.score, 4),
            trigger=trigger,
            evidence=(self._evidence(turn, leg),),
            measured=self._measured(turn),
        )

    async def _search(self, turn: _Turn, reading: Reading) -> Sequence[Passage]:
        """Articles for the turn, or for the whole need when a pause cut it in two; the surer of both searches."""
        assert self._knowledge is not None
        language = self._language or turn.utterance.language
        alone = self._knowledge.search(turn.text, reading.vector, language=language)
        if not (first := self._begun(turn)):
            return alone
        whole = f"{first.text} {turn.text}"
        read = await self._reads(self._reader, whole, "", turn.utterance.language)
        joined = self._knowledge.search(whole, read.vector, language=language)
        return max(alone, joined, key=lambda found: found[0].score if found else 0.0)

    def _begun(self, turn: _Turn) -> _Turn | None:
        """The final just before, when the same speaker went on after a short pause and nobody spoke between."""
        earlier = [one for one in self._turns.values() if one.turn != turn.turn]
        if not earlier or earlier[-1].utterance.stream != turn.utterance.stream:
            return None
        gap = turn.utterance.start_ms - earlier[-1].utterance.end_ms
        return earlier[-1] if 0 <= gap < JOIN_MS else None

    def _leg(self, turn: _Turn) -> Leg:
        leg = self.roster.leg(turn.utterance.stream)
        return turn.utterance.leg if leg == "unknown" else leg

    def _evidence(self, turn: _Turn, leg: Leg) -> Evidence:
        said = turn.utterance
        return Evidence(
            turn=turn.turn,
            leg=leg,
            quote=turn.text,
            start=0,
            end=len(said.text),
            start_ms=said.start_ms,
            end_ms=said.end_ms,
        )

    def _measured(self, turn: _Turn) -> Measured | None:
        latency = {"onnx": round(turn.reading.latency_ms, 3)} if turn.reading else None
        return self._ledger.measured(turn.utterance.heard, turn.transcribed, latency)
