"""What an alert rests on beside words: what a check found to speak against the call, with its figures.

No language is in it; `ground_wording` says each in the campaign's.
"""

import datetime

import msgspec


class OutsideHours(msgspec.Struct, frozen=True):
    local: datetime.datetime
    """When the call was answered; its zone, where one is known, is one of the called party's."""
    hours: str = ""
    """`HH:MM-HH:MM` in which it would have been allowed; empty: on no hour of that day."""
    holiday: bool = False


class TooOften(msgspec.Struct, frozen=True):
    calls: int
    """With this one."""
    days: int
    most: int


class TooSoon(msgspec.Struct, frozen=True):
    """After a conversation."""

    days: int
    """By the calendar: 0 is the same day."""
    least: int


class Suppressed(msgspec.Struct, frozen=True):
    on: str
    """The list, as its rule has it."""


class NoConsent(msgspec.Struct, frozen=True):
    purposes: tuple[str, ...]
    """Any one would have done."""
    expired: tuple[tuple[str, int], ...] = ()
    """Those of them that are on file, with their ages in days."""


class ConsentsUnknown(msgspec.Struct, frozen=True):
    """Nobody said which ones are on file."""


class WrongCaller(msgspec.Struct, frozen=True):
    shown: str
    """First digits of the number that is shown."""
    prefixes: tuple[str, ...]


class KeptTooShort(msgspec.Struct, frozen=True):
    days: int
    least: int


class EmotionsInferred(msgspec.Struct, frozen=True):
    """The agent's, from the voice."""


class LatePickup(msgspec.Struct, frozen=True):
    waited_s: float
    """From the called person's greeting to the agent's first word."""
    most_s: float


Ground = (
    OutsideHours
    | TooOften
    | TooSoon
    | Suppressed
    | NoConsent
    | ConsentsUnknown
    | WrongCaller
    | KeptTooShort
    | EmotionsInferred
    | LatePickup
)
