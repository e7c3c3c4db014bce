"""Creating and changing campaigns, with everything that depends on it."""

import time
from typing import Literal

import msgspec
import structlog
from uuid_utils import uuid7

from engine.control.addresses import addresses_of_others, numbers_of_others
from engine.control.changes import changed
from engine.control.routing import CachedRouter, alike, normal
from engine.errors import Conflict, Invalid
from engine.ports.desk import Person
from engine.store import Store
from engine.store.campaigns import Campaign
from engine.telemetry import AUDIT
from engine.vocabulary import Term, check_terms

audit = structlog.get_logger(AUDIT)


class CampaignForm(msgspec.Struct, frozen=True):
    """What may be set of a campaign."""

    name: str
    kind: str
    direction: Literal["inbound", "outbound"]
    country: str
    language: str = ""
    region: str = ""
    rule_packs: tuple[str, ...] = ()
    knowledge: str = ""
    vocabulary: tuple[Term, ...] = ()
    numbers: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    active: bool = True
    recording: bool = False
    retention_days: int = 90
    notice: bool = False
    beep_s: int = 0
    words_days: int = 0
    agent_sentiment: bool = False


class CampaignService:
    def __init__(self, store: Store, router: CachedRouter) -> None:
        self._store = store
        self._router = router

    async def all(self, by: Person) -> list[Campaign]:
        return await self._store.campaigns.all(by.organisation_id)

    async def get(self, by: Person, campaign_id: str) -> Campaign:
        return await self._store.campaigns.get(by.organisation_id, campaign_id)

    async def create(self, by: Person, form: CampaignForm) -> Campaign:
        """Raises `Invalid`, or `Conflict` when a number routes to another campaign already, or might be taken for
        another organisation's."""
        async with self._router.claiming:
            campaign = await self._checked(form, str(uuid7()), by.organisation_id)
            await self._store.campaigns.add(campaign, time.time())
            audit.info("campaign.created", campaign_id=campaign.id, by=by.user_id)
            await self._router.refresh()
        return campaign

    async def change(self, by: Person, campaign_id: str, form: CampaignForm) -> Campaign:
        before = await self.get(by, campaign_id)
        async with self._router.claiming:
            campaign = await self._checked(form, campaign_id, by.organisation_id)
            await self._store.campaigns.change(campaign)
            fields = changed(before, campaign)
            audit.info("campaign.changed", campaign_id=campaign_id, fields=fields, by=by.user_id)
            await self._router.refresh()
        return campaign

    async def _checked(self, form: CampaignForm, campaign_id: str, organisation_id: str) -> Campaign:
        if not form.name.strip() or not form.kind.strip():
            raise Invalid("name and kind must not be empty")
        if not all(normal(number) for number in form.numbers):
            raise Invalid("numbers: a number or the user part of an address")
        if form.recording and form.words_days and not 0 < form.retention_days <= form.words_days:
            raise Invalid("words_days: a call is kept for as long as its recording (retention_days), or longer")
        check_terms(form.vocabulary)
        users = {user.id for user in await self._store.people.all(organisation_id)}
        if strangers := sorted(set(form.members) - users):
            raise Invalid(f"members: no user {strangers[0]}")
        campaign = Campaign(id=campaign_id, organisation_id=organisation_id, **msgspec.structs.asdict(form))
        await self._check_numbers(campaign)
        return campaign

    async def _check_numbers(self, campaign: Campaign) -> None:
        if not campaign.active:
            return
        mine = {normal(number): number for number in campaign.numbers}
        for other in await self._store.campaigns.all(campaign.organisation_id):
            if other.id == campaign.id or not other.active:
                continue
            if taken := mine.keys() & {normal(number) for number in other.numbers}:
                raise Conflict(f"numbers: {mine[min(taken)]} routes to another campaign {other.name}")
        # Of other organisations whatever is alike, or rings one of their people: the router might give us their calls.
        # Whose it is stays untold.
        organisation_id = campaign.organisation_id
        foreign = await numbers_of_others(self._store, organisation_id)
        foreign |= await addresses_of_others(self._store, organisation_id)
        for number, given in mine.items():
            if any(alike(number, other) for other in foreign):
                raise Conflict(f"numbers: {given} routes to another campaign")
