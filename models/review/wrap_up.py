"""What is left of a call when it is over: why it came, what was promised, how it ended, what is still to do.

Extractive: every sentence is the call's own, as masked. Nothing is composed but the labels around them, so nothing can
be in a wrap-up that was not in the transcript.
"""

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import product

import msgspec

from engine.facts import CallEvent, Fact, Insight, Leg
from models.compliance import Detectors, JudgedTurn
from models.compliance.history import is_sure
from models.compliance.text import Folded, versions
from models.review.denial import awaited, meant, stands
from models.review.due_dates import due_date
from models.review.forms import INTENTS, Disposition, Form, tells_of_customer, title_in
from models.review.scoring import compiled
from models.review.sentences import clipped, offers_more, promised_at, sentences, worth_keeping

TURNS_KEPT = 2_000
"""Of a longer call the beginning and the newest are looked at."""
OPENING = 40
"""Turns at the beginning that may tell why the customer is here."""
PROMISES = 6
_LEAST_WORDS = 4
_SAID = 0.9
"""How much a phrase of a disposition says for it."""
_ACT = 0.8
_ANSWERED = 2
"""Turns behind an offer of more help in which a "no, thank you" is the answer to it."""
_NO_THANKS = re.compile(r"n(?:o|ão)\b.*(?:gracias|obrigad[oa]s?|thank you)$", re.IGNORECASE)
_NO_REASON = frozenset({"none", "identity_verification"})
"""Intents for which nobody calls."""

_LABELS = {
    "es": ("Motivo", "Acordado", "Resultado", "Pendiente"),
    "pt": ("Motivo", "Combinado", "Resultado", "Pendente"),
    "en": ("Reason", "Agreed", "Outcome", "To do"),
}


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sentence of the call."""

    text: str
    turn: int
    leg: Leg


class FollowUp(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that somebody still has to do."""

    text: str
    turn: int | None = None
    """Where it was said; None when the agent added it."""
    leg: Leg = "unknown"
    due: str = ""
    """ISO 8601 date, where the words name a day."""


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A disposition and how much speaks for it."""

    code: str
    title: str
    confidence: float = 0.0
    """0 to 1. Says how clear the signs are, not how often they are right."""
    intent: str = ""
    """The one intent of the customer that speaks for it, where there is one: what a confirmed choice teaches."""
    turn: int | None = None
    """Where that intent was heard best, in the customer's words; None where it was not."""


class Slot(msgspec.Struct, frozen=True, omit_defaults=True):
    """Private data that was given; never its value."""

    entity_type: str
    turn: int
    last4: str = ""


class WrapUp(msgspec.Struct, frozen=True, omit_defaults=True):
    """A proposal: the agent confirms or changes it."""

    summary: str
    language: str
    disposition: str = ""
    confidence: float = 0.0
    choices: tuple[Choice, ...] = ()
    """The likeliest dispositions first, then the rest of the list."""
    intent: str = ""
    """What the customer wanted first."""
    reason: Note | None = None
    promises: tuple[Note, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    slots: tuple[Slot, ...] = ()


class _Said(msgspec.Struct):
    """A turn as it reads now; its text may still be settled."""

    turn: JudgedTurn
    text: str
    kept: list[tuple[str, frozenset[str]]]
    """Sentences worth keeping, looked for as words come, so that nothing is left to do when the call ends."""


class _Signs(msgspec.Struct):
    """What speaks for one disposition: of each kind of sign the strongest, and when it was last seen."""

    by: dict[str, tuple[float, int]]

    def add(self, sign: str, score: float, at_ms: int) -> None:
        strongest, last_ms = self.by.get(sign, (0.0, 0))
        self.by[sign] = max(score, strongest), max(at_ms, last_ms)

    def strength(self, until_ms: int) -> float:
        """Together, as independent signs: one at the very end says how the call ended, one at its beginning says half
        as much."""
        doubt = 1.0
        for score, at_ms in self.by.values():
            doubt *= 1.0 - score * (0.5 + 0.5 * min(1.0, at_ms / max(until_ms, 1)))
        return 1.0 - doubt


class Composer:
    """One call's. Turns and facts come in order; `finish` once, at the end."""

    def __init__(self, form: Form | None, detectors: Detectors, day: datetime.date, language: str) -> None:
        """`day` is the call's, from which "tomorrow" is counted; `language` is the campaign's, or empty."""
        self._dispositions = form.dispositions if form else []
        self._detectors = detectors
        self._day = day
        self._language = language
        self._said: dict[int, _Said] = {}
        self._languages: dict[str, int] = {}
        self._offered: dict[str, int] = {}
        """By stream, the turn in which somebody last asked whether there is anything else."""
        self._intents: dict[int, Insight] = {}
        """By `seq`: some may be taken back."""
        self._slots: list[Slot] = []
        self._signs = {one.code: _Signs({}) for one in self._dispositions}
        self._phrases = {
            one.code: (("customer", compiled(one.customer_says)), ("agent", compiled(one.agent_says)))
            for one in self._dispositions
        }
        self._acts = {sign for one in self._dispositions for sign in one.signs if sign in detectors}
        self._performed: dict[tuple[str, str], int] = {}
        self._told: dict[tuple[str, str, str, frozenset[str]], int] = {}
        """By act, or by disposition and side, and by stream: when it was last said. Whose a stream is may come late. A
        "no, thank you" is told with the streams in which more help was offered just before."""

    def hear(self, turn: JudgedTurn, folded: Folded) -> None:
        self._said[turn.turn] = _Said(turn, turn.text, worth_keeping(turn.text, turn.language))
        if len(self._said) > TURNS_KEPT:
            del self._said[list(self._said)[OPENING]]
        self._languages[turn.language] = self._languages.get(turn.language, 0) + len(turn.text)
        for act in self._acts:
            hit = self._detectors[act].find(folded, turn.reading)
            if hit and is_sure(act, hit.score, turn.reading):
                self._performed[act, turn.stream] = turn.end_ms
        texts = versions(folded)
        if any(offers_more(text, turn.language) for text in texts):
            self._offered[turn.stream] = turn.turn
        for code, sides in self._phrases.items():
            for (side, phrases), text in product(sides, texts):
                for span in meant(phrases, text, turn.language):
                    if side == "customer" or not awaited(text, *span, turn.language):
                        self._told[code, side, turn.stream, self._answered(turn, text, span)] = turn.end_ms

    def saw(self, fact: Fact) -> None:
        match fact:
            case Insight(kind="intent"):
                self._intents[fact.seq] = fact
            case Insight(kind="entity"):
                slot = Slot(fact.entity_type, fact.turn, fact.last4)
                if all((one.entity_type, one.last4) != (slot.entity_type, slot.last4) for one in self._slots):
                    self._slots.append(slot)
            case CallEvent(name="text.settled"):
                if said := self._said.get(fact.data["turn"]):
                    said.text = fact.data["text"]
                    said.kept = worth_keeping(said.text, said.turn.language)
            case CallEvent(name="withdrawn"):
                for seq in fact.data["of"]:
                    self._intents.pop(seq, None)

    def finish(self, leg_of: Mapping[str, Leg]) -> WrapUp:
        """`leg_of` by stream, as known at the end."""
        language = max(self._languages, key=lambda one: self._languages[one], default="") or self._language or "en"
        said = [(one, leg_of.get(one.turn.stream, one.turn.leg)) for one in self._said.values()]
        for fact in self._intents.values():
            self._sign(fact.value, fact.score, fact.end_ms)
        for (act, stream), at_ms in self._performed.items():
            if tells_of_customer(act, leg_of.get(stream, "unknown")):
                self._sign(act, _ACT, at_ms)
        for (code, side, stream, offering), at_ms in self._told.items():
            declined = any(leg_of.get(one, "unknown") != "customer" for one in offering)  # more help, and nothing else
            if not declined and leg_of.get(stream, "unknown") in (side, "mixed", "unknown"):
                self._signs[code].add(f"{side} says", _SAID, at_ms)
        reason, intent = self._reason(said, self._wanted())
        promises = list(_promises(said))
        follow_ups = tuple(self._follow_up(*promise) for promise in promises)
        choices = self._choices(language, {one.turn.turn for one, leg in said if leg == "customer"})
        wrap_up = WrapUp(
            summary="",
            language=language,
            disposition=choices[0].code if choices else "",
            confidence=choices[0].confidence if choices else 0.0,
            choices=choices,
            intent=intent,
            reason=reason,
            promises=tuple(note for note, _, _ in promises),
            follow_ups=follow_ups,
            slots=tuple(self._slots),
        )
        return msgspec.structs.replace(wrap_up, summary=summarise(wrap_up))

    # ─── within ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _answered(self, turn: JudgedTurn, folded: Folded, span: tuple[int, int]) -> frozenset[str]:
        """The streams in which more help was offered, where what a phrase finds is a "no, thank you" to it."""
        if not _NO_THANKS.match(folded.text[slice(*folded.span(*span))]):
            return frozenset()
        return frozenset(stream for stream, at in self._offered.items() if turn.turn - at <= _ANSWERED)

    def _sign(self, sign: str, score: float, at_ms: int) -> None:
        for disposition in self._dispositions:
            if sign in disposition.signs:
                self._signs[disposition.code].add(sign, min(score, 0.99), at_ms)

    def _wanted(self) -> dict[int, str]:
        """By turn, what the customer wants in it first."""
        wanted: dict[int, str] = {}
        for fact in self._intents.values():
            if fact.value not in _NO_REASON:
                wanted.setdefault(fact.turn, fact.value)
        return wanted

    def _reason(self, said: Sequence[tuple[_Said, Leg]], wanted: Mapping[int, str]) -> tuple[Note | None, str]:
        """Why the agent says that they call; else the first words of the customer that want something, else the
        customer's longest ones near the beginning."""
        agents = ((one, *kept) for one, leg in said[:OPENING] if leg == "agent" for kept in one.kept)
        if found := next(((one, text) for one, text, why in agents if "calls_for" in why), None):
            return Note(clipped(found[1]), found[0].turn.turn, "agent"), next(iter(wanted.values()), "")
        customers = [(one, leg) for one, leg in said[:OPENING] if leg in ("customer", "mixed", "unknown")]
        wanting = [pair for pair in customers if pair[0].turn.turn in wanted and _says_something(pair[0])]
        if wanting:
            one, leg = wanting[0]
        elif customers:
            one, leg = max(customers[:8], key=lambda pair: len(pair[0].text))
        else:
            return None, ""
        if not _says_something(one):
            return None, ""
        return Note(clipped(one.text), one.turn.turn, leg), wanted.get(one.turn.turn, "")

    def _follow_up(self, note: Note, text: str, language: str) -> FollowUp:
        """Its day may stand in a sentence beside it; "today" does not, which people say of the call itself."""
        days = (self._due(one, language) for one in _beside(note.text, text) if not one.endswith("?"))
        due = self._due(note.text, language) or next((day for day in days if day and day > self._day), None)
        return FollowUp(note.text, note.turn, note.leg, due.isoformat() if due else "")

    def _due(self, sentence: str, language: str) -> datetime.date | None:
        """The day of what is promised, and not one on which it is not to be: "no puedo hoy, le pago el lunes"."""
        promise = promised_at(sentence, language)

        def holds(start: int, end: int) -> bool:
            begins = promise if promise <= start else 0  # what is denied before a promise is not the promise's day
            return stands(sentence[begins:], start - begins, end - begins, language)

        return due_date(sentence, self._day, holds)

    def _choices(self, language: str, customers: Set[int]) -> tuple[Choice, ...]:
        """`customers` are the customer's turns."""
        until_ms = max((one.turn.end_ms for one in self._said.values()), default=0)
        strengths = {code: signs.strength(until_ms) for code, signs in self._signs.items()}
        order = sorted(self._dispositions, key=lambda one: (-strengths[one.code], not one.default))
        whole = sum(strengths.values())
        # by intent, the turn of its strongest sign
        heard = {fact.value: fact.turn for fact in sorted(self._intents.values(), key=lambda one: one.score)}
        return tuple(
            Choice(
                code=one.code,
                title=title_in(one.title, language),
                confidence=_confidence(strengths[one.code], whole),
                intent=(intent := _intent(one)),
                turn=turn if (turn := heard.get(intent)) in customers else None,
            )
            for one in order
        )


def _intent(disposition: Disposition) -> str:
    intents = [sign for sign in disposition.signs if sign in INTENTS]
    return intents[0] if len(intents) == 1 else ""


def _beside(promise: str, turn: str) -> list[str]:
    """The sentences before and behind a promise in its turn, the one behind it first."""
    told = sentences(turn)
    at = next((at for at, one in enumerate(told) if clipped(one) == promise), len(told))
    return [*told[at + 1 : at + 2], *told[max(0, at - 1) : at]]


def _confidence(strength: float, whole: float) -> float:
    """How strong the signs are, less what speaks for others."""
    return round(strength * strength / whole, 2) if whole else 0.0


def summarise(wrap_up: WrapUp) -> str:
    """The parts as one text, in the call's language."""
    reason, agreed, outcome, to_do = _LABELS.get(wrap_up.language, _LABELS["en"])
    lines: list[str] = []
    if wrap_up.reason:
        lines.append(f"{reason}: «{wrap_up.reason.text}»")
    customers = [note for note in wrap_up.promises if note.leg != "agent"]
    if customers:
        lines.append(f"{agreed}: «{customers[-1].text}»")
    chosen = next((one for one in wrap_up.choices if one.code == wrap_up.disposition), None)
    if chosen:
        lines.append(f"{outcome}: {chosen.title}")
    agents = [one for one in wrap_up.follow_ups if one.leg == "agent"]
    if agents:
        lines.append(f"{to_do}: " + " · ".join(f"«{one.text}»{f' ({one.due})' if one.due else ''}" for one in agents))
    return "\n".join(lines)


def _promises(said: Sequence[tuple[_Said, Leg]]) -> Iterator[tuple[Note, str, str]]:
    """Sentences that promise something, each with the whole turn and its language, newest kept; a question promises
    nothing."""
    found = [
        (Note(clipped(sentence), one.turn.turn, leg), one.text, one.turn.language)
        for one, leg in said
        for sentence, why in one.kept
        if "calls_for" not in why
        and not sentence.endswith("?")
        and len(sentence.split()) >= _LEAST_WORDS
        and any(leg in (side, "mixed", "unknown") for side in why)
    ]
    yield from found[-PROMISES:]


def _says_something(one: _Said) -> bool:
    return len(one.text.split()) >= _LEAST_WORDS
