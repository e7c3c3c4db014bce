"""Campaigns."""

from typing import Annotated, Literal

import msgspec
from aiohttp_pydantic.oas.typing import r200, r201, r404, r409, r422
from pydantic import BaseModel, Field

from engine.control.campaigns import CampaignForm
from engine.vocabulary import LONGEST_TERM, MOST_FORMS, MOST_TERMS
from engine.web.keys import CAMPAIGNS, PERSON
from engine.web.view import Body, View, answer

Name = Annotated[str, Field(min_length=1, max_length=100)]


class TermBody(Body):
    text: Annotated[str, Field(min_length=2, max_length=LONGEST_TERM)]
    """As it is written."""
    sounds_like: Annotated[tuple[Name, ...], Field(max_length=MOST_FORMS)] = ()
    """How else recognition may spell what it sounds like."""


class CampaignBody(Body):
    name: Name
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    """`sales collections care`…"""
    direction: Literal["inbound", "outbound"]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    """ISO 3166-1 alpha-2."""
    language: Literal["", "es", "pt", "en"] = ""
    """Empty: identified from the speech."""
    region: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,3}$")] = ""
    """ISO 3166-2 without the country."""
    rule_packs: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    knowledge: Annotated[str, Field(max_length=100)] = ""
    vocabulary: Annotated[tuple[TermBody, ...], Field(max_length=MOST_TERMS)] = ()
    """Names, products, competitors, acronyms: put right in the transcript where they were heard otherwise."""
    numbers: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    """Numbers, or user parts of addresses, that route to it."""
    members: Annotated[tuple[Name, ...], Field(max_length=2_000)] = ()
    """Ids of users."""
    active: bool = True
    recording: bool = False
    """Record its calls: off until somebody who answers for it says so."""
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 90
    """How long recordings are kept; 0: until somebody erases them."""
    notice: bool = False
    """Play a notice to the far end of recorded calls at answer, where sound may be sent."""
    beep_s: Annotated[int, Field(ge=0, le=3_600)] = 0
    """And a beep every so many seconds; 0: none."""
    words_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """How long its calls are kept once they have ended, with all that was made of them; 0: until somebody erases them.
    Not less than `retention_days` where calls are recorded."""
    agent_sentiment: bool = False
    """Read feelings in what agents say, as in what customers say: off until somebody who answers for it says so, since
    no rule, form or figure needs them (GDPR, art. 25.2), only the mood of a stream that holds both. Where it is off,
    nothing is read of anybody but who is known to be the customer: EU law forbids to infer the emotions of people at
    work from their voice (Regulation 2024/1689, art. 5.1.f), and a works council or a union may want none of it from
    words either."""

    def form(self) -> CampaignForm:
        return msgspec.convert(self.model_dump(), CampaignForm)


class TermOut(BaseModel):
    text: str
    sounds_like: list[str]


class CampaignOut(BaseModel):
    id: str
    organisation_id: str
    name: str
    kind: str
    direction: Literal["inbound", "outbound"]
    language: str
    country: str
    region: str
    rule_packs: list[str]
    knowledge: str
    vocabulary: list[TermOut]
    numbers: list[str]
    members: list[str]
    active: bool
    recording: bool
    retention_days: int
    notice: bool
    beep_s: int
    words_days: int
    agent_sentiment: bool


class CampaignsView(View):
    async def get(self) -> r200[list[CampaignOut]]:
        """All of the organisation, in order of creation."""
        return answer(await self.request.app[CAMPAIGNS].all(self.request[PERSON]))

    async def post(self, body: CampaignBody) -> r201[CampaignOut] | r409 | r422:
        """Create a campaign."""
        return answer(await self.request.app[CAMPAIGNS].create(self.request[PERSON], body.form()), status=201)


class CampaignView(View):
    async def get(self, campaign_id: str, /) -> r200[CampaignOut] | r404:
        """One campaign."""
        return answer(await self.request.app[CAMPAIGNS].get(self.request[PERSON], campaign_id))

    async def put(self, campaign_id: str, /, body: CampaignBody) -> r200[CampaignOut] | r404 | r409 | r422:
        """Change a campaign; calls that are in progress keep what they began with."""
        return answer(await self.request.app[CAMPAIGNS].change(self.request[PERSON], campaign_id, body.form()))
