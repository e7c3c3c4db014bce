"""Every route against every role; log-in, log-out, and requests from other sites."""

import re
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError, web
from aiohttp.test_utils import make_mocked_request

from engine.control import login
from engine.web import keys
from engine.web.access import COOKIE
from engine.web.app import ROUTES
from engine.web.problems import problems
from tests.engine.web.running_site import PASSWORD, Site

ROLES = {"agent": "ana", "supervisor": "sofia", "admin": "root"}
GRANTED = {
    ("POST", "/api/login"): None,
    ("POST", "/api/logout"): {"agent", "supervisor", "admin"},
    ("GET", "/api/me"): {"agent", "supervisor", "admin"},
    ("PUT", "/api/me/password"): {"agent", "supervisor", "admin"},
    ("GET", "/api/users"): {"supervisor", "admin"},
    ("POST", "/api/users"): {"admin"},
    ("GET", "/api/users/{user_id}"): {"supervisor", "admin"},
    ("PUT", "/api/users/{user_id}"): {"admin"},
    ("GET", "/api/campaigns"): {"supervisor", "admin"},
    ("POST", "/api/campaigns"): {"admin"},
    ("GET", "/api/campaigns/{campaign_id}"): {"supervisor", "admin"},
    ("PUT", "/api/campaigns/{campaign_id}"): {"admin"},
    ("GET", "/api/calls"): {"agent", "supervisor", "admin"},
    ("GET", "/api/calls/{call_id}"): {"agent", "supervisor", "admin"},
    ("DELETE", "/api/calls/{call_id}"): {"admin"},
    ("PUT", "/api/calls/{call_id}/legal-hold"): {"admin"},
    ("DELETE", "/api/calls/{call_id}/legal-hold"): {"admin"},
    ("GET", "/api/legal-holds"): {"admin"},
    ("GET", "/api/erasures"): {"admin"},
    ("GET", "/api/calls/{call_id}/recording"): {"supervisor", "admin"},
    ("POST", "/api/calls/{call_id}/recording/pause"): {"agent", "supervisor", "admin"},
    ("POST", "/api/calls/{call_id}/recording/resume"): {"agent", "supervisor", "admin"},
    ("GET", "/api/calls/{call_id}/entities/{seq}/value"): {"agent", "supervisor", "admin"},
    ("GET", "/api/calls/{call_id}/wrap-up"): {"agent", "supervisor", "admin"},
    ("PUT", "/api/calls/{call_id}/wrap-up"): {"agent", "supervisor", "admin"},
    ("POST", "/api/calls/{call_id}/alerts/{seq}/judgement"): {"agent", "supervisor", "admin"},
    ("GET", "/api/calls/{call_id}/quality"): {"agent", "supervisor", "admin"},
    ("PUT", "/api/calls/{call_id}/quality/{item}"): {"supervisor", "admin"},
    ("GET", "/api/quality"): {"supervisor", "admin"},
    ("GET", "/api/quality/averages"): {"supervisor", "admin"},
    ("GET", "/api/forms"): {"supervisor", "admin"},
    ("PUT", "/api/forms/{form_id}"): {"admin"},
    ("GET", "/api/forms/{form_id}/versions/{version}"): {"supervisor", "admin"},
    ("GET", "/api/feedback"): {"supervisor", "admin"},
    ("GET", "/api/feedback/training"): {"supervisor", "admin"},
    ("PUT", "/api/feedback/training"): {"admin"},
    ("GET", "/api/feedback/rows"): {"admin"},
    ("GET", "/api/knowledge"): {"agent", "supervisor", "admin"},
    ("GET", "/api/knowledge/{base}/search"): {"supervisor", "admin"},
    ("PUT", "/api/knowledge/{base}/files/{name}"): {"admin"},
    ("DELETE", "/api/knowledge/{base}/files/{name}"): {"admin"},
    ("GET", "/api/knowledge/{base}/articles/{article}"): {"agent", "supervisor", "admin"},
    ("PUT", "/api/knowledge/{base}/articles/{article}"): {"admin"},
    ("DELETE", "/api/knowledge/{base}/articles/{article}"): {"admin"},
    ("GET", "/api/phone"): {"agent", "supervisor", "admin"},
    ("GET", "/ws/desk"): {"agent", "supervisor", "admin"},
    ("GET", "/ws/wall"): {"agent", "supervisor", "admin"},
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): None,
    ("GET", "/openapi.json"): None,
    ("GET", "/asyncapi.json"): None,
    ("GET", "/assets/{name}"): None,
    ("GET", "/favicon.svg"): None,
    ("GET", "/"): None,
    ("GET", "/login"): None,
    ("GET", "/desk"): None,
    ("GET", "/wall"): None,
    ("GET", "/quality"): None,
    ("GET", "/admin"): None,
}
"""Written again by hand: a route that is granted otherwise, or added, must be said here too."""


async def test_the_table_is_all_there_is(site: Site) -> None:
    assert {(route.method, route.path): route.roles and set(route.roles) for route in ROUTES} == GRANTED
    registered = {
        (route.method, route.resource.canonical)
        for route in site.app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }
    assert registered == set(GRANTED)


async def test_every_route_against_every_role(site: Site) -> None:
    clients = {role: await site.logged_in(login) for role, login in ROLES.items()}
    nobody = site.client()
    for (method, path), granted in sorted(GRANTED.items(), key=lambda row: row[0][1] == "/api/logout"):
        url = re.sub(r"{(seq|version)}", "1", path.replace("{user_id}", "user-ben"))
        url = re.sub(r"{\w+}", "none", url)
        response = await nobody.request(method, url)
        assert (response.status == 401) == (granted is not None), (method, path)
        for role, client in clients.items():
            status = (await client.request(method, url)).status
            assert status != 401, (method, path, role)
            assert (status == 403) == (granted is not None and role not in granted), (method, path, role)


async def test_log_in_and_out(site: Site) -> None:
    client = site.client()
    assert (await client.get("/api/me")).status == 401
    response = await client.post("/api/login", json={"user": " Ana", "password": PASSWORD})
    person = await response.json()
    assert person == {
        "user_id": "user-ana",
        "organisation_id": site.record.organisation_id,
        "name": "Ana",
        "role": "agent",
        "keeps_tokens": False,
    }
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert await (await client.get("/api/me")).json() == person
    token = response.cookies[COOKIE].value
    assert (await client.post("/api/logout")).status == 204
    assert (await client.get("/api/me", headers={"Cookie": f"{COOKIE}={token}"})).status == 401


async def test_a_password_is_its_owner_s_to_change(site: Site) -> None:
    here, there, ben = [await site.logged_in(login) for login in ("ana", "ana", "ben")]

    async def change(old: str, new: str) -> tuple[int, str]:
        response = await here.put("/api/me/password", json={"old": old, "new": new})
        return response.status, "" if response.status == 204 else (await response.json())["code"]

    assert await change("wrong", "a better password") == (403, "wrong_password")
    assert await change(PASSWORD, "too short") == (422, "invalid")
    assert await change(PASSWORD, "a better password") == (204, "")
    assert [(await client.get("/api/me")).status for client in (here, there, ben)] == [200, 401, 200]
    for password, status in ((PASSWORD, 401), ("a better password", 200)):
        response = await there.post("/api/login", json={"user": "ana", "password": password})
        assert response.status == status
    for _ in range(5):
        await change("wrong", "another password")
    assert await change("a better password", "another password") == (429, "too_many_guesses")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"user": "ana", "password": "wrong"}, 401),
        ({"user": "nobody", "password": "wrong"}, 401),
        ({"user": "ana"}, 422),
        ({"user": "ana", "password": PASSWORD, "more": 1}, 422),
        ([], 400),
    ],
)
async def test_a_log_in_that_fails_says_so_and_no_more(site: Site, body: Any, status: int) -> None:
    response = await site.client().post("/api/login", json=body)
    assert response.status == status
    assert response.content_type == "application/problem+json"
    text = await response.text()
    assert "wrong" not in text.replace("wrong_login", "").replace("wrong user", "")
    assert COOKIE not in response.cookies


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 10_000])
async def test_a_body_that_is_not_json(site: Site, body: bytes) -> None:
    response = await site.client().post("/api/login", data=body, headers={"Content-Type": "application/json"})
    assert response.status == 400
    assert response.content_type == "application/problem+json"


async def test_guesses_are_limited_and_a_disabled_user_is_out(site: Site) -> None:
    client = site.client()
    for _ in range(5):
        assert (await client.post("/api/login", json={"user": "ana", "password": "wrong"})).status == 401
    limited = await client.post("/api/login", json={"user": "ana", "password": PASSWORD})
    assert limited.status == 429
    assert int(limited.headers["Retry-After"]) > 0
    ben = await site.logged_in("ben")
    admin = await site.logged_in("root")
    body = {"login": "ben", "name": "Ben", "role": "agent", "active": False}
    assert (await admin.put("/api/users/user-ben", json=body)).status == 200
    assert (await ben.get("/api/me")).status == 401
    assert (await client.post("/api/login", json={"user": "ben", "password": PASSWORD})).status == 401


async def test_too_many_at_once_are_told_when_to_come_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "CHECKS", 0)
    busy = await site.client().post("/api/login", json={"user": "ana", "password": PASSWORD})
    assert (busy.status, (await busy.json())["code"]) == (503, "too_many_logins")
    assert int(busy.headers["Retry-After"]) > 0


async def test_behind_a_proxy_nobody_locks_others_out(site: Site) -> None:
    site.app[keys.SETTINGS].__dict__["trusted_proxies"] = "127.0.0.1"  # aiohttp freezes the application's keys
    client = site.client()

    async def guess(address: str, password: str = "wrong") -> int:
        body = {"user": "ana", "password": password}
        return (await client.post("/api/login", json=body, headers={"X-Forwarded-For": address})).status

    for number in range(5):  # what he says before the proxy's own word makes him nobody else
        assert await guess(f"198.51.100.{number}, 192.0.2.1") == 401
    assert await guess("198.51.100.9, 192.0.2.1") == 429
    assert await guess("192.0.2.2", PASSWORD) == 200


async def test_requests_from_another_site_are_refused(site: Site) -> None:
    client = await site.logged_in("ana")
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await client.post("/api/logout", headers=headers)).status == 403
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect("/ws/desk", headers=headers)
        assert refused.value.status == 403
    origin = str(site.server.make_url("")).rstrip("/")
    assert (await client.post("/api/logout", headers={"Origin": origin})).status == 204


async def test_where_there_is_tls_the_same_host_without_it_is_another_site(site: Site) -> None:
    client = site.client()
    logged_in = await client.post("/api/login", json={"user": "ana", "password": PASSWORD})
    cookie = f"__Host-{COOKIE}={logged_in.cookies[COOKIE].value}"
    site.app[keys.SETTINGS].__dict__["public_url"] = "https://desk.example/"
    for origin, host, status in (
        ("http://desk.example", "desk.example", 403),
        ("http://desk.example", "10.0.0.1", 403),
        ("https://other.example", "desk.example", 403),
        ("", "desk.example", 403),
        ("http://10.0.0.1", "10.0.0.1", 204),
    ):
        headers = {"Host": host, "Origin": origin, "Cookie": cookie}
        response = await client.post("/api/logout", headers=headers)
        assert response.status == status, (origin, host)
    client = site.client()
    body = {"user": "ana", "password": PASSWORD}
    headers = {"Host": "10.0.0.1", "Origin": "https://Desk.example"}
    assert (await client.post("/api/login", json=body, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("url", "name", "hsts"),
    [
        ("", COOKIE, None),
        ("http://desk.example", COOKIE, None),
        ("https://desk.example", f"__Host-{COOKIE}", "max-age=31536000"),
        ("https://localhost:8443", f"__Host-{COOKIE}", None),
    ],
)
async def test_where_there_is_tls_the_cookie_is_of_that_host_alone(
    site: Site, url: str, name: str, hsts: str | None
) -> None:
    site.app[keys.SETTINGS].__dict__["public_url"] = url
    logged_in = await site.client().post("/api/login", json={"user": "ana", "password": PASSWORD})
    assert logged_in.headers.get("Strict-Transport-Security") == hsts
    (token,) = [cookie.value for cookie in logged_in.cookies.values()]
    nobody = site.client()
    for other in (COOKIE, f"__Host-{COOKIE}"):
        response = await nobody.get("/api/me", headers={"Cookie": f"{other}={token}"})
        assert response.status == (200 if other == name else 401)
    left = await nobody.post("/api/logout", headers={"Cookie": f"{name}={token}"})
    for response in (logged_in, left):
        said, *attributes = response.headers["Set-Cookie"].split("; ")
        assert said.startswith(f"{name}=")
        assert ("Secure" in attributes) == url.startswith("https")  # without it browsers take no `__Host-`
        assert "Path=/" in attributes
        assert not any(attribute.startswith("Domain") for attribute in attributes)
    described = await (await nobody.get("/openapi.json")).json()
    assert described["components"]["securitySchemes"]["session"]["name"] == name


async def test_sockets_need_a_log_in(site: Site) -> None:
    for path in ("/ws/desk", "/ws/wall"):
        with pytest.raises(WSServerHandshakeError) as refused:
            await site.client().ws_connect(path)
        assert refused.value.status == 401


async def test_errors_are_problems_and_answers_are_hardened(site: Site) -> None:
    client = site.client()
    missing = await client.get("/nothing")
    assert (missing.status, missing.content_type) == (404, "application/problem+json")
    assert (await missing.json())["code"] == "not_found"
    wrong = await client.delete("/api/login")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")
    page = await client.get("/desk")
    assert page.status == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert {answer.headers["Server"] for answer in (missing, wrong, page)} == {"welcomedly"}
    assert (await client.get("/assets/..%2f..%2fapp.py")).status == 404


async def test_a_mistake_of_ours_is_a_500_without_its_reason() -> None:
    async def broken(_request: web.Request) -> web.Response:
        raise RuntimeError("cuatro uno uno uno")

    response = await problems(make_mocked_request("GET", "/"), broken)
    assert isinstance(response, web.Response)
    assert response.status == 500
    assert "cuatro" not in str(response.text)
