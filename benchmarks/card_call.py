"""A card payment as a call: its finals through the conversation that a live call has, and all that could be seen of it.

Media goes on between the finals, drafts come as their words do, and a recording is cut as a call's tape cuts it.
"""

import datetime
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from structlog.testing import capture_logs

from benchmarks.payments import Line, Payment
from engine.facts import Fact, Transcript
from engine.ports.hearing import HeardWord
from engine.ports.intake import RoleDecision
from media.recorder import LEAST_DELAY_MS, RecordedSpan, Watermark
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

MS_PER_CHARACTER = 65
HEARD_AFTER_MS = 1_500
"""Media goes on so long before a final is there."""
STARTS_ERR_MS, ENDS_ERR_MS = (-60, 120), (-20, 110)
"""Mean and standard error of where words are found (`accuracy.word_times`)."""


class Said(NamedTuple):
    """A line, and when it was spoken."""

    line: Line
    start_ms: int
    end_ms: int

    def ms_of(self, character: int) -> int:
        return self.start_ms + MS_PER_CHARACTER * character


class DraftSeen(NamedTuple):
    """What was shown of a line before its final."""

    line: Line
    text: str


class CardCall:
    """One payment. `run` takes it from its first word to its last; then the rest says what there was to see."""

    def __init__(self, paid: Payment, call_id: str = "payment") -> None:
        self.paid = paid
        self.said: list[Said] = []
        self.turns: dict[int, Line] = {}
        self.seen: list[Fact | DraftSeen] = []
        """In the order in which they could be seen."""
        self.logs: Sequence[Any] = ()
        self.spans: list[RecordedSpan] = []
        """What of the call was recorded, as what."""
        self._conversation = conversation(paid, call_id)
        self._mark = Watermark(("words",))
        self._chance = random.Random(f"{paid.card} {paid.language}")

    @property
    def facts(self) -> list[Fact]:
        return [one for one in self.seen if not isinstance(one, DraftSeen)]

    async def run(self) -> None:
        with capture_logs() as self.logs:
            now = 0
            self.seen += self._conversation.decide_roles(_roles(), 0)
            for line in self.paid.lines:
                start = now + line.pause_ms
                for at in range(now + 1_000, start, 1_000):
                    self._pass(at)
                self._pass(start)
                now = start + MS_PER_CHARACTER * len(line.text)
                self._draft(line)
                said = Said(line, start, now)
                await self._hear(said)
                self.said.append(said)
            self.seen += self._conversation.end(now)
            self._listen(now + LEAST_DELAY_MS)
            self.spans += self._mark.close(now)
        refuse_faults(self.logs)

    def _draft(self, line: Line) -> None:
        """Each word as it comes, of finals that have something to hide."""
        if not line.kinds:
            return
        words = line.text.split()
        for count in range(1, len(words) + 1):
            text = self._conversation.guard.draft(" ".join(words[:count]), self.paid.language, line.leg)
            self.seen.append(DraftSeen(line, text))

    async def _hear(self, said: Said) -> None:
        line, start, end = said
        heard = Utterance(
            stream=line.leg,
            leg=line.leg,
            start_ms=start,
            end_ms=end,
            text=line.text,
            words=self._words(said),
            language=self.paid.language,
        )
        async for facts in self._conversation.hear(heard):
            self.turns |= {fact.turn: line for fact in facts if isinstance(fact, Transcript)}
            self.seen += facts
        self._listen(end)
        self.spans += self._mark.advance(end + HEARD_AFTER_MS)

    def _words(self, said: Said) -> tuple[HeardWord, ...]:
        """Words' times as recognition finds them: not quite where they are."""
        found, at = [], said.start_ms
        for first, last, _ in said.line.words():
            began, ended = (
                min(said.end_ms, max(at, said.ms_of(place) + round(self._chance.gauss(*error))))
                for place, error in ((first, STARTS_ERR_MS), (last, ENDS_ERR_MS))
            )
            at = max(began, ended)
            found.append(HeardWord(first, last, began, at))
        return tuple(found)

    def _pass(self, at: int) -> None:
        self.seen += self._conversation.tick(at)
        self._listen(at)
        self.spans += self._mark.advance(at + HEARD_AFTER_MS)

    def _listen(self, at: int) -> None:
        """As a call's tape does with what is withheld."""
        withheld = self._conversation.withheld()
        for start, end in withheld.cuts:
            self._mark.cut(start, end)
        self._mark.release("run")
        if withheld.held_from_ms is not None:
            self._mark.hold("run", max(0, withheld.held_from_ms - MARGIN_MS))
        self._mark.judged("words", max(0, at - LEAST_DELAY_MS))


def refuse_faults(logs: Sequence[Any]) -> None:
    """Raises `RuntimeError` where something failed: it is logged and a call goes on, and what it would have shown is
    looked at by nobody."""
    if faults := [line for line in logs if line["log_level"] in ("error", "critical")]:
        raise RuntimeError(f"faults were logged: {faults}")


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
