"""Values of masked words at rest: sealed with their call, stored with their facts, gone with both."""

import msgspec
import pytest

from engine.errors import Conflict, NotFound
from engine.facts import Fact, Insight, Transcript
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.tokens import Token
from tests.engine.store.test_erasures import NOW, counted

PHONE = "3104567890"


def found(seq: int, entity_type: str = "PHONE") -> Insight:
    return Insight(call_id="call-1", seq=seq, kind="entity", turn=1, entity_type=entity_type, start=0, end=9)


FACTS: list[Fact] = [Transcript(call_id="call-1", seq=1, turn=1, text="[phone]"), found(2), found(3, "CARD")]


async def test_a_value_is_read_again_and_lies_sealed(store: Store, record: CallRecord, settings: Settings) -> None:
    await store.calls.open(record)
    await store.calls.append(record, FACTS, tokens=[Token(2, PHONE)])
    assert await store.calls.token(record.organisation_id, "call-1", 2) == PHONE
    on_disk = [file.read_bytes() for file in settings.data_dir.rglob("*") if file.is_file()]
    assert on_disk
    assert not any(secret in body for body in on_disk for secret in (PHONE.encode(), PHONE[-7:].encode()))
    assert not any(PHONE.encode() in body for body in await store.calls.all_facts(record.organisation_id, "call-1"))
    for organisation_id, call_id, seq in (
        (record.organisation_id, "call-1", 1),
        (record.organisation_id, "call-1", 3),
        (record.organisation_id, "call-2", 2),
        ("another", "call-2", 2),
    ):
        with pytest.raises(NotFound):
            await store.calls.token(organisation_id, call_id, seq)
    store.calls._keys.clear()
    with pytest.raises(NotFound):
        await store.calls.token("another", "call-1", 2)


@pytest.mark.parametrize("token", [Token(3, "4539148803436467"), Token(1, PHONE), Token(9, PHONE)])
async def test_what_may_have_none_is_refused_whole(store: Store, record: CallRecord, token: Token) -> None:
    await store.calls.open(record)
    with pytest.raises(ValueError, match=str(token.seq)) as refused:
        await store.calls.append(record, FACTS, tokens=[token])
    assert token.value not in str(refused.value)
    assert await store.calls.all_facts(record.organisation_id, "call-1") == []


async def test_facts_and_values_are_one_commit(store: Store, record: CallRecord, settings: Settings) -> None:
    await store.calls.open(record)
    await store.calls.append(record, FACTS[:1])
    with pytest.raises(Conflict):
        await store.calls.append(
            record, [msgspec.structs.replace(FACTS[0], text="otra cosa"), found(2)], tokens=[Token(2, PHONE)]
        )
    assert counted(settings)["tokens"] == 0
    for _ in range(2):  # the first time came through, and its answer not
        await store.calls.append(record, FACTS[1:], tokens=[Token(2, PHONE)])
    assert counted(settings)["tokens"] == 1


async def test_it_goes_with_its_call(store: Store, record: CallRecord, settings: Settings) -> None:
    await store.calls.open(record)
    await store.calls.append(record, FACTS, tokens=[Token(2, PHONE)])
    await store.calls.change(msgspec.structs.replace(record, ended_at=1_700_000_060.0))
    assert counted(settings)["tokens"] == 1
    await store.calls.erase(record.organisation_id, "call-1", "user-root", NOW)
    assert counted(settings)["tokens"] == 0
    with pytest.raises(NotFound):
        await store.calls.token(record.organisation_id, "call-1", 2)
