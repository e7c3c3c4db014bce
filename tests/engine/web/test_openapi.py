"""`/openapi.json` describes the API that there is: every route, how it is guarded, and what it takes and answers."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.web.access import COOKIE
from engine.web.app import ROUTES
from tests.engine.web.running_site import Site

API = [route for route in ROUTES if route.path.startswith("/api/")]
BODILESS = (
    "/api/calls/{call_id}/legal-hold",
    "/api/logout",
    "/api/calls/{call_id}/recording/pause",
    "/api/calls/{call_id}/recording/resume",
)
"""Of what is posted."""
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.fixture
async def description(site: Site) -> Any:
    return await (await site.client().get("/openapi.json")).json()


def operation(description: Any, method: str, path: str) -> Any:
    return description["paths"][path][method.lower()]


def references(node: Any) -> Iterator[str]:
    """What the description refers to, wherever it does."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from references(one)


async def test_it_has_every_route_of_the_api_and_no_other(description: Any) -> None:
    described = {(method.upper(), path) for path, methods in description["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in API}
    for name in references(description):
        kind, schema = name.removeprefix("#/components/").split("/")
        assert schema in description["components"][kind]


async def test_a_route_is_described_as_it_is_guarded_and_answers(description: Any) -> None:
    for route in API:
        told = operation(description, route.method, route.path)
        guarded = route.roles is not None
        assert told.get("security", []) == ([{"session": []}] if guarded else []), route
        takes, asks = "requestBody" in told, bool(told.get("parameters"))
        assert takes == (route.method in ("POST", "PUT") and route.path not in BODILESS), route
        answers = {int(status): answer for status, answer in told["responses"].items()}
        assert min(answers) < 300, route
        for status, expected in (
            *((400, True), (503, True), (401, guarded or route.path == "/api/login")),
            *((403, guarded or route.method != "GET"), (413, takes), (422, takes or asks)),
        ):
            assert (status in answers) == expected, (route, status)
        for status, answer in answers.items():
            assert answer["description"], (route, status)
            if status >= 400:
                assert answer["content"] == PROBLEM, (route, status)
            else:
                assert ("content" in answer) == (status != 204), (route, status)


async def test_the_session_is_a_cookie(description: Any) -> None:
    scheme = description["components"]["securitySchemes"]["session"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "cookie", COOKIE)


async def test_what_is_no_json_is_described_as_what_it_is(description: Any) -> None:
    upload = operation(description, "PUT", "/api/knowledge/{base}/files/{name}")["requestBody"]
    assert (list(upload["content"]), upload["required"]) == (["application/octet-stream"], True)
    heard = operation(description, "GET", "/api/calls/{call_id}/recording")
    assert [list(heard["responses"][status]["content"]) for status in ("200", "206")] == [["audio/ogg"]] * 2
    assert heard["responses"]["416"]["content"] == PROBLEM
    assert "Range" in [one["name"] for one in heard["parameters"]]
    rows = operation(description, "GET", "/api/feedback/rows")
    assert list(rows["responses"]["200"]["content"]) == ["application/x-ndjson"]
    assert "409" in operation(description, "GET", "/api/phone")["responses"]


async def test_what_is_refused_is_as_described(site: Site, description: Any) -> None:
    needed = set(description["components"]["schemas"]["Problem"]["required"])
    nobody, admin = site.client(), await site.logged_in("root")
    for client, method, path, status, more in (
        (nobody, "GET", "/api/users", 401, ()),
        (await site.logged_in("ana"), "GET", "/api/users", 403, ()),
        (admin, "GET", "/api/calls?limit=0", 422, ("errors",)),
        (admin, "PUT", "/api/forms/own", 400, ()),
    ):
        response = await client.request(method, path)
        assert response.status == status
        assert response.content_type == "application/problem+json"
        assert set(await response.json()) == needed.union(more)
