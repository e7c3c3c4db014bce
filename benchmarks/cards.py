"""What is left to read of a thousand card payments a language: digits in words, drafts, proofs, logs, stores, sound.

    python -m benchmarks.cards [es pt en] [--payments N] [--misses]

The payments come as finals from `benchmarks.payments`, with pauses, corrections, read-backs and what recognition gets
wrong, through the conversation that a live call has: guard, rules, playbook, review. What may be seen at any moment is
compared with what was said; a digit that can be read anywhere counts, for however short a time. `kept` are the first
payments once more, as they lie in a database: decrypted facts, and the bytes of every file.
"""

import argparse
import asyncio
import datetime
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table
from structlog.testing import capture_logs

from benchmarks.payments import Kind, Line, Payment, payments
from benchmarks.tellers import LANGUAGES
from engine.facts import CallEvent, Fact, Insight, Transcript, decode
from engine.fanout import Hub
from engine.ports.hearing import HeardWord
from engine.ports.intake import RoleDecision
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.telemetry import Metrics
from engine.vault import Vault
from media.recorder import RecordedSpan, Watermark
from models.compliance import CallContext, Detectors, Judge, Rule, load_detectors, load_rules
from models.playbooks import bundled_playbooks
from models.privacy import DigitGuard
from models.review import bundled_forms, form_for
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.playbook_watch import PlaybookWatch
from pipelines.review import Review
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from pipelines.utterance import Utterance
from pipelines.withheld import MARGIN_MS
from tests.fakes import FakeReader
from tests.leaks import stretches, strings

MS_PER_CHARACTER = 65
HEARD_AFTER_MS = 1_500
"""Media goes on so long before a final is there."""
TIMES_ERR_MS = 80
"""Standard error of a word's times. An assumption: how far Whisper's are off on the telephone was not measured."""
KEPT = 40
"""Payments that are written to a database."""
IN_A_ROW = 6
"""So many digits of the card in a row are no accident, such as an amount of 30,000, and more than the last four, which
may be kept."""
ENTITY: dict[Kind, str] = {"card": "CARD", "cvv": "CVV", "card_expiry": "CARD_EXPIRY"}
_NOT_WORDS = frozenset({"id", "host", "measured", "rule", "version", "source"})
Note = Callable[[str], object]


class Tally(msgspec.Struct):
    payments: int = 0
    finals: int = 0
    private_digits: int = 0
    """Words and digits that tell something of a card, its code or its date."""
    leaked_in_transcript: int = 0
    leaked_in_drafts: int = 0
    leaked_in_proofs: int = 0
    leaked_in_facts: int = 0
    leaked_in_logs: int = 0
    leaked_in_store: int = 0
    leaked_in_sound_ms: int = 0
    """Recorded sound of words that tell something private."""
    muted_in_vain: int = 0
    """Finals with nothing private whose sound is cut all the same."""
    over_muted_s: list[float] = msgspec.field(default_factory=list)
    """Sound of other words that is cut, by payment."""
    masked_in_vain: int = 0
    """…and whose words are masked in the end."""
    entities: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Found and wanted, by type: one of each a payment that has it."""
    false_cards: int = 0
    """Found in a final that has none."""


def measure(language: str, count: int, note: Note = lambda _: None) -> Tally:
    tally = Tally()
    for paid in payments(language, count):
        asyncio.run(_Trial(paid, tally, note).run())
    tally.leaked_in_store = asyncio.run(_kept(list(payments(language, min(count, KEPT))), note))
    return tally


class _Trial:
    """One payment through a conversation."""

    def __init__(self, paid: Payment, tally: Tally, note: Note) -> None:
        self._paid = paid
        self._tally = tally
        self._note = note
        self._conversation = conversation(paid, "payment")
        self._mark = Watermark(("words",))
        self._spans: list[RecordedSpan] = []
        self._turns: dict[int, Line] = {}
        self._shown: dict[int, str] = {}
        self._found: dict[str, set[Kind | None]] = {}
        self._chance = random.Random(f"{paid.card} {paid.language}")
        self.facts: list[Fact] = []

    async def run(self) -> None:
        said: list[tuple[Line, int, int]] = []
        with capture_logs() as logs:
            now = 0
            self._take(self._conversation.decide_roles(_roles(), 0))
            for line in self._paid.lines:
                start = now + line.pause_ms
                for at in range(now + 1_000, start, 1_000):
                    self._pass(at)
                self._pass(start)
                now = start + MS_PER_CHARACTER * len(line.text)
                self._drafts(line)
                await self._hear(line, start, now)
                said.append((line, start, now))
            self._take(self._conversation.end(now))
            self._listen(now + MARGIN_MS)
            self._spans += self._mark.close(now)
        self._tally.payments += 1
        self._tally.finals += len(said)
        self._tally.private_digits += sum(line.leaked(line.text) for line, _, _ in said)
        self._tally.leaked_in_logs += sum(self._stretches(text) for log in logs for text in strings(log, _NOT_WORDS))
        self._count_sound(said)
        self._count_words()
        self._count_entities()

    # ─── the call goes on ────────────────────────────────────────────────────────────────────────────────────────────

    async def _hear(self, line: Line, start: int, end: int) -> None:
        said = Utterance(
            stream=line.leg,
            leg=line.leg,
            start_ms=start,
            end_ms=end,
            text=line.text,
            words=self._about(line, start, end),
            language=self._paid.language,
        )
        async for facts in self._conversation.hear(said):
            for fact in facts:
                if isinstance(fact, Transcript):
                    self._turns[fact.turn] = line
            self._take(facts)
        self._listen(end)
        self._spans += self._mark.advance(end + HEARD_AFTER_MS)

    def _about(self, line: Line, start: int, end: int) -> tuple[HeardWord, ...]:
        """Words' times as recognition finds them: not quite where they are."""
        found, at = [], start
        for first, last, _ in line.words():
            began, ended = (
                min(end, max(at, start + MS_PER_CHARACTER * place + round(self._chance.gauss(0, TIMES_ERR_MS))))
                for place in (first, last)
            )
            at = max(began, ended)
            found.append(HeardWord(first, last, began, at))
        return tuple(found)

    def _pass(self, at: int) -> None:
        self._take(self._conversation.tick(at))
        self._listen(at)
        self._spans += self._mark.advance(at + HEARD_AFTER_MS)

    def _listen(self, at: int) -> None:
        """As a call's tape does with what is withheld."""
        withheld = self._conversation.withheld()
        for start, end in withheld.cuts:
            self._mark.cut(start, end)
        self._mark.release("run")
        if withheld.held_from_ms is not None:
            self._mark.hold("run", max(0, withheld.held_from_ms - MARGIN_MS))
        self._mark.judged("words", max(0, at - MARGIN_MS))

    def _drafts(self, line: Line) -> None:
        """Words as they come, of finals that have something to hide."""
        if not line.kinds:
            return
        words = line.text.split()
        for count in range(1, len(words) + 1, 2):
            text = self._conversation.guard.draft(" ".join(words[:count]), self._paid.language, line.leg)
            if leaked := line.leaked(text):
                self._tally.leaked_in_drafts += leaked
                self._note(f"draft: {text!r} of {line.text!r} in {self._story()}")

    def _take(self, facts: Sequence[Fact]) -> None:
        self.facts += facts
        for fact in facts:
            match fact:
                case Transcript():
                    self._see(fact.turn, fact.text)
                case CallEvent(name="text.settled"):
                    self._see(fact.data["turn"], fact.data["text"])
                case Insight(kind="entity"):
                    line = self._turns[fact.turn]
                    self._found.setdefault(fact.entity_type, set()).update(line.kinds or {None})
                case Insight():
                    self._prove(fact)
            if leaked := sum(self._stretches(text) for text in strings(msgspec.to_builtins(fact), _NOT_WORDS)):
                self._tally.leaked_in_facts += leaked
                self._note(f"fact: {msgspec.to_builtins(fact)}")

    def _see(self, turn: int, text: str) -> None:
        self._shown[turn] = text
        if leaked := self._turns[turn].leaked(text):
            self._tally.leaked_in_transcript += leaked
            self._note(f"words: {text!r} of {self._turns[turn].text!r} in {self._story()}")

    def _prove(self, fact: Insight) -> None:
        for proof in fact.evidence:
            if (line := self._turns.get(proof.turn)) and (leaked := line.leaked(proof.quote)):
                self._tally.leaked_in_proofs += leaked
                self._note(f"proof: {proof.quote!r} of {line.text!r}")

    # ─── counting ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _stretches(self, text: str) -> int:
        return len(stretches(text, self._paid.card, IN_A_ROW))

    def _count_sound(self, said: Sequence[tuple[Line, int, int]]) -> None:
        over_ms = 0
        for line, start, end in said:
            if not line.kinds and self._kept_ms(start, end) < (end - start) / 2:
                self._tally.muted_in_vain += 1
            for first, last, private in line.words():
                began, ended = start + MS_PER_CHARACTER * first, start + MS_PER_CHARACTER * last
                kept = self._kept_ms(began, ended)
                if private and kept:
                    self._tally.leaked_in_sound_ms += kept
                    self._note(f"sound: {kept} of {ended - began} ms of {line.text[first:last]!r} in {self._story()}")
                if not private:
                    over_ms += ended - began - kept
        self._tally.over_muted_s.append(over_ms / 1000)

    def _kept_ms(self, start: int, end: int) -> int:
        sound = ((span.start_ms, span.end_ms) for span in self._spans if span.what == "sound")
        return sum(max(0, min(end, until) - max(start, since)) for since, until in sound)

    def _count_words(self) -> None:
        for turn, text in self._shown.items():
            line = self._turns[turn]
            if not line.kinds and text != line.text:
                self._tally.masked_in_vain += 1
                self._note(f"in vain: {text!r} of {line.text!r}")

    def _count_entities(self) -> None:
        kinds = {kind for line in self._paid.lines for kind in line.kinds}
        for kind in kinds:
            counts = self._tally.entities.setdefault(ENTITY[kind], [0, 0])
            found = kind in self._found.get(ENTITY[kind], ())
            counts[0] += found
            counts[1] += 1
            if not found:
                self._note(f"no {ENTITY[kind]}: {self._story()}")
        self._tally.false_cards += None in self._found.get("CARD", ())

    def _story(self) -> str:
        return f"{self._paid.country}: " + " / ".join(f"{line.leg[0]}: {line.text}" for line in self._paid.lines)


def _roles() -> list[RoleDecision]:
    return [RoleDecision(stream=leg, role=leg, rule="override", confidence=1.0) for leg in ("customer", "agent")]


@lru_cache
def _known() -> tuple[Sequence[Rule], Detectors]:
    return load_rules(), load_detectors()


def conversation(paid: Payment, call_id: str) -> Conversation:
    """As a collections call has it, but for the text models: what they say is of no digit."""
    rules, detectors = _known()
    context = CallContext(paid.country, "", "collections", "outbound", paid.language, datetime.date(2026, 11, 28))
    ledger, roster = Ledger(call_id, lambda: 0.0), Roster()
    form = form_for(bundled_forms(), "collections")
    return Conversation(
        ledger=ledger,
        roster=roster,
        guard=DigitGuard(paid.country, call_id.encode()),
        judge=Judge(rules, context, detectors),
        reader=FakeReader(),
        reads=read_here,
        knowledge=None,
        governor=Governor(),
        language=paid.language,
        country=paid.country,
        clock_ms=lambda: 0.0,
        review=Review.of_call(context, form, rules, detectors, ledger=ledger, roster=roster),
        playbook=PlaybookWatch.of_call(bundled_playbooks(), context, detectors, ledger=ledger, roster=roster),
    )


async def _kept(paid: Sequence[Payment], note: Note) -> int:
    """Stretches of a card in what a database gives back, and in the bytes of its files."""
    leaked = 0
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        store = await Store.open(settings, Vault(bytes(range(32)), "a benchmark"))
        organisation = await store.people.add_organisation("Acme", 1.0)
        hub = Hub(store, metrics=Metrics())
        for number, one in enumerate(paid):
            record = CallRecord(
                call_id=f"call-{number}", organisation_id=organisation, campaign_id="c", campaign="collections",
                direction="outbound", language=one.language, country=one.country,
            )  # fmt: skip
            trial = _Trial(one, Tally(), lambda _: None)
            await trial.run()
            await hub.opened(record)
            await hub.publish(record, trial.facts)
            for _, body in await store.calls.facts_after(organisation, record.call_id, 0):
                texts = strings(msgspec.to_builtins(decode(body)), _NOT_WORDS)
                leaked += sum(len(stretches(text, one.card, IN_A_ROW)) for text in texts)
        await store.close()
        leaked += _in_files(Path(folder), paid, note)
    return leaked


def _in_files(folder: Path, paid: Sequence[Payment], note: Note) -> int:
    leaked = 0
    for path in folder.rglob("*"):
        text = path.read_bytes().decode("latin-1") if path.is_file() else ""
        for one in paid:
            if found := stretches(text, one.card, 8):  # shorter ones are in some time stamp or cipher
                leaked += len(found)
                note(f"file {path.name}: {found}")
    return leaked


def cell(language: str) -> dict[str, Any]:
    """One language's figures, for `python -m benchmarks`."""
    tally = measure(language, 1_000)
    figures: dict[str, Any] = msgspec.to_builtins(tally)
    over_muted = {f"p{share}": round(float(np.percentile(tally.over_muted_s, share)), 2) for share in (50, 95, 99)}
    return figures | {"over_muted_s": over_muted}


CELLS = {f"accuracy.cards.{language}": partial(cell, language) for language in LANGUAGES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", default=LANGUAGES)
    parser.add_argument("--payments", type=int, default=1_000, help="how many a language")
    parser.add_argument("--misses", action="store_true", help="print what leaked, was missed or was masked in vain")
    arguments = parser.parse_args()
    note: Note = (lambda line: print(line, file=sys.stderr)) if arguments.misses else lambda _: None
    table = Table(title=f"{arguments.payments} card payments a language, as text")
    tallies = {language: measure(language, arguments.payments, note) for language in arguments.languages}
    for name in ("", *tallies):
        table.add_column(name, justify="right" if name else "left")
    for name in Tally.__struct_fields__:
        table.add_row(name.replace("_", " "), *(_shown(getattr(tally, name)) for tally in tallies.values()))
    Console().print(table)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(f"p{share} {np.percentile(value, share):.1f}" for share in (50, 95, 99))
    if isinstance(value, dict):
        return "\n".join(f"{name} {found} of {wanted}" for name, (found, wanted) in sorted(value.items()))
    return str(value)


if __name__ == "__main__":
    main()
