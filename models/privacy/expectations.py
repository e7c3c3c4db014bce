"""What a call waits for: numbers that were asked for, and whether a card is being captured. Time is an argument."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.facts import Leg
from models.privacy.checks import scheme_lengths
from models.privacy.cues import Cue, folded

_ASKED_TURNS: Final = 5
_ASKED_MS: Final = 60_000
_REST_TURNS: Final = 2
"""So much longer the rest of a date is awaited."""
_LOOKED_FOR: Final = ("cvv", "card_expiry", "secret")
"""What people get up to look for, and talk of other things meanwhile: awaited for so many turns and so long as well."""
_LOOKED_FOR_MS: Final = 120_000
_QUIET_MS: Final = 15_000
"""After an agent's talk of something else a card is waited for so long."""
_CAPTURE_MS: Final = 60_000
"""A card that was asked for and never came is no longer waited for."""
_LEFT_TURNS: Final = 3
_CARD_TURNS: Final = 5
"""For so many turns after a card was asked for or heard no other digits are harmless, nor for as long as its code is
looked for."""
_MENTION_TURNS: Final = 2
"""For so many turns after talk of a card digits are its own, or when they are listed as long as one is looked for."""
_ANSWER: Final = 3
"""So many digits are an answer to what was asked, whatever they are."""
_ALL_OF_A_CARD: Final = 13
"""Digits of the shortest."""
_CAPTURED: Final = ("card", "cvv")
_DOCUMENTS: Final = ("cpf", "rut", "dni", "cedula")
"""What "your document" is in one country or another."""
_OF_A_CARD: Final = ("card", "cvv", "card_expiry")
_NOT_READ_ALOUD: Final = ("email", "dob", "card_expiry", "person")
_CARD_WORD: Final = re.compile(
    r"\b(?:tarjetas?|cartao|cartoes|cards?|visa|mastercard|amex"
    r"|(?:pag\w+|pay\w*|seria?|sera|va a ser|vai ser|prefier\w+|prefer\w*|quiero|quero|hago|put it)\b(?: \w+){0,3}?"
    r" (?:con|com|with|by|no)(?: (?:mi|la|el|meu|my|the|de))? (?:credito|debito|credit|debit)"
    r"(?=\s*(?:[.,;?!]|$|(?:por favor|please|mejor|ahora|agora|now)\b)))\b"
    r"|^\W*(?:e |es )?(?:con |com |no |with |by )?(?:mi )?(?:credito|debito|credit|debit)\W*(?:por favor|please)?\W*$"
)
_PAYS_NOW: Final = re.compile(
    r"\b(?:pag(?:ar|o|alo|ar(?:lo|la|le|te)|amento)|pay|charge|cobr(?:a|e|ar))\b.{0,40}"
    r"\b(?:anot\w+|a not[ea]|apunt\w+|tome nota|dict\w+|(?:write|take) (?:it|this|that) down)\b"
)
"""Whoever says so reads a card next."""
_NEVER: Final = -100
_NEVER_MS: Final = -_LOOKED_FOR_MS - 1


class _Asked(NamedTuple):
    turn: int
    at_ms: int
    by: Leg
    half: bool = False
    """Answered but for a year."""


class Expectations:
    """One per call; counts its turns."""

    def __init__(self) -> None:
        self._count = 0
        self._asked: dict[str, _Asked] = {}
        self._capture: set[str] = set()
        self._capture_ms = 0
        self._left: tuple[int, int] | None = None
        self._now_ms = 0
        self._card_turn = _NEVER
        self._card_ms = _NEVER_MS
        self._mention_turn = _NEVER
        self._mention_ms = _NEVER_MS
        self._recalled = False
        self._code_heard = False
        self._read = 0
        """Digits of the card that were judged."""

    @property
    def capture(self) -> bool:
        """A card or its security code is expected or being read."""
        return bool(self._capture)

    @property
    def card(self) -> bool:
        return "card" in self._capture

    @property
    def near_card(self) -> bool:
        """A card is on the table."""
        return self.after_card or self._count - self._mention_turn <= _MENTION_TURNS

    @property
    def _is_remembered(self) -> bool:
        return self._now_ms - self._mention_ms <= _LOOKED_FOR_MS

    @property
    def after_card(self) -> bool:
        """A card was asked for or heard a few turns ago, or so lately that its code may still be looked for."""
        return self._count - self._card_turn <= _CARD_TURNS or self._now_ms - self._card_ms <= _LOOKED_FOR_MS

    @property
    def may_be_a_code(self) -> bool:
        """Whether three digits that nothing names may be the code of the card: it has but one, and that
        comes when all of the card was read."""
        return self.after_card and not self._code_heard and self._read >= _ALL_OF_A_CARD

    @property
    def code(self) -> bool:
        """Whether a PIN or a card's code was asked for, whose digits may come in any form."""
        return self._is_asked("secret") or self._is_asked("cvv")

    @property
    def date(self) -> str:
        """The kind of date that was asked for."""
        return next((kind for kind in ("card_expiry", "dob") if self._is_asked(kind)), "")

    @property
    def half_told(self) -> bool:
        """Whether only the year is missing of the date of birth that was asked for."""
        return self._is_asked("dob") and self._asked["dob"].half

    @property
    def name(self) -> bool:
        """Whether somebody's name was asked for."""
        return self._is_asked("person")

    @property
    def number(self) -> bool:
        """Whether a number that is read digit by digit was asked for."""
        return any(self._is_asked(kind) for kind in self._asked if kind not in _NOT_READ_ALOUD)

    def kinds(self) -> list[str]:
        """Latest first."""
        return [kind for kind in reversed(self._asked) if self._is_asked(kind)]

    def questions(self) -> list[str]:
        """Kinds that somebody asked for, and not only announced: "mi celular es"."""
        return [kind for kind in self.kinds() if self._asked[kind].by != "customer"]

    def _is_asked(self, kind: str) -> bool:
        asked = self._asked.get(kind)
        if asked is None:
            return False
        looked_for = kind in _LOOKED_FOR and self._now_ms - asked.at_ms <= _LOOKED_FOR_MS
        return looked_for or self._count - asked.turn <= _ASKED_TURNS

    def next_turn(self) -> None:
        self._count += 1

    def ask(self, kinds: Sequence[str], leg: Leg, end_ms: int) -> bool:
        """Kinds that a turn asks for; another question ends a card's capture. True when a card is waited for now."""
        kinds = [*kinds, "card"] if "digits" in kinds and self.near_card else kinds
        for kind in kinds:
            self._asked.pop(kind, None)
            self._asked[kind] = _Asked(self._count, end_ms, leg)
        awaited = [kind for kind in kinds if kind in _CAPTURED]
        if "card_expiry" in kinds:
            self._a_card_is_here()
            self._read = max(self._read, _ALL_OF_A_CARD)  # whoever asks for its date has the card
        if awaited:
            self._code_heard = False
            self._capture.update(awaited)
            self._capture_ms, self._left = end_ms, None
            self._a_card_is_here()
        elif kinds and not {"card_expiry", "digits"}.intersection(kinds) and leg != "customer":
            self._capture.clear()
            self._asked.pop("card", None)
        return bool(awaited)

    def goes_on(self, end_ms: int) -> None:
        """Digits came."""
        self._capture_ms, self._left = end_ms, None
        if self.capture and self.after_card:
            self._card_turn = self._count

    def _a_card_is_here(self) -> None:
        self._card_turn, self._card_ms = self._count, self._now_ms

    def leaves(self, end_ms: int) -> None:
        """The agent speaks of something else."""
        self._left = self._left or (self._count, end_ms)
        if self._count - self._left[0] >= _LEFT_TURNS:
            self._capture.clear()

    def mention(self, text: str, found: Sequence[Cue]) -> None:
        if any(cue.kind in _CAPTURED for cue in found) or _CARD_WORD.search(folded(text)):
            self._recalled = self._recalled and self._is_remembered
            self._mention_turn, self._mention_ms = self._count, self._now_ms
        if _PAYS_NOW.search(folded(text)):
            self._a_card_is_here()
            self._code_heard = False

    def recall(self, digits: str) -> None:
        """Digits are listed that nothing names: of the card that was spoken of a while ago, if they begin like one or
        go on with one."""
        if self._is_remembered and (self._recalled or scheme_lengths(digits)):
            self._mention_turn, self._recalled = self._count, True

    def answered(self, label: str, digits: str) -> None:
        """A number was judged: those after it are other numbers. Card and code leave by `heard`."""
        if label == "dob" and 0 < len(digits) < _ANSWER and not self.half_told:
            return  # a day or a month, and the rest comes
        self._asked.pop(label, None)
        if label in _DOCUMENTS:
            self._asked.pop("document", None)
        if label in ("", "number") and len(digits) >= _ANSWER:
            for kind in [kind for kind in self._asked if kind not in _CAPTURED]:
                del self._asked[kind]

    def half_answered(self) -> None:
        """A birthday came without its year, which comes soon or not at all."""
        if (asked := self._asked.get("dob")) is not None:
            self._asked["dob"] = asked._replace(turn=self._count - _ASKED_TURNS + _REST_TURNS, half=True)

    def heard(self, label: str, count: int, *, done: bool) -> None:
        """A card or code of so many digits was judged; `done`: no more of it is awaited."""
        if label in ("card", "number") and self.after_card:
            self._read += count
        if label in _OF_A_CARD:
            self._a_card_is_here()
        if label == "number" and self.capture and self.after_card:
            self._card_turn = self._count
        if label == "card" and self.card:
            self._code_heard = False
        if label == "cvv":
            self._code_heard, self._read = True, 0
            self._card_ms = _NEVER_MS  # nothing of the card is looked for any more
        if done and label in _CAPTURED:
            self._capture.discard(label)

    def expire(self, now_ms: int, *, reading: bool) -> None:
        """`reading`: digits are open, and keep the capture."""
        self._now_ms = max(self._now_ms, now_ms)
        for kind in [kind for kind, asked in self._asked.items() if now_ms - asked.at_ms > _ASKED_MS]:
            if kind not in _LOOKED_FOR or not self._is_asked(kind):
                del self._asked[kind]
        left = self._left is not None and now_ms - self._left[1] >= _QUIET_MS
        if not reading and (left or now_ms - self._capture_ms >= _CAPTURE_MS):
            self._capture.clear()

    def close(self) -> None:
        self._capture.clear()
