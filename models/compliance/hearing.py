"""What the judge is told and what it answers."""

import datetime
from collections.abc import Sequence
from typing import Literal

import msgspec

from engine.facts import Leg, Outcome
from engine.ports.hearing import HeardWord
from engine.ports.reading import Reading
from models.compliance.metadata import Metadata

Severity = Literal["info", "warning", "critical"]
Breakpoints = tuple[tuple[int, int], ...]


class CallContext(msgspec.Struct, frozen=True):
    """What decides which rules a call is judged by."""

    country: str
    """ISO 3166-1 alpha-2."""
    region: str
    """State or province as in ISO 3166-2 (`CA` or `US-CA`); empty when unknown."""
    campaign: str
    direction: Literal["inbound", "outbound"]
    language: str
    """`es pt en`; titles and `because` come in it, English for anything else."""
    day: datetime.date
    """The call's local day: rules in force on it are applied."""
    segment: Literal["opening", "mid"] = "opening"
    """`mid` is an excerpt: opening duties are taken as done, and its end is not the call's."""
    rule_packs: tuple[str, ...] = ()
    """Names of packs (stems of the files in `data/rules`); empty means all."""
    metadata: Metadata = Metadata()

    @property
    def place(self) -> str:
        """The region without its country: `CA`."""
        return self.region.upper().removeprefix(f"{self.country.upper()}-")


class EntityRef(msgspec.Struct, frozen=True):
    """A private thing that was found in a turn."""

    entity_type: str
    start: int
    end: int
    """Code points in the turn's spoken text, end exclusive."""
    last4: str = ""


class JudgedTurn(msgspec.Struct, frozen=True):
    """A final as the rest of the engine may see it."""

    turn: int
    stream: str
    leg: Leg
    text: str
    """Masked; masks keep their type: `[card] [number] [phone]`."""
    start_ms: int
    end_ms: int
    language: str = ""
    reading: Reading | None = None
    entities: tuple[EntityRef, ...] = ()
    offsets: Breakpoints = ()
    """`(masked, spoken)` pairs in ascending order: where both are in step again. Empty: they are the same."""
    words: tuple[HeardWord, ...] = ()
    """When each word of the spoken text was said, in media time; none where that is not known."""

    def said_ms(self, start: int, end: int) -> tuple[int, int]:
        """Media time of code points of the spoken text; by their share of the turn where words have no times."""
        within = [word for word in self.words if word.start < end and start < word.end]
        if within:
            return within[0].start_ms, within[-1].end_ms
        span, length = self.end_ms - self.start_ms, max(to_spoken(self.offsets, len(self.text)), 1)
        return self.start_ms + span * start // length, self.start_ms + span * end // length


class Verdict(msgspec.Struct, frozen=True):
    """One rule's finding, with its proof."""

    rule: str
    version: str
    outcome: Outcome
    turn: int
    leg: Leg
    start: int
    end: int
    """Code points in the turn's spoken text, end exclusive."""
    quote: str
    """The words as masked."""
    start_ms: int
    end_ms: int
    score: float
    severity: Severity
    action: str
    source: str
    title: str
    key: str
    """Same finding, same key: what the judge withdraws by."""
    because: str = ""
    """What it rests on beside words: the local time, a count, a list; in the call's language, as `title`."""


def to_spoken(offsets: Sequence[tuple[int, int]], position: int) -> int:
    """Code point of the spoken text for one of the masked text. A point inside a mask stays inside what it masks."""
    masked, spoken = 0, 0
    for next_masked, next_spoken in offsets:
        if position < next_masked:
            return min(spoken + position - masked, next_spoken)
        masked, spoken = next_masked, next_spoken
    return spoken + position - masked
