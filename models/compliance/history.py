"""What was said in a call so far, by whom, and which acts it performs; remembered so that roles may come late."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
from msgspec.structs import replace

from engine.facts import Leg, Outcome
from engine.ports.reading import Reading
from models.compliance.checks import Bears, CheckLeg, Consent, Order, Says
from models.compliance.detectors import PHRASE_SCORE, Detectors
from models.compliance.ground_wording import worded
from models.compliance.grounds import Ground
from models.compliance.hearing import JudgedTurn, Verdict, to_spoken
from models.compliance.holds import Holds
from models.compliance.rules import Rule
from models.compliance.text import Folded
from models.privacy.entities import MASK_OF

ALERT_SCORE = 0.55
"""Probability from which on an act that no phrase has is an alert. Chosen by two thirds of the sentences of other
authors (`tests/data/turns`), half of them near misses: nine alerts in ten are right there. In calls acts are rarer, and
so are those. `python -m benchmarks.turns --part choose` is what to choose it by anew."""
JOIN_GAP_MS = 2_000
"""Finals of one speaker with less silence between them, and nobody else, are one utterance."""
_JOINED = 2
_ONE_BREATH_MS = 1_000
"""What follows sooner may still change what was meant."""
_SAME_CARD_MS = 120_000
_SAME_UNKNOWN_MS = 30_000
_NO_VECTOR = np.empty(0, np.float32)


class Mark(msgspec.Struct, frozen=True):
    """Where in a turn a check was met."""

    start: int
    end: int
    """Code points of the masked text."""
    score: float
    spoken: tuple[int, int] | None = None
    """The same in the spoken text, where it is known better than by the offsets."""
    last4: str = ""
    beyond: bool = False
    """It begins before the final that the turn goes on from: the text models did not read that with it."""


class Heard:
    """A turn with what was found in it."""

    def __init__(self, turn: JudgedTurn, before: "Heard | None") -> None:
        self.turn = turn
        self.before = before
        """The final that it goes on from, without a pause."""
        self.hits: dict[str, Mark | None] = {}
        self.marks: dict[str, Mark | None] = {}
        self.unsaid: set[str] = set()
        """Acts that its words perform, and no longer do now that the sentence goes on."""
        self.folded: Folded | None = None
        self.lead = ""
        self.beyond = 0
        """So much of the lead stands before the final that it goes on from."""

    def joined(self) -> list["Heard"]:
        """The finals whose words are its sentence's too, latest first; of a monologue the last ones alone."""
        parts: list[Heard] = []
        at = self.before
        while at and len(parts) < _JOINED:
            parts.append(at)
            at = at.before
        return parts


class History:
    def __init__(self, detectors: Detectors, language: str = "") -> None:
        self._detectors = detectors
        self.language = language
        """Verdicts are titled in it; English where it is none of ours."""
        self.heard: list[Heard] = []
        self.legs: dict[str, Leg] = {}
        """Roles told by `roles_changed`; until then those of the turns."""
        self.holds = Holds()
        self.lost: list[tuple[str, int]] = []
        """Speech whose words were lost: its stream, and where it began."""
        self.version = 0

    def add(self, turn: JudgedTurn) -> Heard:
        """A new turn, or a new state of one heard before."""
        self.version += 1
        turn = _lasting(turn)
        for index, known in enumerate(self.heard):
            if known.turn.turn == turn.turn:
                return self._replace(index, Heard(turn, known.before))
        heard = Heard(turn, self._goes_on_from(turn))
        self.heard.append(heard)
        return heard

    def _replace(self, index: int, heard: Heard) -> Heard:
        old = self.heard[index]
        heard.unsaid |= old.unsaid
        self.heard[index] = heard
        for other in self.heard:
            if other.before is old:
                other.before = heard
        return heard

    def _goes_on_from(self, turn: JudgedTurn) -> Heard | None:
        last = next((known for known in reversed(self.heard) if known.turn.stream == turn.stream), None)
        if last is None:
            return None
        pause = turn.start_ms - last.turn.end_ms
        if turn.end_ms == 0:
            return last if last is self.heard[-1] else None
        if not -JOIN_GAP_MS < pause < JOIN_GAP_MS:
            return None
        others = (known.turn for known in self.heard if known.turn.stream != turn.stream)
        between = any(last.turn.end_ms <= (o.start_ms + o.end_ms) / 2 < turn.start_ms for o in others)
        return None if between else last

    def leg(self, heard: Heard) -> Leg:
        return self.legs.get(heard.turn.stream, heard.turn.leg)

    def lost_by(self, leg: CheckLeg, at_ms: float) -> bool:
        """Whether words of that leg, or of who may be on it, were lost that began until then. `any`: anybody's."""
        if not self.lost:
            return False
        legs = {heard.turn.stream: heard.turn.leg for heard in self.heard} | self.legs
        whose = (leg, "unknown", "mixed")
        return any(
            start_ms <= at_ms and (leg == "any" or legs.get(stream, "unknown") in whose)
            for stream, start_ms in self.lost
        )

    def find(self, heard: Heard, act: str) -> Mark | None:
        """An act performed with words of this turn, perhaps begun in the finals that it goes on from."""
        if act not in heard.hits:
            heard.hits[act] = self._find(heard, act)
        return None if act in heard.unsaid else heard.hits[act]

    def meant(self, heard: Heard, act: str) -> Mark | None:
        """The same for an alert, which wants more than a duty that was done or a state that was reached: the turn
        encoder has to be sure where it hears alone, and must not rule out what a phrase hears. It may miss one
        of several acts in one breath, and a duty that was done would be told of as neglected: those are done by a
        phrase alone.
        """
        mark = self.find(heard, act)
        if mark is None:
            return None
        reading = None if mark.beyond else heard.turn.reading  # only what was read may be ruled out
        return mark if is_sure(act, mark.score, reading) else None

    def _find(self, heard: Heard, act: str) -> Mark | None:
        if heard.folded is None:
            texts = [*(part.turn.text for part in reversed(heard.joined())), heard.turn.text]
            heard.lead, heard.beyond = _lead(texts), len(_lead(texts[:-1]))
            heard.folded = self._detectors.fold(heard.lead + heard.turn.text)
        offset = len(heard.lead)
        hit = self._detectors[act].find(heard.folded, heard.turn.reading, offset)
        if hit is None:
            return None
        return Mark(max(hit.start - offset, 0), hit.end - offset, hit.score, beyond=hit.start < heard.beyond)

    def unsaid(self, heard: Heard, act: str) -> list[Heard]:
        """Finals that performed the act by their words alone, and no longer do now that the sentence goes on: `No me
        llame.` and then `ahora, que estoy trabajando`. From here on they never did."""
        if heard.before is None or heard.turn.start_ms - heard.before.turn.end_ms > _ONE_BREATH_MS:
            return []
        said = [
            part
            for part in heard.joined()
            if act not in part.unsaid and (mark := part.hits.get(act)) and mark.score == PHRASE_SCORE
        ]
        if not said or self.find(heard, act) or heard.folded is None or self._detectors[act].find(heard.folded):
            return []
        for part in said:
            part.unsaid.add(act)
        return said

    def mark(self, heard: Heard, check: Says | Bears | Order | Consent, name: str) -> Mark | None:
        """Where the turn meets the check, unless the same utterance met it before."""
        if not isinstance(check, Bears) and check.act in heard.unsaid:
            return None
        if name not in heard.marks:
            heard.marks[name] = (
                self._bears(heard, check, name) if isinstance(check, Bears) else self._says(heard, check, name)
            )
        return heard.marks[name]

    def _says(self, heard: Heard, check: Says | Order | Consent, name: str) -> Mark | None:
        mark = self.meant(heard, check.act)
        if mark and any(part.marks.get(name) and check.act not in part.unsaid for part in heard.joined()):
            return None
        return mark

    def _bears(self, heard: Heard, check: Bears, name: str) -> Mark | None:
        mark = borne(heard.turn, check.entity)
        if mark is None:
            return None
        for other in self.heard:
            known = other.marks.get(name)
            if (
                known
                and other is not heard
                and _same_thing(known, mark, abs(other.turn.start_ms - heard.turn.start_ms))
            ):
                return None
        return mark

    def said_ms(self, heard: Heard, mark: Mark) -> tuple[int, int]:
        """When the words of a mark were said."""
        return heard.turn.said_ms(*_spoken(heard.turn, mark))

    def title(self, rule: Rule) -> str:
        return rule.title.get(self.language) or rule.title["en"]

    def verdict(
        self,
        rule: Rule,
        outcome: Outcome,
        action: str,
        mark: Mark,
        heard: Heard,
        key: str,
        ground: Ground | None = None,
    ) -> Verdict:
        turn = heard.turn
        spoken = _spoken(turn, mark)
        start_ms, end_ms = turn.said_ms(*spoken)
        return Verdict(
            rule=rule.id,
            version=rule.version,
            outcome=outcome,
            turn=turn.turn,
            leg=self.leg(heard),
            start=spoken[0],
            end=spoken[1],
            quote=turn.text[mark.start : mark.end],
            start_ms=start_ms,
            end_ms=end_ms,
            score=round(mark.score, 4),
            severity=rule.severity,
            action=action,
            source=rule.source,
            title=self.title(rule),
            key=key,
            because=worded(ground, self.language) if ground else "",
        )


def _spoken(turn: JudgedTurn, mark: Mark) -> tuple[int, int]:
    return mark.spoken or (to_spoken(turn.offsets, mark.start), to_spoken(turn.offsets, mark.end))


def _lasting(turn: JudgedTurn) -> JudgedTurn:
    """Without the vectors that no rule asks for: a history is kept to the call's end."""
    if turn.reading is None:
        return turn
    return replace(turn, reading=replace(turn.reading, vector=_NO_VECTOR, views=None))


def _lead(texts: Sequence[str]) -> str:
    """The finals before the last one as the beginning of its sentence: recognisers end each final, whatever was said.
    `No.` stays an answer where the next one begins with a capital: `Llame el lunes.` was not meant to be forbidden."""
    parts = [
        text.strip() if follows.lstrip(" ¿¡")[:1].isupper() and Folded(text).answers() else text.rstrip(" .,;…?!")
        for text, follows in pairwise(texts)
    ]
    return " ".join([*parts, ""])


def is_sure(act: str, score: float, reading: Reading | None) -> bool:
    """Whether an act that was found is sure enough to be held against somebody."""
    return score >= ALERT_SCORE and (reading is None or act not in reading.unlikely)


def borne(turn: JudgedTurn, entity: str) -> Mark | None:
    """Where the turn bears private data of the type, as found or as its mask shows."""
    mask = MASK_OF[entity]
    at = turn.text.find(mask)
    for ref in turn.entities:
        if ref.entity_type == entity:
            start, end = (at, at + len(mask)) if at >= 0 else (0, len(turn.text))
            return Mark(start, end, 1.0, (ref.start, ref.end), ref.last4)
    return Mark(at, at + len(mask), 1.0) if at >= 0 else None


def _same_thing(one: Mark, other: Mark, apart_ms: int) -> bool:
    """A card in pieces, read again or read back is the same card."""
    if one.last4 and other.last4:
        return one.last4 == other.last4 and apart_ms <= _SAME_CARD_MS
    return apart_ms <= _SAME_UNKNOWN_MS
