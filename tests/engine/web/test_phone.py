"""`/api/phone`: a pass where a bridge is, nothing where none is."""

import asyncio
import time

import msgspec
import pytest

from engine.control.phone_pass import verify
from engine.settings import Settings
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


async def test_nobody_gets_a_pass_without_a_log_in(site: Site) -> None:
    response = await site.client().get("/api/phone")
    assert response.status == 401
    assert "token" not in msgspec.json.decode(await response.read())


def _set(site: Site, settings: Settings, **changes: object) -> None:
    """The running application sees other settings: aiohttp freezes its keys, so the values are changed in place."""
    site.app[keys.SETTINGS].__dict__.update(settings.model_copy(update=changes).__dict__)
