"""An administrator erases a call: then it is nowhere, and who did it can be asked."""

from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.facts import CallEvent
from tests.engine.ended_call import ended_call
from tests.engine.web.running_site import Client, Site
from tests.engine.web.test_apis import CAMPAIGN
from tests.engine.web.test_desk_socket import opened, take

CALL = "/api/calls/call-1"
EVERYWHERE = (CALL, f"{CALL}/recording", f"{CALL}/wrap-up", f"{CALL}/quality")


async def ended(site: Site) -> None:
    """A call with a recording, a score and a judgement."""
    await site.hub.opened(site.record)
    sink = await site.recordings.begin(site.record, 2, 90)
    sink.write(b"sound")
    sink.close()
    judged = {"of": 4, "rule": "CO-2300-WHY", "version": "2", "verdict": "right", "by": "u", "role": "agent"}
    more = CallEvent(call_id="call-1", seq=9, name="alert.judged", data=judged)
    await site.hub.publish(site.record, [*ended_call(), more])
    await site.hub.changed(msgspec.structs.replace(site.record, ended_at=1_700_000_060.0))


async def listed(client: Client, path: str) -> Any:
    response = await client.get(path)
    assert response.status == 200
    return await response.json()


async def test_an_erased_call_is_nowhere(site: Site) -> None:
    await ended(site)
    await site.store.feedback.let_train(site.record.organisation_id, True)
    admin = await site.logged_in("root")
    for path in EVERYWHERE:
        assert (await admin.get(path)).status == 200, path
    assert await (await admin.get("/api/feedback/rows")).text() != ""
    with capture_logs() as logs:
        assert (await admin.delete(CALL)).status == 204
    assert {"event": "call.erased", "log_level": "info", "call_id": "call-1", "by": "user-root"} in logs
    for path in EVERYWHERE:
        response = await admin.get(path)
        assert (response.status, response.content_type) == (404, "application/problem+json"), path
    for path in ("/api/calls", "/api/quality", "/api/feedback"):
        assert await listed(admin, path) == [], path
    assert await (await admin.get("/api/feedback/rows")).text() == ""
    wrap_up = {"summary": "Pagará.", "disposition": "callback", "follow_ups": []}
    assert (await admin.put(f"{CALL}/wrap-up", json=wrap_up)).status == 404
    assert (await admin.post(f"{CALL}/alerts/4/judgement", json={"verdict": "wrong"})).status == 404
    assert (await admin.delete(CALL)).status == 404
    assert list(site.data_dir.rglob("*.sealed")) == []
    (left,) = await listed(admin, "/api/erasures")
    assert left.pop("erased_at") > 1_700_000_060.0
    assert left == {
        "call_id": "call-1",
        "campaign_id": site.record.campaign_id,
        "campaign": "collections",
        "started_at": site.record.started_at,
        "ended_at": 1_700_000_060.0,
        "erased_by": "user-root",
    }
    assert await listed(admin, "/api/erasures?before=1") == []


async def test_who_may_not_erase_it_and_what_cannot_be(site: Site) -> None:
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, ended_call())
    admin = await site.logged_in("root")
    live = await admin.delete(CALL)
    assert (live.status, live.content_type, (await live.json())["code"]) == (
        409,
        "application/problem+json",
        "conflict",
    )
    await site.hub.changed(msgspec.structs.replace(site.record, ended_at=1.0))
    for login in ("ana", "sofia"):
        assert (await (await site.logged_in(login)).delete(CALL)).status == 403
    other = await site.store.people.add_organisation("Other", 1.0)
    await site.store.calls.open(
        msgspec.structs.replace(site.record, call_id="call-2", organisation_id=other, ended_at=1.0)
    )
    for call_id in ("call-2", "call-3"):
        assert (await admin.delete(f"/api/calls/{call_id}")).status == 404
    refused = await admin.delete(CALL, headers={"Origin": "https://evil.example"})
    assert refused.status == 403
    assert (await admin.get(CALL)).status == 200
    assert [call.call_id for call in await site.store.calls.find(other)] == ["call-2"]


async def test_a_desk_that_shows_it_is_told(site: Site) -> None:
    await ended(site)
    ws = await opened(await site.logged_in("sofia"))
    await ws.send_json({"type": "follow", "id": "call-1"})
    assert (await take(ws, 10))[0]["type"] == "call"
    await (await site.logged_in("root")).delete(CALL)
    assert await take(ws, 1) == [{"type": "gone", "id": "call-1"}]
    await ws.send_json({"type": "follow", "id": "call-1"})
    assert (await take(ws, 1))[0]["code"] == "not_found"


async def test_a_campaign_says_how_long_its_calls_are_kept(site: Site) -> None:
    admin = await site.logged_in("root")
    created = await (await admin.post("/api/campaigns", json=CAMPAIGN)).json()
    assert created["words_days"] == 0
    changed = await admin.put(f"/api/campaigns/{created['id']}", json=CAMPAIGN | {"words_days": 30})
    assert (await changed.json())["words_days"] == 30
    assert [one["words_days"] for one in await listed(admin, "/api/campaigns")] == [30]


@pytest.mark.parametrize(
    ("recording", "retention_days", "words_days", "status"),
    [
        (True, 90, 89, 422),
        (True, 0, 89, 422),
        (True, 90, 90, 201),
        (True, 0, 0, 201),
        (True, 90, 0, 201),
        (False, 90, 30, 201),
        (False, 90, -1, 422),
        (False, 90, 36_501, 422),
    ],
)
async def test_a_call_is_kept_no_shorter_than_its_recording(
    site: Site, recording: bool, retention_days: int, words_days: int, status: int
) -> None:
    admin = await site.logged_in("root")
    body = {"recording": recording, "retention_days": retention_days, "words_days": words_days}
    response = await admin.post("/api/campaigns", json=CAMPAIGN | body)
    assert response.status == status
    if status == 422:
        assert "words_days" in (await response.json())["detail"]


async def test_a_call_under_a_legal_hold_stays_and_who_put_it_there_is_told(site: Site) -> None:
    await site.hub.opened(site.record)
    admin = await site.logged_in("root")
    with capture_logs() as logs:
        assert (await admin.put(f"{CALL}/legal-hold")).status == 204  # live
        assert (await admin.put("/api/calls/no-such-call/legal-hold")).status == 404
        await site.hub.publish(site.record, ended_call())
        await site.hub.changed(msgspec.structs.replace(site.record, ended_at=1_700_000_060.0))
        (held,) = await listed(admin, "/api/legal-holds")
        refused = await admin.delete(CALL)
        assert (refused.status, (await refused.json())["message"]) == (409, "the call is under a legal hold")
        assert (await admin.delete(f"{CALL}/legal-hold")).status == 204
        assert await listed(admin, "/api/legal-holds") == []
        assert (await admin.delete(CALL)).status == 204
    assert held.pop("held_at") > 1_700_000_060.0
    assert held == {
        "call_id": "call-1",
        "campaign_id": site.record.campaign_id,
        "started_at": site.record.started_at,
        "ended_at": 1_700_000_060.0,
        "held_by": "user-root",
    }
    told = [(log["event"], log["by"]) for log in logs if log.get("call_id") == "call-1"]
    assert told == [("hold.begun", "user-root"), ("hold.lifted", "user-root"), ("call.erased", "user-root")]
