"""The kinds of check that rules are made of, as they stand in rule files.

Three read words (`says`, `entity`, `duty`), two the order of things (`order`, `pickup`), one words against what is on
file (`consent`), and the rest what is known of the call beside its words. README and `docs/rules.md` explain them.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from engine.facts import Outcome

CheckLeg = Literal["agent", "customer", "any"]
"""`agent` is also the leg on which an IVR or announcement is heard."""


class Says(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="says"):
    """Somebody performs a speech act: an event or a violation at once."""

    leg: CheckLeg
    act: str
    outcome: Outcome
    action: str


class Bears(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="entity"):
    """Private data of a type are spoken, found by the privacy stage or visible as its mask."""

    leg: CheckLeg
    entity: str
    outcome: Outcome
    action: str


class Duty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="duty"):
    """Something has to be said in time: satisfied when it is, a violation when it was not."""

    leg: CheckLeg
    ways: list[list[str]]
    """Any one of the lists does; of a list every act is needed, in any order, over any number of turns."""
    action: str
    """What to do when it was not done."""
    within_s: int = 0
    """Counted from the leg's first words, or, where the other leg has a stream of its own, from that one's if they come
    later; without what was on hold. What begins before it ends is in time. 0: by the end of the call."""
    before: str = ""
    """An act of the same leg that must not come first."""
    when: str = ""
    """Owed only once the leg has performed this act; empty: always."""
    once: list[str] = []
    """Owed only once the call is in one of these states: its seconds run from the turn that reached it."""
    unless: str = ""
    """A state of the call in which it is not owed."""
    elsewhere: bool = False
    """May also be done outside the call (in writing, before it): words that do not come prove nothing."""


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="order"):
    """An act comes before the call has reached a state, or after it has. Said once a call."""

    leg: CheckLeg
    act: str
    outcome: Outcome
    action: str
    until: str = ""
    """The state that has to be reached first."""
    since: str = ""
    """The state after which the act must not come."""


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="consent"):
    """A consent or another basis has to be on file: for the call, or for an act in it."""

    purposes: dict[str, int]
    """Any one does. Days for which it holds; 0: until revoked."""
    action: str
    act: str = ""
    """What needs it; empty: the call itself."""
    leg: CheckLeg = "agent"


class Pickup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="pickup"):
    """The agent has to speak soon after the called person's greeting, however many finals it takes."""

    within_s: float
    action: str


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="window"):
    """Calls are allowed in these hours of the called party's local time alone."""

    open: dict[str, str]
    """`{mon-fri: "08:00-21:00", sat: "09:00-13:00"}`; a day that is left out is closed."""
    action: str
    holidays: str = ""
    """A country whose public holidays are closed."""
    regions: list[str] = []
    """Only there; empty: wherever the rule holds."""


class Attempts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="attempts"):
    """So many calls to one person in so many days, this one included; days are those of the calendar."""

    most: int
    days: int
    action: str
    after_talk_days: int = 0
    """And none on so many days from a conversation on, its own being the first."""
    unless: dict[str, int] = {}
    """As of `listed`: any one of these on file, and the call may be made."""


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="listed"):
    """The number stands on a suppression list: nobody may call it, or nobody without a consent or another basis."""

    lists: list[str]
    action: str
    unless: dict[str, int] = {}
    """Any one of these on file lets the person be called all the same: days for which it holds; 0: until revoked."""


class Caller(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="caller"):
    """The number that is shown has to begin with one of these."""

    prefixes: list[str]
    action: str


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="retention"):
    """The recording has to be kept so long at least."""

    least_days: int
    action: str


class Emotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="emotion"):
    """Nothing may infer the agent's emotions from the voice."""

    action: str


Spoken = Says | Bears | Order | Consent
"""Judged turn by turn."""
Known = Consent | Window | Attempts | Listed | Caller | Retention | Emotion
"""Judged once a call, by what is known of it."""
Check = Says | Bears | Duty | Order | Consent | Pickup | Window | Attempts | Listed | Caller | Retention | Emotion


def is_spoken(check: Check) -> bool:
    """Whether it takes words to judge it."""
    return isinstance(check, Says | Bears | Duty | Order | Pickup) or (isinstance(check, Consent) and bool(check.act))


def leg_of(check: Check) -> CheckLeg:
    return check.leg if isinstance(check, Says | Bears | Duty | Order | Consent) else "any"


def acts_of(check: Check) -> Iterator[str]:
    """Every act that it asks for."""
    match check:
        case Says(act=act) | Order(act=act):
            yield act
        case Consent(act=act):
            yield from [act] if act else []
        case Duty(ways=ways, before=before, when=when):
            yield from (act for way in ways for act in way)
            yield from (act for act in (before, when) if act)
