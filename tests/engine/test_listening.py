"""Whoever cannot listen is told why, and which setting to change."""

import errno
import os
import socket

import pytest
from aiohttp import web

from engine.errors import StartupError
from engine.listening import cannot_listen
from engine.web.site import Site


@pytest.mark.parametrize(
    ("error", "why", "wrong"),
    [
        (OSError(errno.EADDRINUSE, "in use"), "the port is taken", "SIP_TLS_PORT"),
        (OSError(errno.EACCES, "denied"), "the port is not ours to take", "SIP_TLS_PORT"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "Too many open files", "SIP_TLS_PORT"),
        (OSError(errno.EADDRNOTAVAIL, "not ours"), "this machine has no such address", "SIP_HOST"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "there is no such address", "SIP_HOST"),
    ],
)
def test_the_setting_that_is_wrong_is_named_with_the_reason(error: OSError, why: str, wrong: str) -> None:
    told = cannot_listen("SIP", "pbx", 5061, error, port_setting="SIP_TLS_PORT", host_setting="SIP_HOST")
    assert str(told) == f"SIP cannot listen on pbx:5061: {why}; set {wrong}"


@pytest.mark.parametrize("setting", ["HTTP_PORT", "BRIDGE_HTTP_PORT"])
async def test_a_site_tells_a_port_that_is_taken_from_an_address_that_is_not_ours(setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupError, match=rf"^HTTP cannot listen on .*: the port is taken; set {setting}$"):
            await Site(web.Application(), "127.0.0.1", port, setting).open()
    host = setting.replace("PORT", "HOST")
    with pytest.raises(StartupError, match=rf"^HTTP cannot listen on .*: this machine has no such .*; set {host}$"):
        await Site(web.Application(), "192.0.2.1", 0, setting).open()  # nobody's (RFC 5737)
