"""Campaigns: whose calls they are, in which language, by which rules, with which knowledge."""

from typing import Any, Literal

import msgspec
from sqlalchemy import Row, insert, select, update

from engine.errors import NotFound
from engine.store.session import Database
from engine.store.tables import CampaignRow
from engine.vocabulary import Term


class Campaign(msgspec.Struct, frozen=True):
    id: str
    organisation_id: str
    name: str
    kind: str
    """`sales collections care`…: what rules and heads know it by."""
    direction: Literal["inbound", "outbound"]
    language: str
    """`es pt en`, or empty: to be identified."""
    country: str
    """ISO 3166-1 alpha-2."""
    region: str = ""
    """ISO 3166-2 without the country, e.g. `CA`."""
    rule_packs: tuple[str, ...] = ()
    """Empty: every pack that fits the country."""
    knowledge: str = ""
    """Name of the knowledge base."""
    vocabulary: tuple[Term, ...] = ()
    """Names and products to be heard right."""
    numbers: tuple[str, ...] = ()
    """Numbers that route to it, as dialled."""
    members: tuple[str, ...] = ()
    """User ids."""
    active: bool = True
    recording: bool = False
    """Its calls are recorded, from the next one on."""
    retention_days: int = 90
    """How long a recording is kept; 0: until somebody erases it."""
    notice: bool = False
    """Whoever is on the far end of a recorded call is played a notice at answer, where we may send sound."""
    beep_s: int = 0
    """And a beep every so many seconds; 0: none."""
    words_days: int = 0
    """How long its calls are kept once they have ended; 0: until somebody erases them."""
    agent_sentiment: bool = True
    """Feelings are read in what agents say, too."""


class Campaigns:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, campaign: Campaign, now: float) -> None:
        row = msgspec.to_builtins(campaign) | {"created_at": now}
        await self._database.write(lambda connection: connection.execute(insert(CampaignRow).values(row)))

    async def change(self, campaign: Campaign) -> None:
        mine = CampaignRow.id == campaign.id, CampaignRow.organisation_id == campaign.organisation_id
        statement = update(CampaignRow).where(*mine).values(msgspec.to_builtins(campaign))
        await self._database.write(lambda connection: connection.execute(statement))

    async def get(self, organisation_id: str, campaign_id: str) -> Campaign:
        query = select(CampaignRow).where(CampaignRow.id == campaign_id, CampaignRow.organisation_id == organisation_id)
        rows = await self._database.fetch(query)
        if not rows:
            raise NotFound("no such campaign")
        return _campaign(rows[0])

    async def all(self, organisation_id: str | None = None) -> list[Campaign]:
        """In order of creation; of every organisation when none is given (for routing only)."""
        query = select(CampaignRow).order_by(CampaignRow.created_at, CampaignRow.id)
        if organisation_id is not None:
            query = query.where(CampaignRow.organisation_id == organisation_id)
        return [_campaign(row) for row in await self._database.fetch(query)]


def _campaign(row: Row[Any]) -> Campaign:
    values = {name: getattr(row, name) for name in Campaign.__struct_fields__}
    return msgspec.convert(values, Campaign)
