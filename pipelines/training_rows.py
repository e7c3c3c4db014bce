"""What people judged, as rows that training reads (`models/training/README.md`, "Feedback").

One JSON object a row, made of the masked transcript alone, and without the names of the call's agent and of whom it
names, which facts keep: texts by language, with the label that a person stood for.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.after_call import quality_of, wrap_up_of
from engine.errors import Conflict, NotFound
from engine.facts import CallEvent, Evidence, Fact, Insight, Suggestion, Transcript, decode
from engine.feedback import engine_said
from engine.ports.desk import Rows
from engine.store import Store
from engine.store.feedback import Judged
from models.compliance import Rule
from models.compliance.checks import Bears, Check, Consent, Duty, Order, Says
from models.compliance.history import JOIN_GAP_MS
from models.privacy.names import persons
from models.wording import without_names

Acts = Mapping[str, frozenset[str]]
"""A rule's, by outcome: its turn performs one of them."""

CALLS_AT_HAND = 64
"""Calls whose facts are kept while rows of others come between: people judge side by side."""

_JOINED = 2
"""Turns before an alert's that may be its sentence's too."""
_MASK = re.compile(r"\[\w+\]")


class CallWords:
    """A call's facts as rows need them."""

    def __init__(self, facts: Sequence[Fact], language: str, agent: str = "") -> None:
        """`agent` is the name of whose call it is, who need not have said it."""
        self.facts = facts
        self._by_seq = {fact.seq: fact for fact in facts}
        self._turns = {fact.turn: fact for fact in facts if isinstance(fact, Transcript)}
        self._texts = {turn: fact.text for turn, fact in self._turns.items()}
        for fact in facts:
            if isinstance(fact, CallEvent) and fact.name == "text.settled":
                self._texts[fact.data["turn"]] = fact.data["text"]
        self._language = language
        self._names = [*self._given(), agent]

    def __getitem__(self, seq: int) -> Fact | None:
        return self._by_seq.get(seq)

    def said(self, *turns: int) -> dict[str, list[str]]:
        """Their words as one sentence, by the last one's language; empty when they are not there or nothing but
        masks."""
        *lead, last = (self._texts.get(turn, "").strip() for turn in turns)
        text = self.nameless(" ".join([*(part.rstrip(" .,;…") for part in lead), last]).strip())
        language = self.language(turns[-1])
        return {language: [text]} if language and last and any(c.isalpha() for c in _MASK.sub("", text)) else {}

    def nameless(self, value: Any) -> Any:
        """With `[person]` for whom the call names, in a text, or in all those of a list or an object."""
        match value:
            case str():
                return without_names(value, self._names)
            case list() | tuple():
                return [self.nameless(one) for one in value]
            case dict():
                return {name: self.nameless(one) for name, one in value.items()}
        return value

    def sentence(self, turn: int) -> list[int]:
        """The turn behind those that it goes on from, as rules hear it."""
        parts = [turn]
        while len(parts) <= _JOINED and (begun := self._begun(parts[0])) is not None:
            parts.insert(0, begun)
        return parts

    def _begun(self, turn: int) -> int | None:
        if (said := self._turns.get(turn)) is None:
            return None
        earlier = [one for one in self._turns.values() if one.seq < said.seq]
        last = next((one for one in reversed(earlier) if one.stream == said.stream), None)
        if last is None or abs(said.start_ms - last.end_ms) >= JOIN_GAP_MS:
            return None
        others = (one for one in earlier if one.stream != said.stream)
        between = any(last.end_ms <= (one.start_ms + one.end_ms) / 2 < said.start_ms for one in others)
        return None if between else last.turn

    def language(self, turn: int) -> str:
        said = self._turns.get(turn)
        return (said.language if said else "") or self._language

    def alerts(self, turn: int) -> list[Insight]:
        """What rules saw in the turn and did not take back, and nobody calls wrong."""
        judged = (fact for fact in self.facts if isinstance(fact, CallEvent) and fact.name == "alert.judged")
        verdicts: dict[int, str] = {fact.data["of"]: fact.data["verdict"] for fact in judged}
        gone = self._withdrawn() | {seq for seq, verdict in verdicts.items() if verdict == "wrong"}
        return [
            fact
            for fact in self.facts
            if isinstance(fact, Insight)
            and fact.kind == "compliance"
            and fact.outcome in ("violation", "event", "satisfied")
            and fact.turn == turn
            and fact.seq not in gone
        ]

    def intents(self, turn: int) -> set[str]:
        """What the customer was heard to want in the turn, but for what was taken back."""
        gone = self._withdrawn()
        return {
            fact.value
            for fact in self.facts
            if isinstance(fact, Insight) and fact.kind == "intent" and fact.turn == turn and fact.seq not in gone
        }

    def _given(self) -> list[str]:
        """Names as they stand in the turns of which facts say how many there are; they do not say which."""
        insights = (fact for fact in self.facts if isinstance(fact, Insight))
        told = Counter(fact.turn for fact in insights if fact.entity_type == "PERSON")
        return [name for turn, count in told.items() for name in _names(self._texts.get(turn, ""), count)]

    def _withdrawn(self) -> set[int]:
        withdrawn = (fact for fact in self.facts if isinstance(fact, CallEvent) and fact.name == "withdrawn")
        return {seq for fact in withdrawn for seq in fact.data["of"]}


def _names(text: str, count: int) -> list[str]:
    """Those of a turn in which so many were heard: where fewer are introduced, one was given in answer."""
    found = persons(text)
    if len(found) < count:
        found = persons(text, answer=True)
    return [text[one.start : one.end] for one in found]


def training_rows(store: Store, rules: Callable[[], Sequence[Rule]]) -> Rows:
    """Implements `engine.ports.desk.Rows`. Calls that were erased give none."""

    async def rows(organisation_id: str) -> AsyncIterator[bytes]:
        if not await store.feedback.may_train(organisation_id):
            raise Conflict("the organisation does not let its judgements out: an administrator may allow it")
        acts = {rule.id: acts_said(rule) for rule in await asyncio.to_thread(rules)}
        at_hand: dict[str, CallWords] = {}
        async for judged in store.feedback.judged(organisation_id):
            words = at_hand.pop(judged.call_id, None) or await _words(store, organisation_id, judged)
            at_hand[judged.call_id] = words
            if len(at_hand) > CALLS_AT_HAND:
                del at_hand[next(iter(at_hand))]
            for row in rows_of(judged, words, acts):
                yield msgspec.json.encode(row)

    return rows


def acts_said(rule: Rule) -> Acts:
    """What the turn of a verdict performs where the rule is right, by the verdict's outcome. An outcome that may also
    come of something else than the turn's words (a duty that was missed, the hour of the call) has none."""
    said = [pair for check in rule.checks for pair in _said(check)]
    unsaid = {outcome for outcome, acts in said if not acts}
    outcomes = {outcome for outcome, _ in said} - unsaid
    return {each: frozenset[str]().union(*(acts for outcome, acts in said if outcome == each)) for each in outcomes}


def _said(check: Check) -> Iterator[tuple[str, frozenset[str]]]:
    """Each outcome of a check with the acts that it takes."""
    match check:
        case Says(act=act, outcome=outcome) | Order(act=act, outcome=outcome):
            yield outcome, frozenset((act,))
        case Consent(act=act) if act:
            yield from ((outcome, frozenset((act,))) for outcome in ("violation", "satisfied"))
        case Duty(ways=ways):
            yield "satisfied", frozenset(act for way in ways for act in way)
            yield "violation", frozenset()
        case Bears(outcome=outcome):
            yield outcome, frozenset()
        case _:
            yield "violation", frozenset()


async def _words(store: Store, organisation_id: str, judged: Judged) -> CallWords:
    try:
        record = await store.calls.get(organisation_id, judged.call_id)
        bodies = await store.calls.all_facts(organisation_id, judged.call_id)
    except NotFound:
        return CallWords([], judged.language)
    return CallWords([decode(body) for body in bodies], judged.language, record.agent_name)


def rows_of(judged: Judged, words: CallWords, acts: Mapping[str, Acts]) -> Iterator[dict[str, Any]]:
    """Rows of one judgement; none where its words say nothing that could be learned, or are erased."""
    if not words.facts:
        return
    about = {
        "idea": f"feedback-{judged.call_id}-{judged.seq}-{judged.kind}",
        "campaign": judged.campaign,
        "verdict": judged.verdict,
        "role": judged.role,
    }
    match judged.kind:
        case "alert":
            row = _alert_row(judged, words, acts)
        case "card":
            row = _card_row(judged, words)
        case "disposition":
            row = _disposition_row(words)
        case "summary" | "follow_ups":
            row = _edit_row(judged, words)
        case _:
            row = _quality_row(judged, words)
    if row:
        yield about | row


def _alert_row(judged: Judged, words: CallWords, acts: Mapping[str, Acts]) -> dict[str, Any]:
    """For the head of acts: what was said is the act that the rule heard, or it is not. A rule with several says
    nothing of which, and one that heard none (a duty that was missed) nothing of the turn; what else rules saw in the
    same words stays, but for what people call wrong. Words at the very beginning of a turn may be the end of what was
    begun before it: then all of that is the row's."""
    alert = words[judged.of]
    if not isinstance(alert, Insight):
        return {}
    own = _heard(alert, acts)
    turns = words.sentence(alert.turn) if any(one.start == 0 for one in alert.evidence) else [alert.turn]
    if len(own) != 1 or not (said := words.said(*turns)):
        return {}
    heard = (one for turn in turns for one in words.alerts(turn))
    others = {act for one in heard if one.seq != alert.seq for act in _heard(one, acts)}
    labels = others | own if judged.verdict == "right" else others - own
    return {"acts": sorted(labels), "rule": judged.subject, **said}


def _heard(alert: Insight, acts: Mapping[str, Acts]) -> frozenset[str]:
    return acts.get(alert.rule, {}).get(alert.outcome or "", frozenset())


def _card_row(judged: Judged, words: CallWords) -> dict[str, Any]:
    """For the search: what the customer said, and whether the article answers it."""
    card = words[judged.of]
    if not isinstance(card, Suggestion) or not (said := words.said(card.turn)):
        return {}
    return {"article": judged.subject, **said}


def _disposition_row(words: CallWords) -> dict[str, Any]:
    """For the head of intents: the customer's words in which the intent behind the disposition was heard that a person
    stood for, with what else was heard in them. How a call ended where no words spoke for it teaches nothing."""
    state = wrap_up_of(words.facts)
    choices: list[dict[str, Any]] = state.proposed.get("choices", [])
    chosen = next((one for one in choices if one["code"] == state.disposition), {})
    turn = chosen.get("turn")
    if turn is None or not (said := words.said(turn)):
        return {}
    intents = words.intents(turn) | {chosen["intent"]}
    return {"intents": sorted(intents), "disposition": state.disposition, **said}


def _edit_row(judged: Judged, words: CallWords) -> dict[str, Any]:
    state = wrap_up_of(words.facts)
    before = state.proposed.get(judged.kind, "" if judged.kind == "summary" else [])
    after = msgspec.to_builtins(getattr(state, judged.kind))
    texts = {"before": words.nameless(before), "after": words.nameless(after)}
    return {judged.kind: texts | {"language": state.proposed.get("language", "")}}


def _quality_row(judged: Judged, words: CallWords) -> dict[str, Any]:
    review = words[judged.seq]
    scored = quality_of(words.facts)
    if not isinstance(review, CallEvent) or scored is None:
        return {}
    evidence: Sequence[Evidence] = next(
        (item.evidence for item in scored[1].items if item.item == review.data["item"]), ()
    )
    quotes = words.nameless([piece.quote for piece in evidence])
    reason = words.nameless(review.data["reason"])
    told = {"before": engine_said(review), "after": review.data["after"], "reason": reason}
    return {"quality": judged.subject, "evidence": quotes, **told}
