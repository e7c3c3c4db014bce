"""Counts what is left to read or to hear of card payments, and what was hidden in vain."""

from collections.abc import Callable, Iterator

import msgspec

from benchmarks.card_call import CardCall, DraftSeen
from benchmarks.card_secrets import Secrets
from benchmarks.payments import Kind
from engine.facts import CallEvent, Fact, Insight, Transcript
from tests.leaks import strings

ENTITY: dict[Kind, str] = {"card": "CARD", "cvv": "CVV", "card_expiry": "CARD_EXPIRY"}
_NOT_WORDS = frozenset({"id", "name", "note", "host", "measured", "rule", "rule_version", "version", "source"})
Note = Callable[[str], object]


class Tally(msgspec.Struct):
    payments: int = 0
    leaking: int = 0
    """Payments of which anything could be read or heard, in a store aside."""
    finals: int = 0
    log_lines: int = 0
    private_digits: int = 0
    """Words and digits that tell something of a card, its code or its date."""
    leaked_in_transcript: int = 0
    """Of these, such as can be read in a final's own text at any moment."""
    leaked_in_drafts: int = 0
    leaked_in_proofs: int = 0
    """In what a fact quotes of a final: an alert's evidence, an item's, a wrap-up's sentences, an entity's value."""
    leaked_in_facts: int = 0
    """Texts in any field of a fact in which three words or four digits of a card, or its code or its date alone, can be
    read."""
    leaked_in_logs: int = 0
    """Texts of log lines, likewise; of the store's and the broker's, which name ports, six digits."""
    leaked_in_store: int = 0
    """Texts of facts that a database gives back, likewise, and files that hold a final or eight digits of a card."""
    leaked_in_sound_ms: int = 0
    """Recorded sound of words that tell something private."""
    muted_in_vain: int = 0
    """Finals with nothing private of whose sound more than half is cut."""
    over_muted_s: list[float] = msgspec.field(default_factory=list)
    """Sound of other words that is cut, by payment, but for those amid a number."""
    cut_amid_s: list[float] = msgspec.field(default_factory=list)
    """The same of words between the first digit and the last of a final: "y", "no, perdón"."""
    masked_in_vain: int = 0
    """Finals with nothing private whose words are masked in the end."""
    entities: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Found and wanted, by type: one of each a payment that has it."""
    false_cards: int = 0
    """Cards, codes and dates found in a final that has none of that type, each of them."""


def count(call: CardCall, tally: Tally, note: Note) -> None:
    """Adds a call that was run to the tally; `note` gets a line for each thing that is not as it should be."""
    before = _leaks(tally)
    _Count(call, tally, note).all()
    tally.leaking += _leaks(tally) > before


def _leaks(tally: Tally) -> int:
    return sum(getattr(tally, name) for name in tally.__struct_fields__ if name.startswith("leaked"))


def texts_with(secrets: Secrets, document: object) -> list[str]:
    """Texts of a decoded document in which something of the payment can be read."""
    return [text for text in strings(document, _NOT_WORDS) if secrets.read_in(text)]


def quotes(document: object) -> Iterator[tuple[int, str]]:
    """What a decoded fact takes from a turn, wherever it says from which."""
    if isinstance(document, dict):
        turn, said = document.get("turn"), document.get("quote", document.get("text"))
        if isinstance(turn, int) and isinstance(said, str):
            yield turn, said
        for inner in document.values():
            yield from quotes(inner)
    elif isinstance(document, list | tuple):
        for inner in document:
            yield from quotes(inner)


class _Count:
    """Of one call."""

    def __init__(self, call: CardCall, tally: Tally, note: Note) -> None:
        self._call, self._tally, self._note = call, tally, note
        self._secrets = Secrets(call.paid)
        self._shown: dict[int, str] = {}
        """By turn, in the end."""
        self._found: dict[str, set[Kind]] = {}

    def all(self) -> None:
        said = self._call.said
        self._tally.payments += 1
        self._tally.finals += len(said)
        self._tally.private_digits += sum(line.leaked(line.text) for line, _, _ in said)
        for seen in self._call.seen:
            if isinstance(seen, DraftSeen):
                self._draft(seen)
            else:
                self._fact(seen)
        self._tally.log_lines += len(self._call.logs)
        self._tally.leaked_in_logs += len(texts_with(self._secrets, self._call.logs))
        self._sound()
        self._words()
        self._entities()

    def _draft(self, seen: DraftSeen) -> None:
        if leaked := seen.line.leaked(seen.text):
            self._tally.leaked_in_drafts += leaked
            self._note(f"draft: {seen.text!r} of {seen.line.text!r} in {self._story()}")

    def _fact(self, fact: Fact) -> None:
        told = msgspec.to_builtins(fact)
        match fact:
            case Transcript():
                self._text(fact.turn, fact.text)
            case CallEvent(name="text.settled"):
                self._text(fact.data["turn"], fact.data["text"])
            case CallEvent(name="playbook.changed"):
                pass  # texts beside its turns are the playbook's own
            case Insight(kind="entity"):
                self._entity(fact)
            case _:
                for turn, quote in quotes(told):
                    self._quote(turn, quote)
        for text in texts_with(self._secrets, told):
            self._tally.leaked_in_facts += 1
            self._note(f"fact: {text!r} in {told}")

    def _text(self, turn: int, text: str) -> None:
        self._shown[turn] = text
        line = self._call.turns[turn]
        if leaked := line.leaked(text):
            self._tally.leaked_in_transcript += leaked
            self._note(f"words: {text!r} of {line.text!r} in {self._story()}")

    def _entity(self, fact: Insight) -> None:
        line = self._call.turns[fact.turn]
        self._found.setdefault(fact.entity_type, set()).update(line.kinds)
        if fact.entity_type in ENTITY.values() and fact.entity_type not in {ENTITY[kind] for kind in line.kinds}:
            self._tally.false_cards += 1
            self._note(f"false {fact.entity_type}: {line.text!r} in {self._story()}")
        self._quote(fact.turn, fact.value)

    def _quote(self, turn: int, quote: str) -> None:
        if (line := self._call.turns.get(turn)) and (leaked := line.leaked(quote)):
            self._tally.leaked_in_proofs += leaked
            self._note(f"proof: {quote!r} of {line.text!r}")

    def _sound(self) -> None:
        over_ms = amid_ms = 0
        for said in self._call.said:
            line, start, end = said
            digits = [first for first, _, private in line.words() if private]
            if not line.kinds and self._kept_ms(start, end) < (end - start) / 2:
                self._tally.muted_in_vain += 1
            for first, last, private in line.words():
                began, ended = said.ms_of(first), said.ms_of(last)
                kept = self._kept_ms(began, ended)
                if private and kept:
                    self._tally.leaked_in_sound_ms += kept
                    self._note(f"sound: {kept} of {ended - began} ms of {line.text[first:last]!r} in {self._story()}")
                if not private and digits and digits[0] < first < digits[-1]:
                    amid_ms += ended - began - kept
                elif not private:
                    over_ms += ended - began - kept
        self._tally.over_muted_s.append(over_ms / 1000)
        self._tally.cut_amid_s.append(amid_ms / 1000)

    def _kept_ms(self, start: int, end: int) -> int:
        sound = ((span.start_ms, span.end_ms) for span in self._call.spans if span.what == "sound")
        return sum(max(0, min(end, until) - max(start, since)) for since, until in sound)

    def _words(self) -> None:
        for turn, text in self._shown.items():
            line = self._call.turns[turn]
            if not line.kinds and text != line.text:
                self._tally.masked_in_vain += 1
                self._note(f"in vain: {text!r} of {line.text!r}")

    def _entities(self) -> None:
        kinds = {kind for line in self._call.paid.lines for kind in line.kinds}
        for kind in kinds:
            counts = self._tally.entities.setdefault(ENTITY[kind], [0, 0])
            found = kind in self._found.get(ENTITY[kind], ())
            counts[0] += found
            counts[1] += 1
            if not found:
                self._note(f"no {ENTITY[kind]}: {self._story()}")

    def _story(self) -> str:
        paid = self._call.paid
        return f"{paid.country}: " + " / ".join(f"{line.leg[0]}: {line.text}" for line in paid.lines)
