"""What people judged, as rows to count and to take out."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, update

from engine.errors import NotFound
from engine.feedback import Tally, tally
from engine.store.session import Database
from engine.store.tables import CallRow, FeedbackRow, OrganisationRow

PAGE = 500


class Judged(NamedTuple):
    """One judgement, with what is needed to read what it is about."""

    id: int
    call_id: str
    language: str
    campaign: str
    seq: int
    of: int
    kind: str
    subject: str
    verdict: str
    role: str
    """Of who said so."""


class Feedback:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def tallies(self, organisation_id: str, *, kind: str | None = None, since: float = 0.0) -> list[Tally]:
        """By kind, subject and version, those with most judgements first. Of several judgements of one thing in one
        call the newest counts."""
        newest = _newest(organisation_id, since)
        if kind is not None:
            newest = newest.where(FeedbackRow.kind == kind)
        same = FeedbackRow.kind, FeedbackRow.subject, FeedbackRow.version
        query = (
            select(*same, FeedbackRow.verdict, func.count())
            .where(FeedbackRow.id.in_(newest), FeedbackRow.verdict != "open")
            .group_by(*same, FeedbackRow.verdict)
            .order_by(*same)
        )
        counts: dict[tuple[str, str, str], dict[str, int]] = {}
        for row in await self._database.fetch(query):
            counts.setdefault((row[0], row[1], row[2]), {})[row[3]] = row[4]
        found = [tally(kind_, subject, each, version) for (kind_, subject, version), each in counts.items()]
        return sorted(found, key=lambda one: (one.kind, -_judged(one), one.subject, one.version))

    async def judged(self, organisation_id: str) -> AsyncIterator[Judged]:
        """What people said, oldest first: the newest of each thing in a call, as of when the first is asked for. Calls
        that are erased meanwhile give none."""
        newest = await self._database.fetch(_newest(organisation_id, 0.0).where(FeedbackRow.verdict != "shown"))
        ids = sorted(row[0] for row in newest)
        rows = (
            select(
                FeedbackRow.id, FeedbackRow.call_id, CallRow.language, CallRow.campaign, FeedbackRow.seq,
                FeedbackRow.of, FeedbackRow.kind, FeedbackRow.subject, FeedbackRow.verdict, FeedbackRow.role,
            )
            .join(CallRow, CallRow.id == FeedbackRow.call_id)
            .where(FeedbackRow.verdict != "open")
            .order_by(FeedbackRow.id)
        )  # fmt: skip
        for at in range(0, len(ids), PAGE):
            page = FeedbackRow.id.in_(ids[at : at + PAGE]), FeedbackRow.organisation_id == organisation_id
            for row in await self._database.fetch(rows.where(*page)):
                yield Judged(*row)

    async def may_train(self, organisation_id: str) -> bool:
        """Whether the organisation lets its judgements be taken out as training rows. Raises `NotFound`."""
        query = select(OrganisationRow.training).where(OrganisationRow.id == organisation_id)
        rows = await self._database.fetch(query)
        if not rows:
            raise NotFound("no such organisation")
        return bool(rows[0].training)

    async def let_train(self, organisation_id: str, training: bool) -> None:
        statement = update(OrganisationRow).where(OrganisationRow.id == organisation_id).values(training=training)
        await self._database.write(lambda connection: connection.execute(statement))


def _newest(organisation_id: str, since: float) -> Select[Any]:
    """Ids of the rows that count: `shown` stands beside what people say of the same thing."""
    people = FeedbackRow.verdict != "shown"
    return (
        select(func.max(FeedbackRow.id))
        .where(FeedbackRow.organisation_id == organisation_id, FeedbackRow.at >= since)
        .group_by(FeedbackRow.call_id, FeedbackRow.kind, FeedbackRow.subject, FeedbackRow.of, people)
    )


def _judged(one: Tally) -> int:
    return one.accepted + one.dismissed + one.wrong + one.right + one.edited
