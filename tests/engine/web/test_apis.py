"""Users, campaigns and calls over REST; health and descriptions."""

from typing import Any

import msgspec
import pytest
from aiohttp_pydantic.oas.view import generate_oas
from structlog.testing import capture_logs

from engine.facts import Transcript, encode
from engine.ports.intake import CallOffer
from engine.vocabulary import Term
from engine.web import openapi
from engine.web.access import PUBLIC
from engine.web.app import ROUTES
from tests.engine.web.running_site import Site
from tests.engine.web.test_after_call import FORM

USER = {"login": "cruz", "name": "Cruz", "role": "agent", "extensions": ["1001"], "password": "long enough here"}
CAMPAIGN = {"name": "Cobranza", "kind": "collections", "direction": "outbound", "country": "CO", "language": "es"}


async def test_users_are_created_changed_and_disabled(site: Site) -> None:
    admin = await site.logged_in("root")
    created = await admin.post("/api/users", json=USER)
    assert created.status == 201
    user = await created.json()
    assert "password" not in str(user)
    assert user["extensions"] == ["1001"]
    assert (await admin.post("/api/users", json=USER | {"extensions": []})).status == 409
    taken = await admin.post("/api/users", json=USER | {"login": "dora"})
    assert taken.status == 409
    assert "Cruz" in (await taken.json())["detail"]
    changed = {name: value for name, value in USER.items() if name != "password"} | {"role": "supervisor"}
    assert (await (await admin.put(f"/api/users/{user['id']}", json=changed)).json())["role"] == "supervisor"
    names = [one["login"] for one in await (await admin.get("/api/users")).json()]
    assert sorted(names) == ["ana", "ben", "cruz", "root", "sofia"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "short"},
        {"login": "no spaces please"},
        {"name": "  "},
        {"name": "Cruz\u0007"},
        {"role": "emperor"},
        {"aors": ["not an address"]},
        {"aors": ["cruz\u0007@pbx.example"]},
        {"extensions": ["x" * 40]},
        {"unknown": 1},
    ],
)
async def test_a_wrong_user_is_refused_by_name_of_the_field(site: Site, wrong: dict[str, Any]) -> None:
    admin = await site.logged_in("root")
    response = await admin.post("/api/users", json=USER | wrong)
    assert response.status == 422
    assert next(iter(wrong)) in (await response.json())["detail"]


async def test_a_name_is_one_line(site: Site) -> None:
    admin = await site.logged_in("root")
    created = await admin.post("/api/users", json=USER | {"name": " Cruz\r\nP-Asserted-Identity:\u00a0x\t"})
    assert (await created.json())["name"] == "Cruz P-Asserted-Identity: x"


async def test_nobody_locks_themselves_out(site: Site) -> None:
    admin = await site.logged_in("root")
    body = {"login": "root", "name": "Root", "role": "agent"}
    assert (await admin.put("/api/users/user-root", json=body)).status == 409


async def test_a_campaign_s_number_routes_as_soon_as_it_is_saved(site: Site) -> None:
    admin = await site.logged_in("root")
    offer = CallOffer("c", "siprec", "127.0.0.1:5060/udp", "", "sip:6015550134@pbx.example", ())
    assert site.router.route(offer) is None
    body = CAMPAIGN | {"numbers": ["+57 (601) 555-0134"], "members": ["user-ana"]}
    created = await admin.post("/api/campaigns", json=body)
    assert created.status == 201
    campaign = await created.json()
    routing = site.router.route(offer)
    assert routing is not None
    assert routing.campaign_id == campaign["id"]
    assert (await admin.post("/api/campaigns", json=body | {"name": "Otra"})).status == 409
    assert (await admin.put(f"/api/campaigns/{campaign['id']}", json=body | {"active": False})).status == 200
    assert site.router.route(offer) is None
    assert (await admin.put("/api/campaigns/none", json=body)).status == 404
    unknown = await admin.post("/api/campaigns", json=CAMPAIGN | {"members": ["stranger"]})
    assert unknown.status == 422


async def test_a_campaign_s_vocabulary_is_kept_and_reaches_its_calls(site: Site) -> None:
    admin = await site.logged_in("root")
    terms: list[dict[str, Any]] = [{"text": "Finarca", "sounds_like": ["fin arca"]}, {"text": "Plan Zafiro"}]
    created = await admin.post("/api/campaigns", json=CAMPAIGN | {"numbers": ["6015550134"], "vocabulary": terms})
    campaign = await created.json()
    assert campaign["vocabulary"] == [terms[0], terms[1] | {"sounds_like": []}]
    kept = await (await admin.get(f"/api/campaigns/{campaign['id']}")).json()
    assert kept["vocabulary"] == campaign["vocabulary"]
    routing = site.router.route(CallOffer("c", "sip", "127.0.0.1:5060/udp", "", "sip:6015550134@pbx.example", ()))
    assert routing is not None
    assert routing.vocabulary == (Term("Finarca", ("fin arca",)), Term("Plan Zafiro"))


@pytest.mark.parametrize(
    "terms",
    [
        [{"text": "Plan 500"}],
        [{"text": "Finarca"}, {"text": "FINARCA"}],
        [{"text": "x"}],
        [{"text": f"Finarca {chr(97 + at // 26)}{chr(97 + at % 26)}"} for at in range(301)],
        [{"text": "Finarca", "weight": 2}],
    ],
)
async def test_a_wrong_vocabulary_is_refused(site: Site, terms: list[dict[str, object]]) -> None:
    admin = await site.logged_in("root")
    response = await admin.post("/api/campaigns", json=CAMPAIGN | {"vocabulary": terms})
    assert response.status == 422
    assert "vocabulary" in (await response.json())["detail"]


async def test_a_campaign_says_whether_agents_are_judged(site: Site) -> None:
    admin = await site.logged_in("root")
    created = await (await admin.post("/api/campaigns", json=CAMPAIGN | {"numbers": ["+573001112233"]})).json()
    assert created["agent_sentiment"] is False
    address, offer = f"/api/campaigns/{created['id']}", CallOffer("c", "sip", "", "", "+573001112233@x", ())
    for judged in (True, False):
        body = CAMPAIGN | {"numbers": ["+573001112233"], "agent_sentiment": judged}
        assert (await (await admin.put(address, json=body)).json())["agent_sentiment"] is judged
        routing = site.router.route(offer)
        assert routing is not None
        assert routing.agent_sentiment is judged


@pytest.mark.parametrize("wrong", [{"country": "Colombia"}, {"language": "fr"}, {"kind": "Ñ"}, {"direction": "up"}])
async def test_a_wrong_campaign_is_refused(site: Site, wrong: dict[str, str]) -> None:
    admin = await site.logged_in("root")
    assert (await admin.post("/api/campaigns", json=CAMPAIGN | wrong)).status == 422


async def test_who_changed_what_of_people_and_campaigns_is_in_the_log(site: Site) -> None:
    admin = await site.logged_in("root")
    with capture_logs() as logs:
        user = await (await admin.post("/api/users", json=USER)).json()
        body = {name: value for name, value in USER.items() if name != "extensions"} | {"role": "supervisor"}
        await admin.put(f"/api/users/{user['id']}", json=body | {"password": "another long one"})
        campaign = await (await admin.post("/api/campaigns", json=CAMPAIGN | {"recording": True})).json()
        await admin.put(f"/api/campaigns/{campaign['id']}", json=CAMPAIGN | {"words_days": 1})
        await admin.put(f"/api/campaigns/{campaign['id']}", json=CAMPAIGN | {"members": ["stranger"]})
        await admin.put("/api/forms/own", json={"source": FORM})
        await admin.put("/api/feedback/training", json={"allowed": True})
        await (await admin.get("/api/feedback/rows")).read()
        await admin.post("/api/logout")
    told = [{name: log[name] for name in log if name != "log_level"} for log in logs if "by" in log]
    who, what = {"by": "user-root"}, {"user_id": user["id"]}
    assert told == [
        {"event": "user.created", "role": "agent"} | what | who,
        {"event": "user.changed", "role": "supervisor", "fields": ["role", "extensions", "password"]} | what | who,
        {"event": "campaign.created", "campaign_id": campaign["id"]} | who,
        {"event": "campaign.changed", "campaign_id": campaign["id"], "fields": ["recording", "words_days"]} | who,
        {"event": "form.changed", "form": "own", "version": 1} | who,
        {"event": "training.changed", "allowed": True} | who,
        {"event": "feedback.exported"} | who,
        {"event": "login.ended"} | who,
    ]
    assert "long one" not in str(logs)


async def test_calls_are_their_agent_s_and_the_supervisors(site: Site) -> None:
    fact = Transcript(call_id="call-1", seq=1, turn=1, text="hola")
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [fact])
    for login, sees in (("ana", True), ("ben", False), ("sofia", True)):
        client = await site.logged_in(login)
        listed = await (await client.get("/api/calls", params={"live": "true", "limit": "5"})).json()
        assert [call["id"] for call in listed] == ["call-1"] * sees
        response = await client.get("/api/calls/call-1")
        assert response.status == (200 if sees else 404)
        if sees:
            body = await response.json()
            assert body["call"] == msgspec.to_builtins(site.record)
            assert body["facts"] == [msgspec.json.decode(encode(fact))]
            assert response.headers["Cache-Control"] == "no-store"
    assert (await client.get("/api/calls", params={"limit": "9999"})).status == 422


@pytest.mark.parametrize(
    ("path", "known", "unknown"),
    [("/api/calls", "agent", "agent_id"), ("/api/quality", "campaign", "page"), ("/api/knowledge", "base", "bases")],
)
async def test_a_filter_that_there_is_not_is_refused(site: Site, path: str, known: str, unknown: str) -> None:
    await site.hub.opened(site.record)
    supervisor = await site.logged_in("sofia")
    assert (await supervisor.get(path)).status == 200
    assert await (await supervisor.get(path, params={known: "nobody"})).json() == []
    refused = await supervisor.get(path, params={unknown: "nobody"})
    assert (refused.status, (await refused.json())["code"]) == (422, "invalid")
    assert unknown in (await refused.json())["detail"]


@pytest.mark.parametrize(
    ("login", "agent", "sees"),
    [
        ("sofia", "user-ana", True),
        ("sofia", "user-sofia", False),
        ("ana", "user-ben", True),
        ("ben", "user-ana", False),
    ],
)
async def test_supervisors_ask_for_one_user_s_calls_and_agents_have_their_own(
    site: Site, login: str, agent: str, sees: bool
) -> None:
    await site.hub.opened(site.record)
    client = await site.logged_in(login)
    listed = await (await client.get("/api/calls", params={"agent": agent})).json()
    assert [call["id"] for call in listed] == ["call-1"] * sees


async def test_machines_are_answered(site: Site) -> None:
    client = site.client()
    assert (await client.get("/healthz")).status == 200
    ready = await client.get("/readyz")
    assert (ready.status, (await ready.json())["parts"]) == (200, {"store": True})
    metrics = await (await client.get("/metrics")).text()
    assert 'welcomedly_http_seconds_count{method="GET",status="200"}' in metrics
    paths = (await (await client.get("/openapi.json")).json())["paths"]
    assert set(paths["/api/users/{user_id}"]) == {"get", "put"}
    assert "requestBody" in paths["/api/campaigns"]["post"]
    assert (await client.get("/asyncapi.json")).status == 200


async def test_what_is_public_is_asked_by_head_as_well(site: Site) -> None:
    client = site.client()
    for route in ROUTES:
        if route.method != "GET" or route.roles is not PUBLIC:
            continue
        path = route.path.replace("{name}", "none")
        get, head = await client.get(path), await client.head(path)
        assert (head.status, head.content_type) == (get.status, get.content_type), path
        assert await head.read() == b""
    supervisor = await site.logged_in("sofia")
    for path in ("/api/users", "/ws/desk"):
        assert (await supervisor.head(path)).status == 405


@pytest.mark.parametrize("up", [True, False])
async def test_metrics_say_whether_the_store_takes_writes(
    site: Site, monkeypatch: pytest.MonkeyPatch, up: bool
) -> None:
    async def writable() -> bool:
        return up

    monkeypatch.setattr(site.store, "writable", writable)
    metrics = await (await site.client().get("/metrics")).text()
    assert f"welcomedly_store_up {float(up)}" in metrics


async def test_the_description_is_made_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(*given: Any, **more: Any) -> Any:
        made.append(given)
        return generate_oas(*given, **more)

    monkeypatch.setattr(openapi, "generate_oas", counted)
    client = site.client()
    texts = {await (await client.get("/openapi.json")).text() for _ in range(3)}
    assert (len(texts), len(made)) == (1, 1)
