"""What people at desks, walls and in administration ask of the pipelines, by way of the web."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec


class Person(msgspec.Struct, frozen=True):
    """Who is logged in."""

    user_id: str
    organisation_id: str
    name: str
    role: Literal["agent", "supervisor", "admin"]


class DeskCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person at a desk or wall does to a live call."""

    name: Literal["claim", "shown", "card", "judge", "mark", "pause", "resume"]
    call_id: str = msgspec.field(name="id")
    seq: int = 0
    """shown, card, judge: the fact."""
    stream: str = ""
    segment: int = 0
    revision: int = 0
    """shown of a draft."""
    action: str = ""
    """card: `accepted`, `dismissed` or `wrong`; judge (an alert): `right` or `wrong`."""
    reason: str = ""
    """judge: why, in words; masked already."""
    at_ms: float = 0.0
    """Monotonic ms when the command reached the engine."""


class CallDesk(Protocol):
    """The web's only way to live calls. Implemented by `pipelines.calls`."""

    async def command(self, person: Person, command: DeskCommand) -> None:
        """Raises `NotFound`, `Forbidden`, `Conflict` when another has the call or there is nothing to do, `Overloaded`
        when the call is behind."""


Mask = Callable[[str, str, str], str]
"""(text, language, country) → the text as it may be stored: digits that make a card or an identity are masked. For what
people type; blocking, about a millisecond."""

Rows = Callable[[str], AsyncIterator[bytes]]
"""Organisation → its people's judgements as training rows, one JSON object each. Raises `Conflict` when the
organisation does not let them out."""


class FormHead(msgspec.Struct, frozen=True):
    """A form of quality and wrap-up, as lists show it."""

    id: str
    title: Mapping[str, str]
    """By language."""
    campaigns: tuple[str, ...]
    active: bool
    items: Mapping[str, Mapping[str, str]]
    """Titles by id, each by language."""
    dispositions: Mapping[str, Mapping[str, str]]
    """Titles by code, each by language."""


class FormKeeper(Protocol):
    """Knows what a form is. Implemented by pipelines."""

    def check(self, source: str) -> FormHead:
        """Raises `Invalid` that says where and what. Blocking."""

    def adopt(self, organisation_id: str, sources: Sequence[tuple[str, int]]) -> None:
        """(YAML, version) of all forms of an organisation: its calls are judged by them from the next one on."""

    def bundled(self) -> Sequence[str]:
        """YAML of the forms that come with the engine; an organisation's own of the same id goes before."""

    def endings(self, organisation_id: str, campaign: str, name: str, language: str) -> Sequence[tuple[str, str]]:
        """(code, title) of the ways in which a call of this campaign, by kind and name, may end; none where no form
        says any."""
