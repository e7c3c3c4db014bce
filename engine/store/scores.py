"""How calls scored, to list and filter: the newest word on each."""

from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, case, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.facts import CallEvent, Fact
from engine.ports.storage import CallRecord
from engine.store.session import Database
from engine.store.tables import CallRow, ScoreRow


class ScoredCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call's row and its quality."""

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
    """None: it has no score, and neither passed nor failed."""
    failed: bool
    open: int
    reviewed: bool


class Average(msgspec.Struct, frozen=True):
    """How the calls of one agent, or of one campaign, scored."""

    subject: str
    """User id, empty for calls of nobody; or the campaign's kind."""
    name: str
    """The agent's; empty for a campaign."""
    calls: int
    scored: int
    """Those that have a score: nothing applied to the others."""
    passed: int
    open: int
    """Calls in which an item waits for a person."""
    reviewed: int
    score: float | None
    """On average, of those that have one."""


class Scores:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self,
        organisation_id: str,
        *,
        agent_id: str | None = None,
        campaign: str | None = None,
        passed: bool | None = None,
        open: bool | None = None,
        reviewed: bool | None = None,
        before: float | None = None,
        limit: int = 50,
    ) -> list[ScoredCall]:
        """Newest first; `before` (UNIX seconds of a call's start) turns the page. `open`: something waits for a
        person."""
        query = (
            select(
                CallRow.id, CallRow.agent_id, CallRow.agent_name, CallRow.campaign, CallRow.language,
                CallRow.started_at, ScoreRow.form, ScoreRow.version, ScoreRow.score,
                case((ScoreRow.score.is_not(None), ScoreRow.passed)), ScoreRow.failed, ScoreRow.open, ScoreRow.reviewed,
            )
            .join(CallRow, CallRow.id == ScoreRow.call_id)
            .where(ScoreRow.organisation_id == organisation_id)
        )  # fmt: skip
        if agent_id is not None:
            query = query.where(CallRow.agent_id == agent_id)
        if campaign is not None:
            query = query.where(CallRow.campaign == campaign)
        if passed is not None:
            query = query.where(ScoreRow.score.is_not(None), ScoreRow.passed.is_(passed))
        if open is not None:
            query = query.where(ScoreRow.open > 0 if open else ScoreRow.open == 0)
        if reviewed is not None:
            query = query.where(ScoreRow.reviewed.is_(reviewed))
        if before is not None:
            query = query.where(CallRow.started_at < before)
        query = query.order_by(CallRow.started_at.desc(), CallRow.id.desc()).limit(limit)
        return [ScoredCall(*row) for row in await self._database.fetch(query)]

    async def averages(
        self, organisation_id: str, by: Literal["agent", "campaign"], *, since: float = 0.0
    ) -> list[Average]:
        """Of calls that began since a time (UNIX seconds), in order of their subject."""
        agents = by == "agent"
        subject = CallRow.agent_id if agents else CallRow.campaign
        query = (
            select(
                subject, func.max(CallRow.agent_name), func.count(), func.count(ScoreRow.score),
                _many(ScoreRow.passed.is_(True)), _many(ScoreRow.open > 0), _many(ScoreRow.reviewed.is_(True)),
                func.avg(ScoreRow.score),
            )
            .select_from(ScoreRow)
            .join(CallRow, CallRow.id == ScoreRow.call_id)
            .where(ScoreRow.organisation_id == organisation_id, CallRow.started_at >= since)
            .group_by(subject)
            .order_by(subject)
        )  # fmt: skip
        return [
            Average(one, name if agents else "", calls, scored, passed, waits, reviewed, score and round(score, 1))
            for one, name, calls, scored, passed, waits, reviewed, score in await self._database.fetch(query)
        ]


def _many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows are so."""
    return func.sum(case((condition, 1), else_=0))


async def put_score(connection: AsyncConnection, record: CallRecord, fact: Fact, now: float) -> None:
    """Within the transaction that stores the fact: the call scores as `qa.scored` or a review says."""
    if not isinstance(fact, CallEvent) or fact.name not in ("qa.scored", "qa.reviewed"):
        return
    said: dict[str, Any] = fact.data if fact.name == "qa.scored" else fact.data["score"]
    row = {
        "call_id": record.call_id,
        "organisation_id": record.organisation_id,
        "form": said["form"],
        "version": said["version"],
        "score": said.get("score"),
        "passed": said.get("passed", False),
        "failed": bool(said.get("failed_by")),
        "open": said.get("open", 0),
        "reviewed": fact.name == "qa.reviewed",
        "at": now,
    }
    await connection.execute(delete(ScoreRow).where(ScoreRow.call_id == record.call_id))
    await connection.execute(insert(ScoreRow).values(row))
