"""What becomes of a bridge when the engine beside it stops: it goes where an engine started it, and else stays."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from engine.settings import Settings, load_settings
from media.bridge import child as beside
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


async def test_one_that_is_ours_is_told_what_the_engine_is_told_and_ends_by_itself(
    bridge: Answering, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.started_for = mark_of(settings.data_dir)
    told: list[tuple[int, signal.Signals]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append((pid, number)))
    child = BridgeChild(settings)
    async with ClientSession() as http:
        child.pid = await child._asked(http)
    child.renew_certificate()
    assert not child.draining
    child.drain()
    assert told == [(PID, signal.SIGHUP), (PID, signal.SIGUSR1)]
    assert child.draining
    child.pid = 0  # it answers no more
    assert not child.draining


async def test_one_that_is_not_ours_is_not_waited_for(
    bridge: Answering, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _number: told.append(pid))
    child = BridgeChild(settings)
    async with ClientSession() as http:
        child.pid = await child._asked(http)
    child.renew_certificate()
    child.drain()
    assert (child.pid, told, child.draining) == (PID, [], False)


class Over(Exception):
    pass


@pytest.mark.parametrize("drains", [True, False])
async def test_one_that_has_drained_is_not_started_again(
    drains: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = BridgeChild(settings)
    started: list[bool] = []
    answers = iter([PID, 0])

    async def asked(_http: ClientSession) -> int:
        if (pid := next(answers, None)) is None:
            raise Over
        if drains:
            bridge.drain()
        return pid

    async def start() -> None:
        started.append(True)

    monkeypatch.setattr(os, "kill", lambda pid, _number: None)
    monkeypatch.setattr(beside, "_EVERY_S", 0.0)
    monkeypatch.setattr(bridge, "_asked", asked)
    monkeypatch.setattr(bridge, "_start", start)
    with pytest.raises(Over):
        await bridge._keep()
    assert started == ([] if drains else [True])
