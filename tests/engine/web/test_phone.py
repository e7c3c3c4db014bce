"""`/api/phone`: a pass where a bridge is, nothing where none is."""

import asyncio
import time

import msgspec
import pytest

from engine.control.phone_pass import verify
from engine.settings import Settings
from engine.store.campaigns import Campaign
from engine.web import keys
from tests.engine.web.running_site import Site


async def test_without_a_bridge_there_is_no_phone(site: Site, settings: Settings) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    _set(site, settings, bridge_http_port=port)
    ana = await site.logged_in("ana")
    assert (await ana.get("/api/phone")).status == 204


async def test_an_agent_gets_a_pass_and_the_page_may_connect_to_the_bridge(site: Site, settings: Settings) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _set(site, settings, bridge_http_port=port)
    ana = await site.logged_in("ana")
    response = await ana.get("/api/phone")
    phone = await response.json()
    assert phone["url"] == f"ws://127.0.0.1:{port}/phone"
    claims = verify(phone["token"], site.app[keys.BRIDGE_KEY], time.time())
    assert (claims.user_id, claims.aor) == ("user-ana", "ana@desk")
    page = await ana.get("/desk")
    assert f"connect-src 'self' ws://127.0.0.1:{port};" in page.headers["Content-Security-Policy"]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"bridge_url": "https://desk.example"}, "wss://desk.example"),
        ({"bridge_url": "http://desk.example:9000/x"}, "ws://desk.example:9000/x"),
    ],
)
async def test_a_bridge_behind_a_proxy_has_the_address_that_is_set(
    site: Site, settings: Settings, changes: dict[str, str], address: str
) -> None:
    _set(site, settings, **changes)
    ana = await site.logged_in("ana")
    assert (await (await ana.get("/api/phone")).json())["url"] == f"{address}/phone"


async def test_more_numbers_than_a_pass_holds_are_a_problem_that_says_so(site: Site, settings: Settings) -> None:
    _set(site, settings, bridge_url="https://desk.example")
    numbers = tuple(f"+57601{number:07}" for number in range(900))
    organisation, members = site.record.organisation_id, ("user-ana",)
    campaign = Campaign("many", organisation, "M", "care", "inbound", "es", "CO", numbers=numbers, members=members)
    await site.store.campaigns.add(campaign, 1.0)
    response = await (await site.logged_in("ana")).get("/api/phone")
    problem = await response.json()
    assert (response.status, problem["code"]) == (409, "conflict")
    assert "too many numbers" in problem["detail"]
    assert (await (await site.logged_in("ben")).get("/api/phone")).status == 200


async def test_nobody_gets_a_pass_without_a_log_in(site: Site) -> None:
    response = await site.client().get("/api/phone")
    assert response.status == 401
    assert "token" not in msgspec.json.decode(await response.read())


def _set(site: Site, settings: Settings, **changes: object) -> None:
    """The running application sees other settings: aiohttp freezes its keys, so the values are changed in place."""
    site.app[keys.SETTINGS].__dict__.update(settings.model_copy(update=changes).__dict__)
