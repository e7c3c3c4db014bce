"""Digits are guilty until judged: one call's numbers, kept in memory over turns and speakers until they are understood.

Text in, facts out; no clock, no I/O. Nothing that this module returns shows two digits of a number before it is judged
harmless. `last4` and `value` of an `Entity` are the only places where judged digits leave it.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from engine.facts import Leg
from models.privacy.cues import ABOUT_THE_NUMBER, Cue, asked, cues, folded
from models.privacy.entities import Context, Entity, Verdict, is_card, is_phone, judge
from models.privacy.masking import Mask, render, without_overlaps
from models.privacy.pieces import Parsed, Piece, Said, Situation, parse
from models.privacy.readings import Part, likeliest, readings

_QUIET_MS: Final = 15_000
"""A run that nobody goes on with for so long is closed."""
_CAPTURE_MS: Final = 60_000
"""A card that was asked for and never came is no longer waited for."""
_ASKED_TURNS: Final = 5
_ASKED_MS: Final = 60_000
_CARD_TURNS: Final = 5
"""For so many turns after a card was asked for or heard no other digits are harmless."""
_MENTION_TURNS: Final = 2
_OTHER_WORDS: Final = 3
"""So many words that are no "go on" make a turn of other words, which closes a run."""
_WORDS_AFTER: Final = 4
_ANSWER: Final = 3
_TALK_BETWEEN: Final = 2
_TALK_BETWEEN_LISTS: Final = 4
"""So many other words may stand before a piece that goes on with a run: more where one speaker lists digits."""
_SHORT: Final = 3
_FEW: Final = 6
_MAX_PIECES: Final = 64
_NOT_READ_ALOUD: Final = ("email", "dob", "card_expiry")
_CAPTURED: Final = ("card", "cvv")
_READ_BACK_MIN: Final = 3
_WINDOW: Final = 6
"""A card is remembered as keyed hashes of its stretches of three to six digits."""
_COMMON_LENGTHS: Final = (14, 15, 16)
"""Of cards. Thirteen digits that pass Luhn may be the beginning of sixteen."""
_CHECKED_AT_ONCE: Final = {"cpf": 11, "cnpj": 14, "cuit": 11}
"""Kinds whose check digits say that the number is whole, and its length."""
_CARD_WORD = re.compile(r"\b(?:tarjetas?|cartao|cartoes|cards?|visa|mastercard|amex)\b")


class SpokenTurn(msgspec.Struct, frozen=True):
    """A final, unmasked: the only place where unjudged digits exist."""

    turn: int
    stream: str
    leg: Leg
    text: str
    start_ms: int
    end_ms: int
    language: str
    """`es pt en`, as far as the recogniser knows; it may be wrong."""


class TurnText(msgspec.Struct, frozen=True):
    """A turn as it may be shown."""

    turn: int
    text: str
    """Masked."""
    masks: tuple[Mask, ...]


class Judged(msgspec.Struct, frozen=True):
    """What is known after a turn, a tick or the end."""

    texts: tuple[TurnText, ...]
    """First the new turn as it may be shown now (of `hear`), then earlier turns whose masks changed."""
    entities: tuple[Entity, ...]
    capture: bool
    """A card or security code is expected or being read."""
    capture_started: bool
    capture_ended: bool
    open_run: bool
    """Digits wait for judgement."""
    held_from_ms: int | None
    """Earliest media time still withheld, for the recorder's watermark; None when nothing is."""


class _Page:
    """A turn with masks that may still change."""

    def __init__(self, turn: SpokenTurn, masks: Sequence[Mask]) -> None:
        self.turn = turn
        self.settled = list(masks)
        self.waiting: list[Piece] = []

    def shown(self) -> TurnText:
        waiting = [Mask(piece.start, piece.end, "number") for piece in self.waiting if not piece.shown]
        masks = without_overlaps([*self.settled, *waiting])
        return TurnText(self.turn.turn, render(self.turn.text, masks), masks)


class DigitGuard:
    """One per call. `key` keys the hashes by which a card's read-back is recognised without keeping the card."""

    def __init__(self, country: str, key: bytes) -> None:
        self._country = country
        self._key = key[:64]
        self._known: set[bytes] = set()
        self._pages: dict[int, _Page] = {}
        self._run: list[Piece] = []
        self._asked: dict[str, tuple[int, int]] = {}
        self._capture: set[str] = set()
        self._capture_ms = 0
        self._left: tuple[int, int] | None = None
        self._count = 0
        self._correcting = False
        self._card_turn = -100
        self._mention_turn = -100
        self._changed: dict[int, None] = {}
        self._entities: list[Entity] = []
        self._was_capture = False
        self._started = False
        is_phone("0", country)  # loads the country's plan now rather than in the first turn

    # ─── what the pipeline calls ─────────────────────────────────────────────────────────────────────────────────────

    def hear(self, turn: SpokenTurn) -> Judged:
        """Take in a final. Turns come in order of their end."""
        self._begin()
        self._count += 1
        self._expire(turn.start_ms)
        found = cues(turn.text)
        asks = asked(turn.text, turn.leg, found)
        said = Said(turn.turn, turn.leg, turn.text, turn.language, turn.start_ms, turn.end_ms)
        announced = turn.leg != "agent" and any(kind in asks for kind in _CAPTURED)
        parsed = parse(said, found, self._situation(announced))
        if any(entity.entity_type == "DATE_OF_BIRTH" for entity in parsed.entities):
            self._asked.pop("dob", None)
        if self._run and self._closes(turn, parsed, asks):
            self._settle(by_turn=True)
            parsed = parse(said, found, self._situation(announced))
        self._entities += parsed.entities
        page = self._pages[turn.turn] = _Page(turn, parsed.masks)
        self._expect(turn, asks, parsed)
        self._mention(turn.text, found)
        self._take(page, parsed)
        return self._judged(page)

    def tick(self, now_ms: int) -> Judged | None:
        """The audio clock passed `now_ms`. None when nothing changed."""
        self._begin()
        self._expire(now_ms)
        return self._judged(None) if self._changed or self._was_capture != bool(self._capture) else None

    def close(self) -> Judged | None:
        """The call is over: judge what is open."""
        self._begin()
        self._settle(by_turn=True)
        self._capture.clear()
        return self._judged(None) if self._changed or self._was_capture else None

    def draft(self, text: str, language: str, leg: Leg) -> str:
        """Words that may still change, masked. Leaves no trace."""
        found = cues(text)
        parsed = parse(Said(-1, leg, text, language), found, self._situation(announced=False))
        masks = [Mask(piece.start, piece.end, "number") for piece in parsed.pieces if not piece.shown]
        return render(text, without_overlaps([*parsed.masks, *masks]))

    # ─── state ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        self._changed, self._entities = {}, []
        self._was_capture, self._started = bool(self._capture), False

    def _situation(self, announced: bool) -> Situation:
        capture = bool(self._capture) or announced
        date = next((kind for kind in ("card_expiry", "dob") if self._is_asked(kind)), "")
        number = any(self._is_asked(kind) for kind in self._asked if kind not in _NOT_READ_ALOUD)
        return Situation(bool(self._run) or capture, capture, number, date)

    def _is_asked(self, kind: str) -> bool:
        asked_at = self._asked.get(kind)
        return asked_at is not None and self._count - asked_at[0] <= _ASKED_TURNS

    def _near_card(self) -> bool:
        return self._count - self._card_turn <= _CARD_TURNS or self._count - self._mention_turn <= _MENTION_TURNS

    def _expire(self, now_ms: int) -> None:
        if self._run and now_ms - max(piece.end_ms for piece in self._run) >= _QUIET_MS:
            self._settle(by_turn=False)
        for kind in [kind for kind, (_, at_ms) in self._asked.items() if now_ms - at_ms > _ASKED_MS]:
            del self._asked[kind]
        if not self._capture or self._run:
            return
        left = self._left is not None and now_ms - self._left[1] >= _QUIET_MS
        if left or now_ms - self._capture_ms >= _CAPTURE_MS:
            self._capture.clear()

    def _expect(self, turn: SpokenTurn, asks: Sequence[str], parsed: Parsed) -> None:
        """What this turn makes one wait for; other questions and other talk end the capture of a card."""
        for kind in asks:
            self._asked.pop(kind, None)
            self._asked[kind] = (self._count, turn.end_ms)
        awaited = [kind for kind in asks if kind in _CAPTURED]
        if awaited:
            self._started = not self._was_capture
            self._capture.update(awaited)
            self._card_turn, self._capture_ms, self._left = self._count, turn.end_ms, None
        elif asks and "card_expiry" not in asks and turn.leg != "customer":
            self._capture.clear()
        elif parsed.pieces and self._capture:
            self._capture_ms, self._left = turn.end_ms, None
        elif self._capture and turn.leg != "customer" and self._is_other_talk(turn, parsed):
            self._left = self._left or (self._count, turn.end_ms)
            if self._count - self._left[0] >= 3:
                self._capture.clear()

    def _mention(self, text: str, found: Sequence[Cue]) -> None:
        if any(cue.kind in _CAPTURED for cue in found) or _CARD_WORD.search(folded(text)):
            self._mention_turn = self._count

    # ─── runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_other_talk(self, turn: SpokenTurn, parsed: Parsed) -> bool:
        return parsed.words >= _OTHER_WORDS and ABOUT_THE_NUMBER.search(folded(turn.text)) is None

    def _closes(self, turn: SpokenTurn, parsed: Parsed, asks: Sequence[str]) -> bool:
        """Whether this turn ends the open run rather than goes on with it."""
        if parsed.pieces:
            return not self._continues(parsed.pieces[0])
        if self._capture and turn.leg == "customer":
            return False
        return bool(asks) or self._is_other_talk(turn, parsed)

    def _continues(self, piece: Piece) -> bool:
        """Whether a piece goes on with the open run."""
        last = self._run[-1]
        if piece.named and piece.named != last.named and (last.named or piece.named not in self._kinds(self._run)):
            return False
        if not self._capture and self._stands_alone(piece):
            return False
        reading = bool(self._capture) and (piece.leg != "agent" or not piece.natural)
        talk = _TALK_BETWEEN_LISTS if piece.leg == last.leg and not piece.natural else _TALK_BETWEEN
        return reading or piece.words_before <= talk

    def _stands_alone(self, piece: Piece) -> bool:
        """A whole number after a count or a day said as one word: "el quince. Nuestro número es 800 713 5555"."""
        if len(self._run) > 1 or not all(one.natural and len(one.digits) <= _SHORT for one in self._run):
            return False
        return piece.words_before > 0 and (is_card(piece.digits) or is_phone(piece.digits, self._country))

    def _take(self, page: _Page, parsed: Parsed) -> None:
        for at, piece in enumerate(parsed.pieces):
            if at == 0 and piece.parts and (self._correcting or parsed.corrects_before):
                first = piece.parts[0]._replace(corrected=True)
                piece = piece._replace(parts=(first, *piece.parts[1:]))
            if self._run and not (len(self._run) < _MAX_PIECES and self._continues(piece)):
                self._settle(by_turn=True)
            self._run.append(piece)
            page.waiting.append(piece)
            self._settle_if_clear(words_after=0)
        if parsed.pieces:
            self._settle_if_clear(parsed.words_after)
            self._correcting = False
        self._correcting = bool(self._run) and (self._correcting or parsed.corrects_after)

    def _settle_if_clear(self, words_after: int) -> None:
        """Judge before the run is closed where nothing that may follow could change the judgement."""
        if not self._run:
            return
        ways = self._readings()
        kinds = self._kinds(self._run)
        whole_card = any(len(way) in _COMMON_LENGTHS and is_card(way) for way in self._by_speaker())
        checked = not self._capture and any(
            len(way) == _CHECKED_AT_ONCE[kind] and judge([way], self._context()).label == kind
            for kind in kinds
            if kind in _CHECKED_AT_ONCE
            for way in ways
        )
        if whole_card or checked or (not self._capture and self._is_over(judge(ways, self._context()), words_after)):
            self._settle(by_turn=True)

    def _is_over(self, verdict: Verdict, words_after: int) -> bool:
        if verdict.label == "" and verdict.digits and self._run[-1].named == "reference":
            return True
        if words_after < _WORDS_AFTER:
            return False
        if verdict.label not in ("", "number"):
            return True
        alone = len(self._run) == 1 and self._run[0].natural and len(verdict.digits) <= _SHORT
        return verdict.label == "" and alone and not self._near_card()

    def _parts(self) -> list[Part]:
        return [part for piece in self._run for part in piece.parts]

    def _by_speaker(self) -> list[str]:
        """Each speaker's digits in their likeliest reading."""
        parts = self._parts()
        return [likeliest([part for part in parts if part.leg == leg]) for leg in {part.leg for part in parts}]

    def _readings(self) -> list[str]:
        return readings(self._parts())

    def _kinds(self, run: Sequence[Piece]) -> list[str]:
        named = [piece.named for piece in run if piece.named]
        active = [kind for kind in reversed(self._asked) if self._is_asked(kind)]
        return list(dict.fromkeys([*named, *active]))

    def _context(self) -> Context:
        named = next((piece.named for piece in self._run if piece.named), "")
        return Context(
            country=self._country,
            kinds=self._kinds(self._run),
            named=named,
            capture="card" in self._capture,
            near_card=self._near_card(),
            garbled=any(piece.garbled for piece in self._run),
            loose=self._is_loose(),
            known=self._is_known,
        )

    def _is_loose(self) -> bool:
        """Several amounts or counts in a row of talk, each said as a whole and with words between."""
        rest = self._run[1:]
        return bool(rest) and all(piece.natural for piece in self._run) and all(piece.words_before for piece in rest)

    def _settle(self, *, by_turn: bool) -> None:
        """Judge the open run and put its masks right."""
        if not self._run:
            return
        verdict = judge(self._readings(), self._context())
        for piece in self._run:
            page = self._pages[piece.turn]
            page.waiting.remove(piece)
            if verdict.label:
                page.settled.append(Mask(piece.start, piece.end, verdict.label))
            if verdict.label != ("" if piece.shown else "number"):
                self._changed[piece.turn] = None
        self._entities += self._found(verdict)
        self._answered(verdict)
        if verdict.label == "card":
            self._heard_card(verdict, by_turn)
        self._capture.discard(verdict.label if verdict.label == "cvv" else "")
        self._run = []

    def _answered(self, verdict: Verdict) -> None:
        """What was asked for has been said: numbers after it are other numbers. Cards keep their own state."""
        self._asked.pop(verdict.label, None)
        if verdict.label in ("", "number") and len(verdict.digits) >= _ANSWER:
            for kind in [kind for kind in self._asked if kind not in _CAPTURED]:
                del self._asked[kind]

    def _found(self, verdict: Verdict) -> Iterator[Entity]:
        """One entity for each speaker of the number, where he ended it."""
        if not verdict.entity_type or (verdict.label == "card" and self._is_only_its_end(verdict)):
            return
        last = {piece.leg: piece for piece in self._run}
        said = {leg: sum(len(p.digits) for p in self._run if p.leg == leg) for leg in last}
        for leg, piece in last.items():
            if said[leg] * 2 >= max(said.values()):
                yield Entity(
                    piece.turn, verdict.entity_type, piece.start, piece.end, verdict.score, verdict.last4, verdict.value
                )

    def _is_only_its_end(self, verdict: Verdict) -> bool:
        """ "La tarjeta terminada en…": hidden, but no card number."""
        return len(verdict.digits) < _FEW and not any(piece.garbled for piece in self._run)

    def _heard_card(self, verdict: Verdict, by_turn: bool) -> None:
        self._card_turn = self._count
        if verdict.whole or by_turn:
            self._capture.discard("card")
        if verdict.whole:
            digits = verdict.digits
            self._known.update(
                self._hash(digits[start : start + size])
                for size in range(_READ_BACK_MIN, _WINDOW + 1)
                for start in range(len(digits) - size + 1)
            )

    def _hash(self, digits: str) -> bytes:
        return hashlib.blake2b(digits.encode(), key=self._key, digest_size=16).digest()

    def _is_known(self, digits: str) -> bool:
        """Whether all of the digits stand in this order in a card that was heard."""
        if not self._known or len(digits) < _READ_BACK_MIN:
            return False
        size = min(len(digits), _WINDOW)
        windows = (digits[start : start + size] for start in range(len(digits) - size + 1))
        return all(self._hash(window) in self._known for window in windows)

    # ─── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _judged(self, page: _Page | None) -> Judged:
        new = () if page is None else (page.shown(),)
        earlier = tuple(self._pages[turn].shown() for turn in self._changed if page is None or turn != page.turn.turn)
        for turn in [turn for turn, kept in self._pages.items() if not kept.waiting]:
            del self._pages[turn]
        capture = bool(self._capture)
        return Judged(
            new + earlier,
            tuple(self._entities),
            capture,
            self._started,
            (self._was_capture or self._started) and not capture,
            bool(self._run),
            min((piece.start_ms for piece in self._run), default=None),
        )
