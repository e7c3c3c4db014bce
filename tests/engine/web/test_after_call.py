"""Wrap-ups, reviews, alerts and forms over REST: who may, what is refused, what comes of it."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.errors import NotFound
from engine.facts import CallEvent, decode
from engine.ports.desk import DeskCommand, Person
from tests.engine.ended_call import PROPOSAL, REASON, WHY, ended_call
from tests.engine.web.running_site import Client, Site

CALL = "/api/calls/call-1"
WRAP_UP = {"summary": "Pagará en cuotas.", "disposition": "callback", "follow_ups": [{"text": "Llamar", "due": ""}]}
FORM = (
    "id: own\ntitle: {en: Own}\ncampaigns: [collections]\nitems:\n  - {id: a, title: {en: A}, check: {kind: person}}\n"
)


async def ended(site: Site, *, live: bool = False) -> None:
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, ended_call())
    if not live:
        await site.hub.changed(msgspec.structs.replace(site.record, ended_at=1_700_000_060.0))


async def newest(site: Site) -> CallEvent:
    facts = await site.store.calls.all_facts(site.record.organisation_id, "call-1")
    last = decode(facts[-1])
    assert isinstance(last, CallEvent)
    return last


async def body(client: Client, path: str) -> Any:
    response = await client.get(path)
    assert response.status == 200, await response.text()
    return await response.json()


async def test_an_agent_confirms_what_was_proposed(site: Site) -> None:
    await ended(site)
    agent = await site.logged_in("ana")
    state = await body(agent, f"{CALL}/wrap-up")
    assert (state["summary"], state["disposition"]) == (PROPOSAL["summary"], "promise_to_pay")
    assert "confirmed" not in state
    given = {"summary": state["summary"], "disposition": "promise_to_pay"}
    follow_ups = [{"text": one["text"], "due": one["due"]} for one in state["follow_ups"]]
    response = await agent.put(f"{CALL}/wrap-up", json=given | {"follow_ups": follow_ups})
    assert response.status == 200
    assert (await response.json())["confirmed"] is True
    event = await newest(site)
    assert (event.name, event.seq, event.data["edited"], event.data["of"]) == ("wrap_up.confirmed", 9, [], 7)


async def test_a_call_that_the_engine_s_end_cut_off_is_wrapped_up_as_its_campaign_s_form_says(site: Site) -> None:
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, ended_call()[:4])
    await site.hub.changed(msgspec.structs.replace(site.record, ended_at=1.0, end_reason="engine_restarted"))
    agent = await site.logged_in("ana")
    state = await body(agent, f"{CALL}/wrap-up")
    assert {"code": "callback", "title": "Volver a llamar"} in state["choices"]
    assert "proposed" not in state
    for wrong in ("won_the_lottery", ""):
        assert (await agent.put(f"{CALL}/wrap-up", json=WRAP_UP | {"disposition": wrong})).status == 422
    assert (await (await agent.put(f"{CALL}/wrap-up", json=WRAP_UP)).json())["confirmed"] is True
    event = await newest(site)
    assert (event.name, event.data["of"], event.data["edited"]) == ("wrap_up.confirmed", 0, [])
    counts = await body(await site.logged_in("sofia"), "/api/feedback")
    assert not {"disposition", "summary", "follow_ups"} & {one["kind"] for one in counts}


async def test_an_edited_wrap_up_is_kept_beside_the_proposal_and_typed_digits_are_masked(site: Site) -> None:
    await ended(site)
    agent = await site.logged_in("ana")
    given = WRAP_UP | {"summary": "Pagó con la tarjeta 4539 1488 0343 6467."}
    state = await (await agent.put(f"{CALL}/wrap-up", json=given)).json()
    assert state["summary"] == "Pagó con la tarjeta [card]."
    assert state["proposed"]["summary"] == PROPOSAL["summary"]
    event = await newest(site)
    assert event.data["edited"] == ["summary", "disposition", "follow_ups"]
    assert "4539" not in str(event.data)
    counts = await body(await site.logged_in("sofia"), "/api/feedback?kind=disposition")
    assert counts == [{"kind": "disposition", "subject": "promise_to_pay", "edited": 1, "precision": 0.0}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"disposition": "won_the_lottery"},
        {"summary": "x" * 4_001},
        {"follow_ups": [{"text": ""}]},
        {"follow_ups": [{"text": "a", "due": "tomorrow"}]},
        {"follow_ups": [{"text": "a", "due": "2026-02-30"}]},
        {"follow_ups": [{"text": "a", "due": "20261201"}]},
        {"follow_ups": [{"text": "a", "due": "٢٠٢٦-١٢-٠١"}]},
        {"mood": "good"},
    ],
)
async def test_a_wrong_wrap_up_is_refused(site: Site, wrong: dict[str, Any]) -> None:
    await ended(site)
    agent = await site.logged_in("ana")
    assert (await agent.put(f"{CALL}/wrap-up", json=WRAP_UP | wrong)).status == 422


async def test_where_the_campaign_has_no_dispositions_nothing_is_taken_for_one(site: Site) -> None:
    record = msgspec.structs.replace(site.record, campaign="support")
    await site.hub.opened(record)
    await site.hub.publish(record, ended_call()[:4])
    await site.hub.changed(msgspec.structs.replace(record, ended_at=1.0, end_reason="engine_restarted"))
    agent = await site.logged_in("ana")
    typed = WRAP_UP | {"disposition": "4539 1488 0343 6467 12/27 123"}
    assert (await agent.put(f"{CALL}/wrap-up", json=typed)).status == 422
    assert (await agent.put(f"{CALL}/wrap-up", json=WRAP_UP | {"disposition": ""})).status == 200
    assert (await newest(site)).data["disposition"] == ""


async def test_a_live_call_is_neither_wrapped_up_nor_reviewed(site: Site) -> None:
    await ended(site, live=True)
    agent, supervisor = await site.logged_in("ana"), await site.logged_in("sofia")
    assert (await agent.put(f"{CALL}/wrap-up", json=WRAP_UP)).status == 409
    review = {"answer": "no", "reason": "it was not"}
    assert (await supervisor.put(f"{CALL}/quality/notice", json=review)).status == 409


async def test_another_agent_sees_nothing_of_it(site: Site) -> None:
    await ended(site)
    stranger = await site.logged_in("ben")
    for path in ("wrap-up", "quality"):
        assert (await stranger.get(f"{CALL}/{path}")).status == 404
    assert (await stranger.put(f"{CALL}/wrap-up", json=WRAP_UP)).status == 404
    assert (await stranger.post(f"{CALL}/alerts/4/judgement", json={"verdict": "wrong"})).status == 404


async def test_a_supervisor_reviews_an_item_with_a_reason(site: Site) -> None:
    await ended(site)
    supervisor = await site.logged_in("sofia")
    assert (await supervisor.put(f"{CALL}/quality/empathy", json={"answer": "no", "reason": ""})).status == 422
    assert (await supervisor.put(f"{CALL}/quality/charm", json={"answer": "no", "reason": "none"})).status == 404
    response = await supervisor.put(f"{CALL}/quality/empathy", json={"answer": "no", "reason": "no escuchó"})
    assert (await response.json())["score"] == 50.0
    score = await body(supervisor, f"{CALL}/quality")
    assert (score["items"][1]["reason"], score["items"][1]["reviewed_by"]) == ("no escuchó", "user-sofia")
    (listed,) = await body(supervisor, "/api/quality?passed=false&reviewed=true")
    assert (listed["call_id"], listed["score"]) == ("call-1", 50.0)
    averages = await body(supervisor, "/api/quality/averages")
    assert [(one["subject"], one["name"], one["score"]) for one in averages["agents"]] == [("user-ana", "Ana", 50.0)]
    assert await body(supervisor, "/api/quality/averages?since=4e9") == {"agents": [], "campaigns": []}
    agent = await site.logged_in("ana")
    assert (await body(agent, f"{CALL}/quality"))["score"] == 50.0
    assert (await agent.put(f"{CALL}/quality/empathy", json={"answer": "yes", "reason": "I did"})).status == 403


async def test_a_second_review_is_held_against_the_engine_s_own_answer(site: Site) -> None:
    await ended(site)
    supervisor = await site.logged_in("sofia")
    for item, answer in (("notice", "no"), ("notice", "yes"), ("empathy", "yes"), ("empathy", "no")):
        given = {"answer": answer, "reason": "listened again"}
        assert (await supervisor.put(f"{CALL}/quality/{item}", json=given)).status == 200
    event = await newest(site)
    assert (event.data["engine"], event.data["before"], event.data["after"]) == ("open", "yes", "no")
    counts = await body(supervisor, "/api/feedback?kind=quality")
    judged = {"kind": "quality", "subject": "collections/notice", "version": "0"}
    assert counts == [judged | {"accepted": 1, "precision": 1.0}]


async def test_reviews_at_once_undo_nothing_of_each_other(site: Site) -> None:
    await ended(site)
    supervisor = await site.logged_in("sofia")
    reviews = [
        supervisor.put(f"{CALL}/quality/{item}", json={"answer": "no", "reason": "was not so"})
        for item in ("notice", "empathy")
    ]
    assert {response.status for response in await asyncio.gather(*reviews)} == {200}
    score = await body(supervisor, f"{CALL}/quality")
    assert [item["answer"] for item in score["items"]] == ["no", "no"]


async def test_an_alert_of_an_ended_call_is_judged_here_and_of_a_live_one_by_its_task(site: Site) -> None:
    await ended(site, live=True)
    agent = await site.logged_in("ana")
    path = f"{CALL}/alerts/4/judgement"
    assert (await agent.post(path, json={"verdict": "wrong", "reason": "ironía"})).status == 204
    ((_, command),) = site.desk.commands
    assert (command.name, command.seq, command.action, command.reason) == ("judge", 4, "wrong", "ironía")
    await site.hub.changed(msgspec.structs.replace(site.record, ended_at=1.0))
    assert (await agent.post(path, json={"verdict": "wrong"})).status == 204
    event = await newest(site)
    assert (event.name, event.data["rule"], event.data["verdict"]) == ("alert.judged", "CO-2300-WHY", "wrong")
    for seq in (3, 99, 0):
        assert (await agent.post(f"{CALL}/alerts/{seq}/judgement", json={"verdict": "wrong"})).status == 404
    assert (await agent.post(path, json={"verdict": "maybe"})).status == 422


@pytest.mark.parametrize(("ends", "status"), [(True, 204), (False, 404)])
async def test_a_judgement_that_is_given_as_the_call_ends_is_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch, ends: bool, status: int
) -> None:
    await ended(site, live=True)

    async def command(person: Person, command: DeskCommand) -> None:
        if ends:
            await site.hub.changed(msgspec.structs.replace(site.record, ended_at=1.0))
        raise NotFound("no such live call")

    monkeypatch.setattr(site.desk, "command", command)
    agent = await site.logged_in("ana")
    response = await agent.post(f"{CALL}/alerts/4/judgement", json={"verdict": "wrong", "reason": "ironía"})
    assert response.status == status
    event = await newest(site)
    assert (event.name == "alert.judged") == ends
    if ends:
        assert (event.seq, event.data["verdict"], event.data["reason"]) == (9, "wrong", "ironía")


async def test_confirming_twice_at_once_numbers_both(site: Site) -> None:
    await ended(site)
    agent, supervisor = await site.logged_in("ana"), await site.logged_in("sofia")
    for client in (agent, supervisor):
        assert (await client.put(f"{CALL}/wrap-up", json=WRAP_UP)).status == 200
    assert (await newest(site)).seq == 10
    assert (await body(agent, f"{CALL}/wrap-up"))["by"] == "user-sofia"


async def test_forms_are_listed_written_and_refused_with_where_and_what(site: Site) -> None:
    admin, supervisor = await site.logged_in("root"), await site.logged_in("sofia")
    forms = await body(supervisor, "/api/forms")
    assert [(one["id"], one["version"]) for one in forms] == [("care", 0), ("collections", 0), ("sales", 0)]
    assert (await supervisor.put("/api/forms/own", json={"source": FORM})).status == 403
    written = await admin.put("/api/forms/own", json={"source": FORM})
    sheet = await written.json()
    assert sheet["version"] == 1
    assert (len(sheet["item_titles"]), len(sheet["disposition_titles"])) == (sheet["items"], sheet["dispositions"])
    assert forms[1]["disposition_titles"]["callback"]["pt"] == "Ligar de novo"
    again = await admin.put("/api/forms/own", json={"source": FORM + "pass_score: 70\n"})
    assert (await again.json())["version"] == 2
    assert "pass_score" not in (await body(supervisor, "/api/forms/own/versions/1"))["source"]
    assert (await supervisor.get("/api/forms/own/versions/9")).status == 404
    wrong = await admin.put("/api/forms/own", json={"source": FORM.replace("person", "magic")})
    assert wrong.status == 422
    assert "magic" in (await wrong.json())["detail"]
    elsewhere = await admin.put("/api/forms/else", json={"source": FORM})
    assert "else" in (await elsewhere.json())["detail"]


async def test_an_own_form_of_a_bundled_name_takes_its_place(site: Site) -> None:
    admin = await site.logged_in("root")
    source = FORM.replace("id: own", "id: collections")
    assert (await admin.put("/api/forms/collections", json={"source": source})).status == 200
    forms = {one["id"]: one for one in await body(admin, "/api/forms")}
    assert (forms["collections"]["version"], forms["collections"]["items"]) == (1, 1)
    assert len(forms) == 3


async def test_training_rows_come_out_only_when_the_organisation_allows_it(site: Site) -> None:
    await ended(site)
    admin, agent = await site.logged_in("root"), await site.logged_in("ana")
    await agent.post(f"{CALL}/alerts/4/judgement", json={"verdict": "wrong"})
    await agent.put(f"{CALL}/wrap-up", json=WRAP_UP)
    refused = await admin.get("/api/feedback/rows")
    assert (refused.status, (await refused.json())["code"]) == (409, "conflict")
    assert (await (await site.logged_in("sofia")).put("/api/feedback/training", json={"allowed": True})).status == 403
    assert (await admin.put("/api/feedback/training", json={"allowed": True})).status == 200
    response = await admin.get("/api/feedback/rows")
    assert response.content_type == "application/x-ndjson"
    rows = [json.loads(line) for line in (await response.text()).splitlines()]
    alert, summary, follow_ups = rows
    assert (alert["acts"], alert["es"], alert["verdict"]) == ([], [WHY], "wrong")
    assert summary["summary"] == {"before": PROPOSAL["summary"], "after": WRAP_UP["summary"], "language": "es"}
    assert follow_ups["follow_ups"]["after"] == [{"text": "Llamar"}]
    await agent.put(f"{CALL}/wrap-up", json=WRAP_UP | {"disposition": "promise_to_pay"})
    rows = [json.loads(line) for line in (await (await admin.get("/api/feedback/rows")).text()).splitlines()]
    (disposition,) = [row for row in rows if "intents" in row]
    assert (disposition["intents"], disposition["es"]) == (["payment_arrangement"], [REASON])


async def test_who_reads_words_of_a_call_that_is_not_theirs_is_in_the_log(site: Site) -> None:
    await ended(site)
    with capture_logs() as logs:
        for login in ("ana", "sofia", "ben"):
            client = await site.logged_in(login)
            for path in (CALL, f"{CALL}/wrap-up", f"{CALL}/quality"):
                assert (await client.get(path)).status == (404 if login == "ben" else 200)
    told = [(log["call_id"], log["what"], log["by"], log["role"]) for log in logs if log["event"] == "call.read"]
    assert told == [("call-1", what, "user-sofia", "supervisor") for what in ("call", "wrap_up", "quality")]


async def test_who_is_given_such_words_in_answer_is_in_the_log_as_well(site: Site) -> None:
    await ended(site)
    agent, supervisor = await site.logged_in("ana"), await site.logged_in("sofia")
    review = {"answer": "no", "reason": "no escuchó"}
    with capture_logs() as logs:
        for client in (agent, supervisor):
            assert (await client.put(f"{CALL}/wrap-up", json=WRAP_UP)).status == 200
        assert (await supervisor.put(f"{CALL}/quality/empathy", json=review)).status == 200
        assert (await supervisor.put(f"{CALL}/quality/charm", json=review)).status == 404
    told = [(log["what"], log["by"]) for log in logs if log["event"] == "call.read"]
    assert told == [("wrap_up", "user-sofia"), ("quality", "user-sofia")]
