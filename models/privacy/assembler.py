"""Digits are guilty until judged: one call's numbers, kept in memory over turns and speakers until they are understood.

Text in, facts out; no clock, no I/O. Nothing that this module returns shows two digits of a number before it is judged
harmless. `last4` and `value` of an `Entity` are the only places where judged digits leave it.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.facts import Leg
from models.privacy.checks import is_phone, is_whole_card
from models.privacy.cues import ABOUT_THE_NUMBER, ASKS_HOW_MANY, Cue, asked, cues, folded
from models.privacy.entities import Context, Entity, Verdict, at_home, falls_short, is_begun, judge
from models.privacy.expectations import Expectations
from models.privacy.known_cards import KnownCards
from models.privacy.lexicon import NUMBER_WORDS, fold
from models.privacy.masking import Mask, render, without_overlaps
from models.privacy.named_dates import WHOLE_DATE
from models.privacy.open_run import PARTS_OF_A_CARD, OpenRun
from models.privacy.parsed import Parsed, Piece
from models.privacy.pieces import parse
from models.privacy.situation import DRAFT, Said, Situation
from models.privacy.turns import Judged, Page, SpokenTurn

_QUIET_MS: Final = 15_000
"""A run that nobody goes on with for so long is closed…"""
_QUIET_AT_A_CARD_MS: Final = 60_000
"""…but while a card is read, somebody looks for spectacles…"""
_QUIET_BARE_MS: Final = 30_000
"""…and digits with no word to them may be one."""
_OTHER_WORDS: Final = 3
"""So many words that are no "go on" make a turn of other words, which closes a run."""
_FEW_WORDS: Final = 2
"""…and so few do not: "é, dois", "is: seven"."""
_WORDS_AFTER: Final = 4
"""So many words after a number end it within its turn."""
_ANNOUNCED_MS: Final = 8_000
"""So long after "the number of your protocol" the same speaker's next words are that number."""
_ENDS_WITHIN: Final = 12
"""…when the turn ends so many code points after the name: "your protocol is:"."""
_DATES: Final = {"DATE_OF_BIRTH": "dob", "CARD_EXPIRY": "card_expiry"}
_CHECKED_AT_ONCE: Final = {"cpf": 11, "cnpj": 14, "cuit": 11}
"""Kinds whose check digits say that the number is whole, and its length."""


class _Announced(msgspec.Struct, frozen=True):
    """A number was named and the turn ended before its first digit."""

    kind: str
    until_ms: int


class DigitGuard:
    """One per call. `key` keys the hashes by which a card's read-back is recognised without keeping the card."""

    def __init__(self, country: str, key: bytes) -> None:
        self._country = country
        self._known = KnownCards(key)
        self._expected = Expectations()
        self._run = OpenRun()
        self._pages: dict[int, Page] = {}
        self._correcting = False
        self._announced: dict[Leg, _Announced] = {}
        self._changed: dict[int, None] = {}
        self._entities: list[Entity] = []
        self._how_many = False
        self._was_capture = False
        self._started = False
        is_phone("0", country)  # loads the country's plan now rather than in the first turn

    def hear(self, turn: SpokenTurn) -> Judged:
        """Take in a final. Turns come in order of their end, each with a number of its own."""
        self._begin()
        self._expected.next_turn()
        self._expire(turn.start_ms)
        found = cues(turn.text, near_card=self._expected.near_card)
        asks = asked(turn.text, turn.leg, found)
        said = Said(turn.turn, turn.leg, turn.text, turn.language, turn.start_ms, turn.end_ms)
        offers = _offers(turn.leg, asks)
        parsed = self._named_before(parse(said, found, self._situation(offers)))
        if self._run and self._closes(turn, parsed, asks):
            self._settle(by_turn=True)
            parsed = self._named_before(parse(said, found, self._situation(offers)))
        self._entities += parsed.entities
        for entity in parsed.entities:
            whole = entity.score == WHOLE_DATE
            if entity.entity_type == "DATE_OF_BIRTH" and not whole:
                self._expected.half_answered()
            elif whole and entity.entity_type in _DATES:
                self._expected.answered(_DATES[entity.entity_type], "")
        page = self._pages[turn.turn] = Page(turn, parsed.masks)
        self._expect(turn, asks, parsed)
        self._expected.mention(turn.text, found)
        listed = next((piece.digits for piece in parsed.pieces if piece.listed), "")
        if listed and turn.leg != "agent":
            self._expected.recall(listed)
        self._take(page, parsed)
        self._announce(turn, found, parsed)
        if turn.leg != "customer":
            self._how_many = not asks and ASKS_HOW_MANY.search(folded(turn.text)) is not None
        elif parsed.pieces or self._is_other_talk(turn, parsed):
            self._how_many = False
        return self._judged(page)

    def tick(self, now_ms: int) -> Judged | None:
        """The audio clock passed `now_ms`. None when nothing changed."""
        self._begin()
        self._expire(now_ms)
        return self._judged(None) if self._changed or self._was_capture != self._expected.capture else None

    def close(self) -> Judged | None:
        """The call is over: judge what is open. None when nothing changed."""
        self._begin()
        self._settle(by_turn=True)
        self._expected.close()
        return self._judged(None) if self._changed or self._was_capture else None

    def draft(self, text: str, language: str, leg: Leg) -> str:
        """Words that may still change, masked. A lone digit at its end, which may be the first of many, is not told
        yet: the next draft has one more word, or is the final. Leaves no trace."""
        found = cues(text, near_card=self._expected.near_card)
        parsed = parse(Said(DRAFT, leg, text, language), found, self._situation(_offers(leg, asked(text, leg, found))))
        waiting = [Mask(piece.start, piece.end, "number") for piece in parsed.pieces if not piece.shown]
        masks = without_overlaps([*parsed.masks, *waiting])
        first = next((piece.start for piece in parsed.pieces if piece.shown), None)
        if first is None:
            return render(text, masks)
        return render(text[:first], [mask for mask in masks if mask.end <= first]).rstrip(" ,")

    def may_break_off(self, draft: str) -> bool:
        """Whether the last word of speech that goes on may be the beginning of a digit that nobody may see: a number is
        awaited or read, or stands before it. Half a word is known for none by its letters ("cua")."""
        if self.near_card or self._run or self._expected.kinds():
            return True
        before = re.findall(r"\w+", fold(draft))[-2:-1]
        return any(word in NUMBER_WORDS or word.isdigit() for word in before)

    @property
    def held_from_ms(self) -> int | None:
        """As `Judged.held_from_ms`, also when nothing changed for readers."""
        return self._run.held_from_ms

    @property
    def near_card(self) -> bool:
        """Whether a card is on the table: asked for, spoken of, or heard a few turns ago."""
        return self._expected.capture or self._expected.near_card

    def _begin(self) -> None:
        self._changed, self._entities = {}, []
        self._was_capture, self._started = self._expected.capture, False

    def _situation(self, offers: bool) -> Situation:
        expected = self._expected
        capture = expected.capture or offers  # the turn itself announces a card or its code
        return Situation(
            guarded=bool(self._run) or capture,
            capture=capture,
            asked=expected.number,
            date_is=expected.date,
            half_told=expected.half_told,
            near_card=expected.near_card or self._run.near_card,
            name=expected.name,
            after_card=expected.after_card,
            code=expected.code,
            email="email" in expected.kinds(),
            address="address" in expected.kinds(),
        )

    def _expire(self, now_ms: int) -> None:
        quiet_ms = _QUIET_AT_A_CARD_MS if self._expected.capture else _QUIET_BARE_MS if self._run.bare else _QUIET_MS
        if self._run and now_ms - self._run.last_ms >= quiet_ms:
            self._settle(by_turn=False)
        self._expected.expire(now_ms, reading=bool(self._run))

    def _expect(self, turn: SpokenTurn, asks: Sequence[str], parsed: Parsed) -> None:
        """What this turn makes one wait for."""
        if self._expected.ask(asks, turn.leg, turn.end_ms):
            self._started = not self._was_capture
        elif parsed.pieces:
            self._expected.goes_on(turn.end_ms)
        elif turn.leg != "customer" and self._is_other_talk(turn, parsed):
            self._expected.leaves(turn.end_ms)

    # ─── runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _announce(self, turn: SpokenTurn, found: Sequence[Cue], parsed: Parsed) -> None:
        """A pause after the name of a number must not part the two. A reference is shown at once, so it is believed
        only of the one who gives it out."""
        last = parsed.pieces[-1].end if parsed.pieces else 0
        named = found[-1] if found and found[-1].start >= last else None
        if named and len(turn.text) - named.end <= _ENDS_WITHIN and (named.kind != "reference" or turn.leg == "agent"):
            self._announced[turn.leg] = _Announced(named.kind, turn.end_ms + _ANNOUNCED_MS)
        elif self._is_other_talk(turn, parsed):
            self._announced.pop(turn.leg, None)

    def _named_before(self, parsed: Parsed) -> Parsed:
        """With the name that the same speaker gave the turn's first number before it."""
        piece = next(iter(parsed.pieces), None)
        announced = self._announced.get(piece.leg) if piece else None
        if piece is None or announced is None or piece.named or piece.words_before > _FEW_WORDS:
            return parsed
        amid = bool(self._run) or self._expected.capture or self._expected.near_card
        if piece.start_ms > announced.until_ms or (amid and announced.kind not in PARTS_OF_A_CARD):
            return parsed
        named = piece._replace(named=announced.kind, told=announced.kind != "reference")
        return parsed._replace(pieces=(named, *parsed.pieces[1:]))

    def _is_other_talk(self, turn: SpokenTurn, parsed: Parsed) -> bool:
        return parsed.words >= _OTHER_WORDS and ABOUT_THE_NUMBER.search(folded(turn.text)) is None

    def _closes(self, turn: SpokenTurn, parsed: Parsed, asks: Sequence[str]) -> bool:
        """Whether this turn ends the open run rather than goes on with it."""
        if parsed.pieces:
            return not self._goes_on(parsed.pieces[0])
        if self._expected.capture and turn.leg == "customer":
            return False
        if any(kind != "digits" for kind in asks):
            return True
        reader = turn.leg == self._run.pieces[-1].leg
        return self._is_other_talk(turn, parsed) and not (reader and self._context().begun)

    def _goes_on(self, piece: Piece) -> bool:
        expected = self._expected
        return self._run.goes_on_with(
            piece,
            capture=expected.capture,
            near_card=expected.near_card or self._run.near_card,
            expected=expected.kinds(),
            country=self._country,
        )

    def _take(self, page: Page, parsed: Parsed) -> None:
        with_both = {piece.named for piece in parsed.pieces} >= PARTS_OF_A_CARD.keys()
        for at, piece in enumerate(parsed.pieces):
            if at == 0 and piece.parts and (self._correcting or parsed.corrects_before):
                first = piece.parts[0]._replace(corrected=True)
                piece = piece._replace(parts=(first, *piece.parts[1:]))
            if self._run and not self._goes_on(piece):
                self._settle(by_turn=True)
            if not self._run:
                self._run.after_card = self._expected.after_card
                self._run.after_how_many = self._how_many
            self._run.near_card = self._run.near_card or self._expected.near_card or with_both
            self._run.pieces.append(piece)
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
        context, capture = self._context(), self._expected.capture
        ways = self._run.readings()
        clear = any(is_whole_card(way) for way in self._run.by_speaker())
        clear = clear or (not capture and any(self._is_checked(way, context) for way in ways))
        if clear or (not capture and self._is_over(judge(ways, context), words_after)):
            self._settle(by_turn=True)

    @staticmethod
    def _is_checked(way: str, context: Context) -> bool:
        kinds = (kind for kind in context.kinds if _CHECKED_AT_ONCE.get(kind) == len(way))
        return any(judge([way], context)[:1] == (kind,) for kind in kinds)

    def _is_over(self, verdict: Verdict, words_after: int) -> bool:
        if verdict.label == "" and verdict.digits and self._run.pieces[-1].named == "reference":
            return True
        if words_after < _WORDS_AFTER:
            return False
        near_card = self._expected.near_card or self._run.near_card
        harmless = verdict.label == "" and self._run.alone(verdict.digits) and not near_card
        return harmless or verdict.label not in ("", "number")

    def _context(self) -> Context:
        named = [at_home(kind, self._country) for kind in self._run.named]
        kinds = [kind for kind in self._expected.kinds() if kind != "dob" or not self._run.counts]
        awaited = [at_home(kind, self._country) for kind in kinds]
        asked_kinds = [at_home(kind, self._country) for kind in self._expected.questions()]
        return Context(
            country=self._country,
            kinds=list(dict.fromkeys([*named, *awaited])),
            named=named[0] if named else "",
            told=self._run.told,
            by_agent=self._run.by_agent,
            curt=self._run.curt,
            asked=asked_kinds,
            capture=self._expected.card,
            near_card=self._expected.near_card or self._run.near_card,
            after_card=self._expected.after_card or self._run.after_card,
            may_be_a_code=self._expected.may_be_a_code,
            garbled=self._run.garbled,
            loose=self._run.loose,
            terse=self._run.terse,
            bare=self._run.bare,
            begun=self._is_begun(asked_kinds, named),
            uncorrected=self._run.uncorrected(),
            known=self._known.__contains__,
        )

    def _is_begun(self, asked_kinds: Sequence[str], named: Sequence[str]) -> bool:
        """Whether the open run is but the beginning of what was asked for, or of what its own words name."""
        digits = max(self._run.readings(), key=len, default="")
        told = self._run.told and not self._run.by_agent and falls_short(digits, named[:1])
        return told or (self._run.prompt and falls_short(digits, asked_kinds))

    def _settle(self, *, by_turn: bool) -> None:
        """Judge the open run and put its masks right. `by_turn`: words closed it, not silence."""
        if not self._run:
            return
        run, context = self._run, self._context()
        verdict = judge(run.readings(), context)
        for piece in run.pieces:
            page = self._pages[piece.turn]
            page.waiting.remove(piece)
            if verdict.label:
                page.settled.append(Mask(piece.start, piece.end, verdict.label))
            if verdict.label != ("" if piece.shown else "number"):
                self._changed[piece.turn] = None
        self._entities += run.entities(verdict)
        if not is_begun(verdict, context) and (verdict.label or not run.counts):
            self._expected.answered(verdict.label, verdict.digits)
        if verdict.dated:
            self._expected.answered("card_expiry", "")
        done = verdict.whole or by_turn or verdict.label == "cvv"
        self._expected.heard(verdict.label, len(verdict.digits), done=done)
        if verdict.label == "card" and verdict.whole:
            self._known.add(verdict.digits)
        self._run = OpenRun()

    def _judged(self, page: Page | None) -> Judged:
        new = () if page is None else (page.shown(),)
        earlier = tuple(self._pages[turn].shown() for turn in self._changed if page is None or turn != page.turn.turn)
        for turn in [turn for turn, kept in self._pages.items() if not kept.waiting]:
            del self._pages[turn]
        capture = self._expected.capture
        return Judged(
            new + earlier,
            tuple(self._entities),
            capture,
            self._started,
            (self._was_capture or self._started) and not capture,
            bool(self._run),
            self._run.held_from_ms,
        )


def _offers(leg: Leg, asks: Sequence[str]) -> bool:
    """Whether somebody who is no agent announces a card or its code."""
    return leg != "agent" and ("card" in asks or "cvv" in asks)
