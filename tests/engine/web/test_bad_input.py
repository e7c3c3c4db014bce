"""What nobody's browser sends: each is answered, once, with a problem of the client's."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.errors import Overloaded
from engine.web import keys
from engine.web.access import COOKIE
from tests.engine.web.running_site import Client, Site

FORM = "id: x\ntitle: {es: T}\ndispositions:\n- {code: a, title: {es: A}, default: true}\n"
HOST = b"Host: x"


async def raw(site: Site, target: bytes, *headers: bytes, body: bytes = b"", method: bytes = b"GET") -> tuple[int, Any]:
    """Status and problem of the answer to bytes that a client library would not send."""
    lines = [method + b" " + target + b" HTTP/1.1", *headers, b"Connection: close", b"Content-Length: %d" % len(body)]
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    async with asyncio.timeout(10):
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return int(head.split()[1]), json.loads(rest)


async def cookie(client: Client) -> bytes:
    return b"Cookie: " + "; ".join(f"{one.key}={one.value}" for one in client.session.cookie_jar).encode()


async def test_a_host_that_is_none(site: Site) -> None:
    for host in (
        b"x:abc",
        b"x:99999",
        b"[::1",
        b"[::::]",
        b"[1::2::3]",
        b"::1",
        b"a b",
        b"x;script-src *",
        b"\xff",
        b"x/y",
    ):
        for target in (b"/desk", b"/healthz", b"/nothing"):
            status, said = await raw(site, target, b"Host: " + host)
            assert (status, said["code"]) == (400, "bad_host"), host


async def test_a_host_that_is_one(site: Site) -> None:
    client = site.client()
    for host, name in (
        ("desk.example", "desk.example"),
        ("DESK_1:8080", "desk_1"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:8080", "[::1]"),
        ("x:", "x"),
        ("", "localhost"),
    ):
        response = await client.get("/healthz", headers={"Host": host})
        assert response.status == 200
        assert f"connect-src 'self' ws://{name}:8091;" in response.headers["Content-Security-Policy"]


async def test_an_asset_that_no_file_can_be(site: Site) -> None:
    for name in ("%00", "a%00.js", "x" * 300, "x" * 5_000, "%ff", "..%2f" * 100):
        status, said = await raw(site, f"/assets/{name}".encode(), HOST)
        assert (status, said["code"]) == (404, "not_found"), name


async def test_a_body_that_cannot_be_read(site: Site) -> None:
    good = b'{"user": "a", "password": "b"}'
    for kind, body in (
        (b"application/json; charset=foo", good),
        (b"text/plain; charset=base64", good),
        (b"x; charset=\xff", good),
        (b"application/json", b'{"user": ' + b"9" * 5_000 + b"}"),
        (b"application/json", b"\x00"),
        (b"application/json", b"\xff"),
    ):
        status, said = await raw(site, b"/api/login", HOST, b"Content-Type: " + kind, body=body, method=b"POST")
        assert (status, said["code"]) == (400, "bad_request"), (kind, body)
    status, said = await raw(site, b"/api/login", HOST, b"Content-Encoding: gzip", body=good, method=b"POST")
    assert (status, said["code"]) == (400, "bad_request")


async def test_a_document_that_claims_to_be_compressed(site: Site) -> None:
    head = await cookie(await site.logged_in("root"))
    target, packed = b"/api/knowledge/care/files/a.md", b"Content-Encoding: gzip"
    status, said = await raw(site, target, HOST, head, packed, body=b"# Fees", method=b"PUT")
    assert (status, said["code"]) == (400, "bad_request")


@pytest.mark.parametrize("target", [b"/api/knowledge/care/files/a.md", b"/api/forms/own"])
async def test_who_leaves_in_the_middle_of_a_body_is_no_mistake_of_ours(
    site: Site, target: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.server.handler, "handler_cancellation", False)  # as where it is no test
    client = await site.logged_in("root")
    lines = (b"PUT " + target + b" HTTP/1.1", HOST, await cookie(client), b"Content-Length: 1000")
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
        writer.write(b"\r\n".join(lines) + b"\r\n\r\nhalf")
        await asyncio.sleep(0.1)
        writer.close()
        metrics = ""
        async with asyncio.timeout(10):
            while 'method="PUT"' not in metrics:
                await asyncio.sleep(0.02)
                metrics = await (await client.get("/metrics")).text()
    assert 'welcomedly_http_seconds_count{method="PUT",status="400"} 1.0' in metrics
    assert [log for log in logs if log["log_level"] == "error"] == []


async def test_an_answer_that_has_begun_is_not_followed_by_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def rows(organisation_id: str) -> AsyncIterator[bytes]:
        yield b"{}"
        raise Overloaded("the store cannot read")

    monkeypatch.setitem(site.app._state, keys.TRAINING_ROWS, rows)
    head = await cookie(await site.logged_in("root"))
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(b"GET /api/feedback/rows HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := await asyncio.wait_for(reader.read(65_536), 10):
            answer += piece
    writer.close()
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b"problem+json" not in answer
    assert not answer.endswith(b"0\r\n\r\n"), "it looks whole"


async def test_a_body_that_cannot_be_taken(site: Site) -> None:
    for body in (
        b'{"user": "a", "password": "\\ud800"}',
        b'{"user": "\\udfff", "password": "b"}',
        b'{"\\ud800": 1}',
        b'{"user": NaN, "password": 1e999}',
    ):
        status, said = await raw(site, b"/api/login", HOST, body=body, method=b"POST")
        assert (status, said["code"]) == (422, "invalid"), body


async def test_a_cookie_that_no_session_has(site: Site) -> None:
    for value in (b"\xff", b'"\\377"', b"\xed\xa0\x80", b"x" * 4_000):
        status, said = await raw(site, b"/api/me", HOST, b"Cookie: " + COOKIE.encode() + b"=" + value)
        assert (status, said["code"]) == (401, "not_logged_in"), value


async def test_an_origin_that_is_none(site: Site) -> None:
    for origin in (b"http://[x", b"http://[", b"\xff", b"http://x:abc", b"//"):
        status, said = await raw(site, b"/api/login", HOST, b"Origin: " + origin, method=b"POST")
        assert (status, said["code"]) == (403, "wrong_origin"), origin


async def test_a_form_with_a_value_that_is_none(site: Site) -> None:
    admin = await site.logged_in("root")
    for value in ("2024-13-45", "!!int x", "!!timestamp x", '"\\ud800"'):
        response = await admin.put("/api/forms/x", json={"source": f"{FORM}since: {value}"})
        assert (response.status, response.content_type) == (422, "application/problem+json"), value
        assert "unknown field" not in (await response.json())["detail"], value


async def test_a_number_that_no_database_holds(site: Site) -> None:
    await site.hub.opened(site.record)
    head = await cookie(await site.logged_in("root"))
    for number in ("99999999999999999999", "2147483648", "-1", "9" * 5_000, "1e3", "%00"):
        for method, target in (
            (b"GET", "/api/forms/x/versions/{}"),
            (b"POST", "/api/calls/call-1/alerts/{}/judgement"),
        ):
            body = b'{"verdict": "right"}'
            status, said = await raw(site, target.format(number).encode(), HOST, head, body=body, method=method)
            assert (status, said["code"]) == (422, "invalid"), target.format(number)


async def test_a_name_that_nothing_has(site: Site) -> None:
    head = await cookie(await site.logged_in("root"))
    for target in ("/api/calls/%ff", "/api/users/%00", f"/api/calls/{'x' * 5_000}"):
        status, said = await raw(site, target.encode(), HOST, head)
        assert (status, said["code"]) == (404, "not_found"), target
