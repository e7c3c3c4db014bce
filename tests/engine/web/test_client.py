"""From where a request comes: the peer's word is taken when it is a proxy of ours, and only so far."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from engine.settings import Settings
from engine.web.client import client_of
from engine.web.keys import SETTINGS

PROXIES = "127.0.0.1, 10.0.0.0/8, ::1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["6.6.6.6", "192.0.2.1 , 10.1.2.3"], "192.0.2.1"),
        ("127.0.0.1", ["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["6.6.6.6, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["6.6.6.6, x:y, 10.0.0.8"], "10.0.0.8"),
        ("::ffff:127.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["6.6.6.6, 192.0.2.1:41022"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1:41022 , 10.0.0.8:80"], "192.0.2.1"),
        ("127.0.0.1", ["[2001:db8:1:2::5]:41022"], "2001:db8:1:2::/64"),
        ("127.0.0.1", ["[2001:db8:1:2::5]"], "2001:db8:1:2::/64"),
        ("127.0.0.1", ["6.6.6.6, 192.0.2.1:"], "127.0.0.1"),
        ("192.0.2.9", ["192.0.2.1"], "192.0.2.9"),
        ("192.0.2.9", ["192.0.2.1, 127.0.0.1"], "192.0.2.9"),
        ("::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1:2::/64"),
        ("", ["192.0.2.1"], ""),
    ],
)
def test_whose_request_it_is(peer: str, forwarded: list[str], client: str) -> None:
    assert client_of(request(PROXIES, peer, forwarded)) == client


def test_without_a_proxy_nobody_s_word_is_taken() -> None:
    assert client_of(request("", "127.0.0.1", ["192.0.2.1"])) == "127.0.0.1"


def request(proxies: str, peer: str, forwarded: list[str]) -> web.Request:
    app = web.Application()
    app[SETTINGS] = Settings(trusted_proxies=proxies)
    headers = [("X-Forwarded-For", one) for one in forwarded]
    return make_mocked_request("GET", "/", headers, app=app).clone(remote=peer)
