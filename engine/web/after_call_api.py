"""What is left of a call, and what people say of it."""

import datetime
from typing import Annotated, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r204, r403, r404, r409, r422
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.after_call import FollowUp
from engine.errors import NotFound
from engine.ports.storage import CallRecord
from engine.web.calls_api import may_see, tell_reading
from engine.web.keys import AFTER_CALL, HUB, PERSON, STORE
from engine.web.view import Body, Count, View, answer


def _day(text: str) -> str:
    try:
        if text:
            datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError("no day of the calendar") from None
    return text


Reason = Annotated[str, Field(max_length=500)]
Day = Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"), AfterValidator(_day)]


class FollowUpBody(Body):
    text: Annotated[str, Field(min_length=1, max_length=500)]
    due: Day = ""
    """ISO 8601 date, or empty."""


class WrapUpBody(Body):
    model_config = ConfigDict(extra="forbid", str_max_length=4_000)
    summary: Annotated[str, Field(max_length=4_000)]
    disposition: Annotated[str, Field(max_length=64)]
    follow_ups: Annotated[tuple[FollowUpBody, ...], Field(max_length=20)] = ()


class EndingOut(BaseModel):
    code: str
    title: str


class WrapUpOut(BaseModel):
    summary: str = ""
    disposition: str = ""
    follow_ups: list[dict[str, object]] = []
    confirmed: bool = False
    by: str = ""
    proposal: int = 0
    proposed: dict[str, object] = {}
    """As in the event `wrap_up.proposed`."""
    choices: list[EndingOut] = []
    """Where nothing was proposed: what may be confirmed."""


class AlertJudgementBody(Body):
    verdict: Literal["right", "wrong"]
    reason: Reason = ""


class ReviewBody(Body):
    answer: Literal["open", "yes", "no", "n_a"]
    reason: Annotated[str, Field(min_length=3, max_length=500)]


class QualityOut(BaseModel):
    form: str
    version: int
    pass_score: float
    items: list[dict[str, object]]
    """As in the event `qa.scored`, with what people answered."""
    score: float | None = None
    passed: bool = False
    failed_by: list[str] = []
    open: int = 0


class ScoredCallOut(BaseModel):
    call_id: str
    agent_id: str
    agent_name: str
    campaign: str
    language: str
    started_at: float
    form: str
    version: int
    score: float | None
    passed: bool | None
    """None: it has no score."""
    failed: bool
    open: int
    reviewed: bool


class AverageOut(BaseModel):
    subject: str
    """User id, empty for calls of nobody; or the campaign's kind."""
    name: str
    """The agent's; empty for a campaign."""
    calls: int
    scored: int
    passed: int
    open: int
    reviewed: int
    score: float | None
    """Of those that have one."""


class AveragesOut(BaseModel):
    agents: list[AverageOut]
    campaigns: list[AverageOut]


class WrapUpView(View):
    async def get(self, call_id: str, /) -> r200[WrapUpOut] | r404:
        """A call's wrap-up as it stands: its agent's, or any for supervisors."""
        record = await _seen(self.request, call_id)
        state = await self.request.app[AFTER_CALL].wrap_up(record)
        tell_reading(self.request[PERSON], record, "wrap_up")
        return answer(state)

    async def put(self, call_id: str, /, body: WrapUpBody) -> r200[WrapUpOut] | r404 | r409 | r422:
        """Confirm it, as proposed or changed. 409 while the call is live. What is typed is masked like speech."""
        record = await _seen(self.request, call_id)
        person = self.request[PERSON]
        follow_ups = tuple(FollowUp(one.text, one.due) for one in body.follow_ups)
        state = await self.request.app[AFTER_CALL].confirm(person, record, body.summary, body.disposition, follow_ups)
        tell_reading(person, record, "wrap_up")
        return answer(state)


class AlertJudgementView(View):
    async def post(self, call_id: str, seq: Count, /, body: AlertJudgementBody) -> r204 | r403 | r404:
        """Say that an alert is right or wrong; `seq` is the insight's. Said again, the newest counts."""
        record = await _seen(self.request, call_id)
        person = self.request[PERSON]
        await self.request.app[AFTER_CALL].judge_alert(person, record, seq, body.verdict, body.reason)
        return web.Response(status=204)


class QualityView(View):
    async def get(self, call_id: str, /) -> r200[QualityOut] | r404:
        """A call's score, with the evidence of each item: its agent's own, or any for supervisors."""
        record = await _seen(self.request, call_id)
        score = await self.request.app[AFTER_CALL].quality(record)
        tell_reading(self.request[PERSON], record, "quality")
        return answer(score)


class ReviewView(View):
    async def put(self, call_id: str, item: str, /, body: ReviewBody) -> r200[QualityOut] | r404 | r409 | r422:
        """Answer an item, with the reason. The call's own answer stays in its facts."""
        record = await _seen(self.request, call_id)
        person = self.request[PERSON]
        score = await self.request.app[AFTER_CALL].review(person, record, item, body.answer, body.reason)
        tell_reading(person, record, "quality")
        return answer(score)


class ScoredCallsView(View):
    async def get(
        self,
        agent: str | None = None,
        campaign: str | None = None,
        passed: bool | None = None,
        open: bool | None = None,
        reviewed: bool | None = None,
        before: float | None = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
    ) -> r200[list[ScoredCallOut]]:
        """Scored calls, newest first. `open`: an item waits for a person; `before` (UNIX seconds) turns the page."""
        found = self.request.app[STORE].scores.find(
            self.request[PERSON].organisation_id,
            agent_id=agent,
            campaign=campaign,
            passed=passed,
            open=open,
            reviewed=reviewed,
            before=before,
            limit=limit,
        )
        return answer(await found)


class AveragesView(View):
    async def get(self, since: Annotated[float, Field(ge=0)] = 0.0) -> r200[AveragesOut]:
        """How the calls that began since a time (UNIX seconds) scored: on average, by agent and by campaign."""
        scores, organisation = self.request.app[STORE].scores, self.request[PERSON].organisation_id
        agents = await scores.averages(organisation, "agent", since=since)
        return answer({"agents": agents, "campaigns": await scores.averages(organisation, "campaign", since=since)})


async def _seen(request: web.Request, call_id: str) -> CallRecord:
    """The call, when the person may see its words. Raises `NotFound`."""
    person = request[PERSON]
    record = await request.app[HUB].record(person.organisation_id, call_id)
    if not may_see(person, record):
        raise NotFound("no such call")
    return record
