"""What a masked word was, for those who may know."""

import structlog
from aiohttp_pydantic.oas.typing import r200, r403, r404
from pydantic import BaseModel

from engine.telemetry import AUDIT
from engine.vault import SealError
from engine.web.keys import HUB, PERSON, TOKENS
from engine.web.problems import problem
from engine.web.view import Count, View, answer

log = structlog.get_logger(__name__)
audit = structlog.get_logger(AUDIT)


class EntityValueOut(BaseModel):
    value: str
    """Normalised: digits, or an address in its written form."""


class EntityValueView(View):
    async def get(self, call_id: str, seq: Count, /) -> r200[EntityValueOut] | r403 | r404:
        """What the entity of fact `seq` was, where `KEEP_TOKENS` keeps it: for the call's agent while it is live or in
        wrap-up, for supervisors always. Each reading is a line in the log. 404 where no value is kept."""
        person = self.request[PERSON]
        record = await self.request.app[HUB].record(person.organisation_id, call_id)
        try:
            entity, value = await self.request.app[TOKENS].read(person, record, seq)
        except SealError:
            log.error("entity.damaged", call_id=call_id, seq=seq)
            return problem(404, "damaged", "the value cannot be opened")
        who = {"by": person.user_id, "role": person.role}
        audit.info("entity.read", call_id=call_id, seq=seq, entity_type=entity.entity_type, **who)
        return answer({"value": value})
