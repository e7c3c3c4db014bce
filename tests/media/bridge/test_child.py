"""What becomes of a bridge when the engine beside it stops: it goes where an engine started it, and else stays."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from engine.settings import Settings, load_settings
from media.bridge.child import BridgeChild, mark_of

PID = 4_000_000
"""Nobody's: beyond what Linux gives away."""


class Answering:
    """Answers as a bridge does that was started for somebody."""

    started_for: str | None = None

    async def healthz(self, _request: web.Request) -> web.Response:
        told = {} if self.started_for is None else {"started_for": self.started_for}
        return web.json_response({"calls": 0, "pid": PID} | told)


@pytest.fixture
def bridge() -> Answering:
    return Answering()


@pytest.fixture
async def settings(bridge: Answering, tmp_path: Path) -> AsyncIterator[Settings]:
    app = web.Application()
    app.router.add_get("/healthz", bridge.healthz)
    async with TestServer(app) as server:
        yield load_settings(data_dir=tmp_path, bridge_http_port=server.port)


@pytest.mark.parametrize(("whose", "stopped"), [("ours", True), ("another's", False), ("", False), (None, False)])
async def test_only_what_an_engine_on_this_data_started_is_stopped(
    whose: str | None, stopped: bool, bridge: Answering, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.started_for = mark_of(settings.data_dir) if whose == "ours" else whose
    told: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _signal: told.append(pid))
    child = BridgeChild(settings)
    async with ClientSession() as http:
        child.pid = await child._asked(http)
    await child.__aexit__()
    assert told == ([PID] if stopped else [])
