"""Calls and their facts: the one source of truth, and of resume."""

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import Conflict, NotFound
from engine.facts import CallEvent, Fact, encode
from engine.feedback import Judgement, judgements_of
from engine.ports.storage import CallRecord
from engine.store.scores import put_score
from engine.store.session import Database
from engine.store.tables import CallRow, FactRow, FeedbackRow, OutboxRow, RecordingRow, ScoreRow, TokenRow
from engine.tokens import Token, may_have
from engine.vault import CallKey, Vault

KEYS_KEPT = 2_048
"""Data keys kept unwrapped; the oldest used go first and are unwrapped again when needed."""

PAGE = 1_000
"""Facts read at once; a call of an hour has a few thousand."""

LAST = 200
"""How far from its end a call's `call.ended` is looked for: behind it come a summary's words and what people do just
after they hung up."""

INTERRUPTED = "engine_restarted"
"""Why calls have ended that a dead engine left."""

_RECORD = CallRecord.__struct_fields__


class Calls:
    """Every fact is noted for the bus in the transaction that stores it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._keys: OrderedDict[str, CallKey] = OrderedDict()
        self._erased = 0
        """Counts erasures: a key that was read before one is not kept after it."""

    async def open(self, record: CallRecord) -> CallKey:
        """Commits the call's row with its wrapped data key, before any byte that the key protects. Opening it once more
        gives the key that it has: the first time may have come through and its answer not. Raises `Conflict` when
        another call has the id."""
        key, wrapped = self._vault.new_call_key(record.organisation_id, record.call_id)
        row = _row(record) | {"key_id": self._vault.key_id, "wrapped_key": wrapped, "erased_at": 0.0, "erased_by": ""}
        row |= {"legal_hold_at": 0.0, "legal_hold_by": ""}
        try:
            await self._database.write(lambda connection: connection.execute(insert(CallRow).values(row)))
        except Conflict:
            rows = await self._database.fetch(select(CallRow).where(CallRow.id == record.call_id))
            if not rows or rows[0].erased_at or _record(rows[0]) != record:
                raise
            key = self._vault.call_key(record.organisation_id, record.call_id, rows[0].wrapped_key)
        self._keep(record.call_id, key)
        return key

    async def change(self, record: CallRecord) -> bool:
        """An erased call stays as it is: whoever claims one just after its end comes too late, and is told False."""
        values = _row(record)
        mine = CallRow.id == values.pop("id"), CallRow.erased_at == 0
        statement = update(CallRow).where(*mine).values(values)

        async def write(connection: AsyncConnection) -> bool:
            return (await connection.execute(statement)).rowcount > 0

        return await self._database.write(write)

    async def append(
        self,
        record: CallRecord,
        facts: Sequence[Fact],
        bodies: Sequence[bytes] = (),
        tokens: Sequence[Token] = (),
    ) -> None:
        """Durable when it returns, once, however often it is asked for: a commit may have come through and its answer
        not. `bodies` are the facts' `encode`d forms, when the caller has them already; `tokens` are of these facts, and
        a `ValueError` where one may have none.

        Raises `Conflict` when a `seq` of the call is another fact's, `NotFound` for a call that was never opened, or
        was erased.
        """
        if not facts:
            return
        key = await self.key(record.organisation_id, record.call_id)
        now = time.time()
        bodies = bodies or [encode(fact) for fact in facts]
        rows = [_fact_row(record, key, fact, body, now) for fact, body in zip(facts, bodies, strict=True)]
        secrets = _token_rows(record, key, facts, tokens)
        judged = [_feedback_row(record, one, now) for fact in facts for one in judgements_of(fact)]

        async def write(connection: AsyncConnection) -> None:
            if record.ended_at:  # a live call cannot be erased
                await _still_kept(connection, record)
            await self._insert(connection, rows)
            if secrets:
                await connection.execute(insert(TokenRow), secrets)
            if judged:
                await connection.execute(insert(FeedbackRow), judged)
            for fact in facts:
                await put_score(connection, record, fact, now)

        try:
            await self._database.write(write)
        except Conflict:
            if not await self._stored(key, rows, bodies):
                raise

    async def _stored(self, key: CallKey, rows: Sequence[dict[str, Any]], bodies: Sequence[bytes]) -> bool:
        """Whether exactly these facts are there, and with them what was made of them."""
        seqs = [row["seq"] for row in rows]
        query = select(FactRow.seq, FactRow.body).where(FactRow.call_id == rows[0]["call_id"], FactRow.seq.in_(seqs))
        found = {row.seq: key.open(row.seq, row.body) for row in await self._database.fetch(query)}
        return found == dict(zip(seqs, bodies, strict=True))

    async def facts_after(self, organisation_id: str, call_id: str, seq: int) -> list[tuple[int, bytes]]:
        """(seq, encoded fact) of up to `PAGE` facts with a greater `seq`, in order."""
        key = await self.key(organisation_id, call_id)
        query = (
            select(FactRow.seq, FactRow.body)
            .where(FactRow.call_id == call_id, FactRow.organisation_id == organisation_id, FactRow.seq > seq)
            .order_by(FactRow.seq)
            .limit(PAGE)
        )
        rows = await self._database.fetch(query)
        return [(row.seq, key.open(row.seq, row.body)) for row in rows]

    async def all_facts(self, organisation_id: str, call_id: str) -> list[bytes]:
        """Every stored fact of a call, encoded, in order of `seq`."""
        found: list[bytes] = []
        after = 0
        while page := await self.facts_after(organisation_id, call_id, after):
            found += [body for _, body in page]
            after = page[-1][0]
            if len(page) < PAGE:
                break
        return found

    async def token(self, organisation_id: str, call_id: str, seq: int) -> str:
        """The value of the entity that fact `seq` tells of. Raises `NotFound` when none is kept, and `SealError`."""
        key = await self.key(organisation_id, call_id)
        mine = TokenRow.call_id == call_id, TokenRow.organisation_id == organisation_id, TokenRow.seq == seq
        rows = await self._database.fetch(select(TokenRow.sealed).where(*mine))
        if not rows:
            raise NotFound("no value is kept of it")
        return key.open_token(seq, rows[0].sealed).decode()

    async def newest(self, organisation_id: str, call_id: str) -> tuple[int, int]:
        """(seq, media time of its end) of a call's last fact; zeros when it has none. Raises `NotFound`."""
        await self.key(organisation_id, call_id)
        seq, end_ms, _ = await self._last(call_id)
        return seq, end_ms

    async def get(self, organisation_id: str, call_id: str) -> CallRecord:
        """Raises `NotFound`, also for an erased call."""
        mine = CallRow.id == call_id, CallRow.organisation_id == organisation_id
        rows = await self._database.fetch(select(CallRow).where(*mine, CallRow.erased_at == 0))
        if not rows:
            raise NotFound("no such call")
        return _record(rows[0])

    async def find(
        self,
        organisation_id: str,
        *,
        agent_id: str | None = None,
        live: bool | None = None,
        before: float | None = None,
        limit: int = 50,
    ) -> list[CallRecord]:
        """Newest first; `before` (UNIX seconds) turns the page."""
        query = select(CallRow).where(CallRow.organisation_id == organisation_id, CallRow.erased_at == 0)
        if agent_id is not None:
            query = query.where(CallRow.agent_id == agent_id)
        if live is not None:
            query = query.where(CallRow.ended_at == 0 if live else CallRow.ended_at != 0)
        if before is not None:
            query = query.where(CallRow.started_at < before)
        query = query.order_by(CallRow.started_at.desc(), CallRow.id.desc()).limit(limit)
        return [_record(row) for row in await self._database.fetch(query)]

    async def ended_as(self, reason: str, since: float) -> list[CallRecord]:
        """Of every organisation, those that ended so since then (UNIX seconds), in order of their ends."""
        mine = CallRow.end_reason == reason, CallRow.ended_at >= since, CallRow.erased_at == 0
        query = select(CallRow).where(*mine).order_by(CallRow.ended_at, CallRow.id)
        return [_record(row) for row in await self._database.fetch(query)]

    async def close_interrupted(self, reason: str = INTERRUPTED) -> list[CallRecord]:
        """End the calls that an engine left live when it died; each gets a last fact `call.ended`."""
        rows = await self._database.fetch(select(CallRow).where(CallRow.ended_at == 0))
        return [await self._close_interrupted(_record(row), reason) for row in rows]

    async def _close_interrupted(self, record: CallRecord, reason: str) -> CallRecord:
        seq, end_ms, stored_at = await self._last(record.call_id)
        ended_at = max(stored_at, record.started_at) or time.time()
        told = await self._told_end(record, seq)
        closed = msgspec.structs.replace(record, ended_at=ended_at, end_reason=told or reason)
        # The row last: an engine killed in between finds the call live again, and only its event stored.
        if not told:
            ended = CallEvent(
                call_id=record.call_id,
                seq=seq + 1,
                name="call.ended",
                start_ms=end_ms,
                end_ms=end_ms,
                data={"reason": reason},
            )
            await self.append(record, [ended])
        await self.change(closed)
        return closed

    async def _told_end(self, record: CallRecord, seq: int) -> str:
        """The reason of the call's `call.ended`, which little comes after; empty without one."""
        last = await self.facts_after(record.organisation_id, record.call_id, max(0, seq - LAST)) if seq else []
        for fact in (msgspec.json.decode(body) for _, body in last):
            if fact.get("name") == "call.ended":
                return str(fact.get("data", {}).get("reason", "")) or "error"
        return ""

    async def _last(self, call_id: str) -> tuple[int, int, float]:
        """(seq, latest media time, latest time stored) over a call's facts; zeros when it has none."""
        query = select(func.max(FactRow.seq), func.max(FactRow.end_ms), func.max(FactRow.stored_at))
        seq, end_ms, stored_at = (await self._database.fetch(query.where(FactRow.call_id == call_id)))[0]
        return seq or 0, end_ms or 0, stored_at or 0.0

    async def erase(self, organisation_id: str, call_id: str, by: str, now: float) -> None:
        """Erase what was said for good: the facts, what they hide, what was made of them, and the key that opens any
        copy of them and of the recording, whose time is over with this. The row stays, without a name.

        Raises `NotFound`, also for a call that was erased before, and `Conflict` while it is live or under a legal
        hold."""
        mine = CallRow.id == call_id, CallRow.organisation_id == organisation_id

        async def write(connection: AsyncConnection) -> None:
            query = select(CallRow.ended_at, CallRow.legal_hold_at).where(*mine, CallRow.erased_at == 0)
            found = (await connection.execute(query)).one_or_none()
            if found is None:
                raise NotFound("no such call")
            if not found.ended_at:
                raise Conflict("the call has not ended")
            if found.legal_hold_at:
                raise Conflict("the call is under a legal hold")
            for table in (TokenRow, FactRow, OutboxRow, FeedbackRow, ScoreRow):
                await connection.execute(delete(table).where(table.call_id == call_id))
            await connection.execute(update(RecordingRow).where(RecordingRow.call_id == call_id).values(delete_at=now))
            left = {"wrapped_key": b"", "key_id": "", "agent_name": "", "erased_at": now, "erased_by": by}
            await connection.execute(update(CallRow).where(*mine).values(left))

        await self._database.write(write)
        self._erased += 1
        self._keys.pop(call_id, None)

    async def key(self, organisation_id: str, call_id: str) -> CallKey:
        """The call's data key. Raises `NotFound` for an unknown or erased call, `SealError` for another's key."""
        if call_id in self._keys:
            self._keys.move_to_end(call_id)
            return self._keys[call_id]
        erased = self._erased
        query = select(CallRow.wrapped_key).where(CallRow.id == call_id, CallRow.organisation_id == organisation_id)
        rows = await self._database.fetch(query)
        if not rows or not rows[0].wrapped_key:
            raise NotFound("no such call")
        key = self._vault.call_key(organisation_id, call_id, rows[0].wrapped_key)
        if erased == self._erased:
            self._keep(call_id, key)
        return key

    def _keep(self, call_id: str, key: CallKey) -> None:
        self._keys[call_id] = key
        while len(self._keys) > KEYS_KEPT:
            self._keys.popitem(last=False)

    async def _insert(self, connection: AsyncConnection, rows: Iterable[dict[str, Any]]) -> None:
        rows = list(rows)
        await connection.execute(insert(FactRow), rows)
        notes = [
            {
                "organisation_id": row["organisation_id"],
                "call_id": row["call_id"],
                "seq": row["seq"],
                "created_at": row["stored_at"],
            }
            for row in rows
        ]
        await connection.execute(insert(OutboxRow), notes)


async def _still_kept(connection: AsyncConnection, record: CallRecord) -> None:
    """Within the transaction that adds to a call. Raises `NotFound`."""
    found = await connection.execute(select(CallRow.erased_at).where(CallRow.id == record.call_id))
    if found.scalar_one_or_none() != 0:
        raise NotFound("no such call")


def _row(record: CallRecord) -> dict[str, Any]:
    return {"id" if name == "call_id" else name: getattr(record, name) for name in _RECORD}


def _record(row: Row[Any]) -> CallRecord:
    return CallRecord(**{name: getattr(row, "id" if name == "call_id" else name) for name in _RECORD})


def _feedback_row(record: CallRecord, judgement: Judgement, now: float) -> dict[str, Any]:
    return msgspec.structs.asdict(judgement) | {
        "organisation_id": record.organisation_id,
        "call_id": record.call_id,
        "at": now,
    }


def _token_rows(
    record: CallRecord, key: CallKey, facts: Sequence[Fact], tokens: Sequence[Token]
) -> list[dict[str, Any]]:
    may = {fact.seq for fact in facts if may_have(fact)}
    if refused := [token.seq for token in tokens if token.seq not in may]:
        raise ValueError(f"facts {refused} may have no token")
    return [
        {
            "call_id": record.call_id,
            "seq": token.seq,
            "organisation_id": record.organisation_id,
            "sealed": key.seal_token(token.seq, token.value.encode()),
        }
        for token in tokens
    ]


def _fact_row(record: CallRecord, key: CallKey, fact: Fact, body: bytes, now: float) -> dict[str, Any]:
    return {
        "call_id": record.call_id,
        "seq": fact.seq,
        "organisation_id": record.organisation_id,
        "type": fact.__struct_config__.tag,
        "start_ms": fact.start_ms,
        "end_ms": fact.end_ms,
        "stored_at": now,
        "body": key.seal(fact.seq, body),
    }
