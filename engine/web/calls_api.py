"""Calls that are and were, with their facts."""

from typing import Annotated, Literal

import msgspec
import structlog
from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r204, r404, r409
from pydantic import BaseModel, Field

from engine.errors import NotFound
from engine.ports.desk import Person
from engine.ports.storage import CallRecord
from engine.telemetry import AUDIT
from engine.web.keys import ERASURES, HUB, PERSON, STORE
from engine.web.view import View, answer

audit = structlog.get_logger(AUDIT)


class CallOut(BaseModel):
    id: str
    organisation_id: str
    campaign_id: str
    campaign: str
    direction: str
    language: str
    country: str
    region: str = ""
    agent_id: str = ""
    agent_name: str = ""
    started_at: float = 0.0
    """UNIX seconds."""
    ended_at: float = 0.0
    """0 while live."""
    end_reason: str = ""
    protocol: str = ""


class CallWithFacts(BaseModel):
    call: CallOut
    facts: list[dict[str, object]]
    """As on the desk's socket, in order of `seq`."""


class ErasureOut(BaseModel):
    call_id: str
    campaign_id: str
    campaign: str
    started_at: float
    """UNIX seconds, as all times here."""
    ended_at: float
    erased_at: float
    erased_by: str
    """Id of the administrator; `retention` when the campaign's time was over, `command` from the command line."""


class LegalHoldOut(BaseModel):
    call_id: str
    campaign_id: str
    started_at: float
    """UNIX seconds, as all times here."""
    ended_at: float
    held_at: float
    held_by: str
    """Id of the administrator; `command` from the command line."""


class CallsView(View):
    async def get(
        self,
        live: bool | None = None,
        agent: str | None = None,
        before: float | None = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
    ) -> r200[list[CallOut]]:
        """Newest first: an agent's own; for supervisors all, or those of the user `agent`. `before` (UNIX seconds)
        turns the page."""
        person = self.request[PERSON]
        whose = person.user_id if person.role == "agent" else agent
        calls = self.request.app[STORE].calls
        return answer(await calls.find(person.organisation_id, agent_id=whose, live=live, before=before, limit=limit))


class CallView(View):
    async def get(self, call_id: str, /) -> r200[CallWithFacts] | r404:
        """One call with every fact; an agent's own, or any for supervisors."""
        person = self.request[PERSON]
        record = await self.request.app[HUB].record(person.organisation_id, call_id)
        if not may_see(person, record):
            raise NotFound("no such call")
        facts = await self.request.app[STORE].calls.all_facts(person.organisation_id, call_id)
        tell_reading(person, record, "call")
        body = b'{"call":%b,"facts":[%b]}' % (msgspec.json.encode(record), b",".join(facts))
        return web.Response(body=body, content_type="application/json")

    async def delete(self, call_id: str, /) -> r204 | r404 | r409:
        """Erase a call for good: its facts, what people judged, its score, its recording, and the key that opens copies
        of them. 409 while it is live or under a legal hold."""
        person = self.request[PERSON]
        await self.request.app[ERASURES].erase(person.organisation_id, call_id, person.user_id)
        return web.Response(status=204)


class ErasuresView(View):
    async def get(
        self, before: float | None = None, limit: Annotated[int, Field(ge=1, le=200)] = 50
    ) -> r200[list[ErasureOut]]:
        """Which calls were erased, when and by whom, newest first. `before` (UNIX seconds) turns the page."""
        erasures = self.request.app[STORE].erasures
        return answer(await erasures.find(self.request[PERSON].organisation_id, before=before, limit=limit))


class LegalHoldView(View):
    async def put(self, call_id: str, /) -> r204 | r404:
        """Put a call under a legal hold, live or over: until it is lifted nothing of it goes, neither when its days are
        over nor when somebody erases it (409)."""
        person = self.request[PERSON]
        await self.request.app[ERASURES].hold(person.organisation_id, call_id, person.user_id)
        return web.Response(status=204)

    async def delete(self, call_id: str, /) -> r204 | r404:
        """Lift it. What is over its days by then goes within the hour."""
        person = self.request[PERSON]
        await self.request.app[ERASURES].lift(person.organisation_id, call_id, person.user_id)
        return web.Response(status=204)


class LegalHoldsView(View):
    async def get(self) -> r200[list[LegalHoldOut]]:
        """Calls under a legal hold, since when and by whom, oldest first."""
        return answer(await self.request.app[STORE].erasures.holds(self.request[PERSON].organisation_id))


def may_see(person: Person, record: CallRecord) -> bool:
    """The words of a call: its agent's, and the supervisors' of its organisation."""
    return person.organisation_id == record.organisation_id and (
        person.role != "agent" or record.agent_id == person.user_id
    )


def tell_reading(person: Person, record: CallRecord, what: Literal["call", "wrap_up", "quality"]) -> None:
    """A line in the log where somebody is given words of a call that is not their own. Its agent was there."""
    if record.agent_id != person.user_id:
        audit.info("call.read", call_id=record.call_id, what=what, by=person.user_id, role=person.role)
