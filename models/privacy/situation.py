"""A turn's words, and what the call knows before they are read."""

from typing import Final, NamedTuple

from engine.facts import Leg
from models.privacy.cues import BACKCHANNEL
from models.privacy.lexicon import FILLERS
from models.privacy.numbers import Lexed
from models.privacy.tokens import Token

DRAFT: Final = -1
"""In the place of a turn's number: the words go on, so the last of them may be the first digit of more."""
TALK: Final = 5
"""With more other words than this, numbers with a unit are amounts even while a number is being read."""
CHATTY: Final = 3
"""With more other words than this in a turn, a lone digit in it is speech and no part of a number."""


class Said(NamedTuple):
    """The words of a turn, whatever they came in."""

    turn: int
    leg: Leg
    text: str
    language: str
    start_ms: int = 0
    end_ms: int = 0


class Situation(NamedTuple):
    """What the call knows before a turn is read."""

    guarded: bool
    """A number is being read: a single digit is part of it, every language's digits count."""
    capture: bool
    asked: bool = False
    """A number of another kind was asked for lately: an amount is one only with its unit beside it."""
    date_is: str = ""
    """`dob` or `card_expiry` when a date was asked for."""
    half_told: bool = False
    """It came, but for its year."""
    near_card: bool = False
    """A card is on the table."""
    name: bool = False
    """Somebody's name was asked for."""
    after_card: bool = False
    """A card was asked for or heard lately: its date may follow."""
    code: bool = False
    """A PIN or a card's code was asked for: its digits may come in any form."""
    email: bool = False
    """An e-mail address was asked for."""
    address: bool = False
    """So was where somebody lives."""

    @property
    def awaits_digits(self) -> bool:
        return self.guarded or self.code


def is_other(token: Token) -> bool:
    """Neither a number, nor a filler, nor "go on"."""
    return not token.numeric and token.word not in FILLERS and token.word not in BACKCHANNEL


def other_words(lexed: Lexed) -> int:
    return sum(1 for token in lexed.tokens if is_other(token))
