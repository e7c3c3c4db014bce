"""Which campaign takes a call, from a picture of campaigns and users that is kept in memory."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from engine.control.phone_pass import desk_aor, phone_aor
from engine.control.renewal import Renewal
from engine.ports.intake import CallOffer, Routing
from engine.store import Store
from engine.store.campaigns import Campaign
from engine.store.people import User

SIGNIFICANT = 8
"""Digits at a number's end that must agree when one side carries a country code and the other does not."""

_NUMBER = re.compile(r"\+?[\d\s().\-/]*\d[\d\s().\-/]*")


def normal(address: str) -> str:
    """A number as its digits alone, international prefix and punctuation gone; a name in lower case.

    Takes a user part, an AOR or a URI, and looks at the user part.
    """
    user = _bare(address).partition("@")[0]
    if not _NUMBER.fullmatch(user):
        return user
    digits = re.sub(r"\D", "", user)
    return digits.removeprefix("00") if len(digits) > SIGNIFICANT + 2 else digits


def _bare(address: str) -> str:
    """A URI without its scheme and parameters, in lower case."""
    bare = address.strip().lower()
    for scheme in ("sips:", "sip:", "tel:"):
        bare = bare.removeprefix(scheme)
    return bare.partition(";")[0]


def alike(one: str, other: str) -> bool:
    """Whether both are the same number, as `normal` has them, or the same but for a country code. Whoever has a number
    that is alike another's may be given that one's calls."""
    if one == other:
        return True
    long = min(len(one), len(other)) >= SIGNIFICANT and one.isdigit() and other.isdigit()
    return long and (one.endswith(other) or other.endswith(one))


class Picture:
    """All active campaigns with their members, and whose an address is. Immutable: a change makes another."""

    def __init__(self, campaigns: Iterable[Campaign], users: Iterable[User]) -> None:
        people = {user.id: user for user in users if user.active}
        self._numbers: dict[str, Routing] = {}
        self._members: dict[str, list[Routing]] = {}
        self._whole: dict[str, list[Routing]] = {}
        """By the whole address of record."""
        self._homes: dict[str, set[str]] = {}
        """Organisations of all people, by whole address and by user part: who is in no campaign has calls too, and
        another organisation is not to be given them."""
        for user in people.values():
            whole = {address.lower() for address in (*user.aors, desk_aor(user))}
            parts = {normal(address) for address in (*user.aors, *user.extensions, phone_aor(user))}
            for address in whole | parts:
                self._homes.setdefault(address, set()).add(user.organisation_id)
        for campaign in campaigns:
            if not campaign.active:
                continue
            routing = _routing(campaign, people)
            for number in campaign.numbers:
                self._numbers.setdefault(normal(number), routing)
            for address in routing.members:
                self._members.setdefault(normal(address), []).append(routing)
                if "@" in address:
                    self._whole.setdefault(address, []).append(routing)

    def route(self, offer: CallOffer) -> Routing | None:
        """By number: the called, then the participants (a SIPREC call's `to_aor` is the recorder), then the caller.
        With no number of ours, by the member who takes part, when that member works for one campaign alone: by the
        whole address, which is nobody else's, or else by the user part, which two organisations may both have.
        Else by the number that stands for such calls. Nowhere when somebody of another organisation may take part as
        well, in a campaign or not."""
        addresses = [offer.to_aor, *(p.aor for p in offer.participants), offer.from_aor]
        candidates = [normal(address) for address in addresses if address]
        for candidate in candidates:
            if found := self._by_number(candidate):
                return found
        whole = [bare for bare in map(_bare, addresses) if "@" in bare]
        known = [*whole, *candidates]
        member = self._only(self._whole, whole, whole) or self._only(self._members, candidates, known)
        if member or not offer.else_aor:
            return member
        otherwise = self._by_number(normal(offer.else_aor))
        return otherwise if otherwise and not self._are_elsewhere(known, otherwise.organisation_id) else None

    def _are_elsewhere(self, addresses: Iterable[str], organisation: str) -> bool:
        """Whether one of them is another organisation's, and not this one's as well."""
        homes = (self._homes.get(address, ()) for address in addresses)
        return any(those and organisation not in those for those in homes)

    def _only(
        self, members: Mapping[str, Sequence[Routing]], candidates: Iterable[str], known: Iterable[str]
    ) -> Routing | None:
        """The one campaign that the candidates lead to; None where they lead to several, or nowhere, or where one of
        the known is another organisation's."""
        found = {id(routing): routing for candidate in candidates for routing in members.get(candidate, ())}
        homes = {home for address in known for home in self._homes.get(address, ())}
        only = next(iter(found.values())) if len(found) == 1 else None
        return only if only and homes <= {only.organisation_id} else None

    def _by_number(self, candidate: str) -> Routing | None:
        if exact := self._numbers.get(candidate):
            return exact
        near = {id(routing): routing for number, routing in self._numbers.items() if alike(number, candidate)}
        return next(iter(near.values())) if len(near) == 1 else None


def _routing(campaign: Campaign, people: dict[str, User]) -> Routing:
    members = [people[user_id] for user_id in campaign.members if user_id in people]
    return Routing(
        organisation_id=campaign.organisation_id,
        campaign_id=campaign.id,
        campaign=campaign.kind,
        direction=campaign.direction,
        language=campaign.language,
        country=campaign.country,
        region=campaign.region,
        rule_packs=campaign.rule_packs,
        knowledge=campaign.knowledge,
        vocabulary=campaign.vocabulary,
        members=MappingProxyType(
            {
                address.lower(): user.id
                for user in members
                for address in (*user.aors, *user.extensions, phone_aor(user))
            }
        ),
        names=MappingProxyType({user.id: user.name for user in members}),
        recording=campaign.recording,
        notice=campaign.notice,
        beep_s=campaign.beep_s,
        retention_days=campaign.retention_days,
        name=campaign.name,
        agent_sentiment=campaign.agent_sentiment,
    )


class CachedRouter:
    """Implements `engine.ports.intake.Router`. `refresh` after every change of people or campaigns."""

    def __init__(self, store: Store, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._store = store
        self._picture = Picture((), ())
        self._renewal: Renewal[None] = Renewal(self._look, "routing.not_refreshed", sleep)
        """In one part: the picture shows everybody."""
        self.claiming = self._renewal.turn
        """Held from looking whose an address is until it has been given: of two who want the same, one gets it."""

    @classmethod
    async def load(cls, store: Store) -> "CachedRouter":
        """Raises `Overloaded`."""
        router = cls(store)
        await router._look()
        return router

    async def refresh(self) -> None:
        """With `claiming` held; see `Renewal.renew`."""
        await self._renewal.renew(None)

    async def keep_up(self) -> None:
        """Until cancelled."""
        await self._renewal.keep_up()

    async def _look(self, _: None = None) -> None:
        self._picture = Picture(await self._store.campaigns.all(), await self._store.people.all())

    def route(self, offer: CallOffer) -> Routing | None:
        return self._picture.route(offer)
