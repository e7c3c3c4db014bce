"""What people say of a call: its wrap-up confirmed, its score reviewed, an alert found right or wrong.

Each is one more fact of the call, stored, sealed and sent like those before it. While a call is live its own task
numbers its facts, so a judgement goes there; a call that has ended is added to here.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from engine.after_call import Ending, FollowUp, WrapUpState, own_answer, quality_of, wrap_up_of
from engine.errors import Conflict, Invalid, NotFound
from engine.facts import CallEvent, EventName, Fact, Insight, decode
from engine.fanout import Hub
from engine.feedback import alert_judged
from engine.ports.desk import CallDesk, DeskCommand, FormKeeper, Mask, Person
from engine.ports.storage import CallRecord
from engine.quality import Answer, QualityScore, reviewed
from engine.store import Store


class AfterCall:
    """Every method takes the call's record; whether the person may see the call is decided before."""

    def __init__(self, store: Store, hub: Hub, desk: CallDesk, mask: Mask, forms: FormKeeper) -> None:
        self._store = store
        self._hub = hub
        self._desk = desk
        self._mask = mask
        self._forms = forms
        self._numbering = asyncio.Lock()

    async def wrap_up(self, record: CallRecord) -> WrapUpState:
        """A call that proposed nothing, since its engine was killed, may be confirmed as its campaign's form says now.
        Raises `NotFound` for a call that was erased."""
        state = wrap_up_of(await self._facts(record))
        return state if state.proposal else msgspec.structs.replace(state, choices=await self._endings(record))

    async def quality(self, record: CallRecord) -> QualityScore:
        """Raises `NotFound` when the call was not scored."""
        return _scored(await self._facts(record))[1]

    async def confirm(
        self, by: Person, record: CallRecord, summary: str, disposition: str, follow_ups: tuple[FollowUp, ...]
    ) -> WrapUpState:
        """The wrap-up is this. Raises `Conflict` while the call is live, `Invalid` for a disposition that its campaign
        does not have."""
        _must_have_ended(record)
        summary = await self._masked(summary, record)
        follow_ups = tuple([FollowUp(await self._masked(one.text, record), one.due) for one in follow_ups])
        async with self._numbering:
            state = await self.wrap_up(record)
            if disposition not in (state.codes or {""}):
                raise Invalid("disposition: none that the campaign has")
            data = {
                "of": state.proposal,
                "proposed": state.proposed.get("disposition", ""),
                "campaign": record.campaign,
                "summary": summary,
                "disposition": disposition,
                "follow_ups": msgspec.to_builtins(follow_ups),
                "edited": state.edited(summary, disposition, follow_ups),
                "by": by.user_id,
                "role": by.role,
            }
            await self._append(record, "wrap_up.confirmed", data)
            return await self.wrap_up(record)

    async def review(self, by: Person, record: CallRecord, item: str, answer: Answer, reason: str) -> QualityScore:
        """An item is answered by a person, who says why. Raises `Conflict` while the call is live, `NotFound`."""
        _must_have_ended(record)
        reason = await self._masked(reason, record)
        async with self._numbering:  # what others answer meanwhile is not undone
            facts = await self._facts(record)
            seq, before = _scored(facts)
            known = next((one for one in before.items if one.item == item), None)
            if known is None:
                raise NotFound(f"the form {before.form} has no item {item}")
            score = reviewed(before, item, answer, by.user_id, reason)
            data = {
                "of": seq,
                "form": score.form,
                "version": score.version,
                "item": item,
                "engine": own_answer(facts, item),
                "before": known.answer,
                "after": answer,
                "reason": reason,
                "by": by.user_id,
                "role": by.role,
                "score": msgspec.to_builtins(score),
            }
            await self._append(record, "qa.reviewed", data)
            return score

    async def judge_alert(
        self, by: Person, record: CallRecord, seq: int, verdict: Literal["right", "wrong"], reason: str
    ) -> None:
        """Raises `NotFound` when the call has no such alert."""
        facts = await self._hub.facts_after(record.organisation_id, record.call_id, seq - 1)
        alert = decode(facts[0][1]) if facts and facts[0][0] == seq else None
        if not isinstance(alert, Insight) or alert.outcome not in ("violation", "event"):
            raise NotFound("no such alert")
        reason = await self._masked(reason, record)
        if not record.ended_at:
            command = DeskCommand("judge", record.call_id, seq=seq, action=verdict, reason=reason)
            try:
                await self._desk.command(by, command)
                return
            except NotFound:
                # it ended since the record was read
                record = await self._hub.record(record.organisation_id, record.call_id)
                if not record.ended_at:
                    raise
        async with self._numbering:
            await self._append(record, "alert.judged", alert_judged(alert, by, verdict, reason))

    # ─── within ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _facts(self, record: CallRecord) -> list[Fact]:
        bodies = await self._store.calls.all_facts(record.organisation_id, record.call_id)
        return [decode(body) for body in bodies]

    async def _endings(self, record: CallRecord) -> tuple[Ending, ...]:
        try:
            name = (await self._store.campaigns.get(record.organisation_id, record.campaign_id)).name
        except NotFound:
            name = ""
        endings = self._forms.endings(record.organisation_id, record.campaign, name, record.language)
        return tuple(Ending(code, title) for code, title in endings)

    async def _masked(self, text: str, record: CallRecord) -> str:
        return await asyncio.to_thread(self._mask, text, record.language, record.country)

    async def _append(self, record: CallRecord, name: EventName, data: dict[str, Any]) -> None:
        """Under `_numbering`."""
        seq, end_ms = await self._store.calls.newest(record.organisation_id, record.call_id)
        event = CallEvent(call_id=record.call_id, seq=seq + 1, name=name, start_ms=end_ms, end_ms=end_ms, data=data)
        await self._hub.publish(record, [event])


def _scored(facts: Sequence[Fact]) -> tuple[int, QualityScore]:
    found = quality_of(facts)
    if found is None:
        raise NotFound("the call was not scored")
    return found


def _must_have_ended(record: CallRecord) -> None:
    if not record.ended_at:
        raise Conflict("the call has not ended")
