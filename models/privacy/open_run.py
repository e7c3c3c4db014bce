"""Pieces of one number that wait for judgement, over turns and speakers. Pure."""

from collections.abc import Iterator
from typing import Final

from models.privacy.checks import is_card, is_phone
from models.privacy.entities import Entity, Verdict
from models.privacy.parsed import Piece
from models.privacy.readings import Part, likeliest, readings

_MAX_PIECES: Final = 64
_TALK_BETWEEN: Final = 2
_TALK_BETWEEN_LISTS: Final = 4
"""So many other words may stand before a piece that goes on with a run: more where one speaker lists digits."""
_FEW_WORDS: Final = 3
_SHORT: Final = 3
_FEW: Final = 6
_BARE: Final = 4
PARTS_OF_A_CARD: Final = {"cvv": 4, "card_expiry": 6}
"""Never the same number as the one that was read before them; and the most digits that they have."""
_ANY: Final = 10_000
_CODE: Final = 3


class OpenRun:
    """Empty when no number is open."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.near_card = False
        """Whether a card was on the table when any of it was said, however much later it is judged."""
        self.after_card = False
        """…and whether it began soon after one was asked for or heard."""
        self.after_how_many = False
        """Whether the agent had asked for a count or a price right before."""

    def __bool__(self) -> bool:
        return bool(self.pieces)

    @property
    def held_from_ms(self) -> int | None:
        return min((piece.start_ms for piece in self.pieces), default=None)

    @property
    def last_ms(self) -> int:
        return max((piece.end_ms for piece in self.pieces), default=0)

    @property
    def named(self) -> list[str]:
        return list(dict.fromkeys(piece.named for piece in self.pieces if piece.named))

    @property
    def told(self) -> bool:
        return self.pieces[0].told

    @property
    def by_agent(self) -> bool:
        return all(one.leg == "agent" for one in self.pieces)

    @property
    def prompt(self) -> bool:
        """Somebody who is no agent begins with it, and says hardly a word before: "sí, es el trescientos diez"."""
        return self.pieces[0].leg != "agent" and self.pieces[0].words_before <= _FEW_WORDS and not self.counts

    @property
    def counts(self) -> bool:
        """A count or a price that was asked for: one number, said as a whole."""
        return self.after_how_many and len(self.pieces) == 1 and self.pieces[0].natural

    @property
    def curt(self) -> bool:
        """Hardly another word stands in its turns."""
        return all(one.curt for one in self.pieces)

    @property
    def garbled(self) -> bool:
        return any(piece.garbled for piece in self.pieces)

    @property
    def loose(self) -> bool:
        """Several amounts or counts in a row of talk, each said as a whole and with words between."""
        rest = self.pieces[1:]
        return bool(rest) and all(one.natural for one in self.pieces) and all(one.words_before for one in rest)

    @property
    def terse(self) -> bool:
        """No other words stand in its turns."""
        return all(one.bare for one in self.pieces)

    @property
    def bare(self) -> bool:
        """Digits listed by themselves, with no word that says what for."""
        listed = all(one.bare and not one.natural for one in self.pieces)
        return listed and sum(len(one.digits) for one in self.pieces) >= _BARE

    def alone(self, digits: str) -> bool:
        """One short number, said as a whole in the middle of talk."""
        return len(self.pieces) == 1 and self.pieces[0].natural and len(digits) <= _SHORT

    def _parts(self) -> list[Part]:
        return [part for piece in self.pieces for part in piece.parts]

    def readings(self) -> list[str]:
        return readings(self._parts())

    def by_speaker(self) -> list[str]:
        """Each speaker's digits in their likeliest reading."""
        return [likeliest(parts) for parts in self._shares()]

    def uncorrected(self) -> list[str]:
        """The digits of each speaker who put none of his right: there is one way to read them."""
        return [likeliest(parts) for parts in self._shares() if not any(part.corrected for part in parts)]

    def _shares(self) -> list[list[Part]]:
        parts = self._parts()
        return [[part for part in parts if part.leg == leg] for leg in dict.fromkeys(part.leg for part in parts)]

    def goes_on_with(self, piece: Piece, *, capture: bool, near_card: bool, expected: list[str], country: str) -> bool:
        """Whether a piece belongs to this run; `expected` are the kinds that were asked for."""
        last = self.pieces[-1]
        if len(self.pieces) >= _MAX_PIECES:
            return False
        other_name = piece.named and piece.named != last.named
        another = last.named or piece.leg != last.leg or piece.named not in (*self.named, *expected)
        if other_name and (another or piece.named in PARTS_OF_A_CARD):
            return False
        if self._is_full(piece, expected):
            return False
        if not capture and self._follows_a_count(piece, country):
            return False
        if not (capture or near_card or expected) and self._is_of_another_thing(piece):
            return False
        talk = _TALK_BETWEEN_LISTS if piece.leg == last.leg and not piece.natural else _TALK_BETWEEN
        return (capture and (piece.leg != "agent" or not piece.natural)) or piece.words_before <= talk

    def _is_of_another_thing(self, piece: Piece) -> bool:
        """ "el vuelo es el 1523", "¿la puerta 22?": each is said to be of a thing, and not of the same one."""
        last = self.pieces[-1]
        return bool(piece.thing and last.thing) and piece.thing != last.thing and not (piece.named or self.named)

    def _is_full(self, piece: Piece, expected: list[str]) -> bool:
        """Whether this is a card's code or date, with all the digits that it can have."""
        kind = next(iter(self.named), "") or ("" if "card" in expected or not expected else expected[0])
        digits = sum(len(one.digits) for one in self.pieces)
        if kind == "cvv" and digits >= _CODE and piece.turn != self.pieces[-1].turn:
            return True
        return digits + len(piece.digits) > PARTS_OF_A_CARD.get(kind, _ANY)

    def _follows_a_count(self, piece: Piece, country: str) -> bool:
        """A whole number after a count or a day said as one word: "el quince. Nuestro número es 800 713 5555"."""
        first = self.pieces[0]
        if not self.alone(first.digits) or not piece.words_before:
            return False
        return is_card(piece.digits) or is_phone(piece.digits, country)

    def entities(self, verdict: Verdict) -> Iterator[Entity]:
        """One for each speaker of the number, where he ended it. The mere end of a card ("terminada en…") is none."""
        if verdict.label == "card" and len(verdict.digits) < _FEW and not self.garbled:
            return
        last = {piece.leg: piece for piece in self.pieces}
        said = {leg: sum(len(one.digits) for one in self.pieces if one.leg == leg) for leg in last}
        for leg, piece in last.items():
            if said[leg] * 2 >= max(said.values()):
                turn, start, end = piece.turn, piece.start, piece.end
                for kind in verdict.entity_types:
                    yield Entity(turn, kind, start, end, verdict.score, verdict.last4, verdict.value)
