"""What nobody's browser sends: each is answered, once, with a problem of the client's."""

import asyncio
import json
from typing import Any

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
