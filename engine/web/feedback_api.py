"""How people judged what the engine made, and the organisation's word on taking it out."""

from typing import Annotated, Literal

import structlog
from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r409
from pydantic import BaseModel, Field

from engine.telemetry import AUDIT
from engine.web.keys import PERSON, STORE, TRAINING_ROWS
from engine.web.problems import break_off
from engine.web.view import Body, View, answer

log = structlog.get_logger(__name__)
audit = structlog.get_logger(AUDIT)

Kind = Literal["alert", "card", "disposition", "summary", "follow_ups", "quality"]


class TallyOut(BaseModel):
    kind: Kind
    subject: str
    """Rule, article, disposition, or form and item."""
    version: str = ""
    """Of the rule or form."""
    shown: int = 0
    accepted: int = 0
    dismissed: int = 0
    wrong: int = 0
    right: int = 0
    edited: int = 0
    precision: float | None = None
    """Share that people found right, of what they judged."""


class TrainingBody(Body):
    allowed: bool


class FeedbackView(View):
    async def get(self, kind: Kind | None = None, since: Annotated[float, Field(ge=0)] = 0.0) -> r200[list[TallyOut]]:
        """Counts by rule, article, disposition and item, each version apart, since a time (UNIX seconds)."""
        feedback = self.request.app[STORE].feedback
        return answer(await feedback.tallies(self.request[PERSON].organisation_id, kind=kind, since=since))


class TrainingView(View):
    async def get(self) -> r200[TrainingBody]:
        """Whether the organisation lets its judgements be taken out as training rows. Not, until somebody says so."""
        allowed = await self.request.app[STORE].feedback.may_train(self.request[PERSON].organisation_id)
        return answer({"allowed": allowed})

    async def put(self, body: TrainingBody) -> r200[TrainingBody]:
        """Say whether."""
        person = self.request[PERSON]
        await self.request.app[STORE].feedback.let_train(person.organisation_id, body.allowed)
        audit.info("training.changed", allowed=body.allowed, by=person.user_id)
        return answer({"allowed": body.allowed})


class TrainingRowsView(View):
    async def get(self) -> r200[list[dict[str, object]]] | r409:
        """JSON lines (`application/x-ndjson`) in the form that training reads; 409 unless the organisation lets
        them out."""
        person = self.request[PERSON]
        rows = self.request.app[TRAINING_ROWS](person.organisation_id)
        first = await anext(rows, None)  # what is refused is refused before the answer begins
        audit.info("feedback.exported", by=person.user_id)
        response = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="feedback.jsonl"'})
        response.content_type = "application/x-ndjson"
        await response.prepare(self.request)
        try:
            if first is not None:
                await response.write(first + b"\n")
            async for row in rows:
                await response.write(row + b"\n")
            await response.write_eof()
        except ConnectionResetError:
            pass  # whoever asked has left
        except Exception:
            log.exception("feedback.broken_off")
            break_off(self.request, response)
        return response
