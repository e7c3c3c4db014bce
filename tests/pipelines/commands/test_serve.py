"""`serve` runs until it is told to stop, and then closes what it started."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine import command_line
from engine.control.seed import DemoLogin
from engine.errors import StartupError
from engine.settings import Settings
from pipelines.commands import serve, stopping


class FakeEngine:
    """Tells when it is started and closed."""

    def __init__(self, settings: Settings, fails: bool = False) -> None:
        self.settings = settings
        self.logins: Sequence[DemoLogin] = ()
        self.url = "http://127.0.0.1:8080"
        self.sip_port = 5060
        self.started, self.closed = asyncio.Event(), False
        self.calls = 0
        self.draining, self.renewed = asyncio.Event(), asyncio.Event()
        self._fails = fails

    async def start(self, *, seed: bool = False) -> None:
        if self._fails:
            raise StartupError("HTTP_PORT: taken")
        if seed:
            self.logins = [DemoLogin("sofia", "a-password", "Sofia", "supervisor")]
        self.started.set()

    async def ready(self) -> None: ...

    def drain(self) -> None:
        self.draining.set()

    def renew_certificate(self) -> None:
        self.renewed.set()

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_until_a_signal_comes(number: signal.Signals, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    engine = FakeEngine(Settings(data_dir=tmp_path))
    serving = asyncio.create_task(serve.serve(engine, seed=True, play=False))
    await engine.started.wait()
    os.kill(os.getpid(), number)
    await serving
    assert engine.closed
    told = capsys.readouterr().out
    assert "http://127.0.0.1:8080/wall" in told
    assert "127.0.0.1:5060" in told


async def test_one_that_drains_ends_with_its_last_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stopping, "LOOK_S", 0.0)
    engine = FakeEngine(Settings(data_dir=tmp_path))
    engine.calls = 1
    serving = asyncio.create_task(serve.serve(engine, seed=False, play=False))
    await engine.started.wait()
    os.kill(os.getpid(), signal.SIGUSR1)
    await engine.draining.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not serving.done()
    engine.calls = 0
    await serving
    assert engine.closed


async def test_a_hang_up_renews_the_certificate_or_ends_what_a_terminal_has_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for terminal in (False, True):
        monkeypatch.setattr(os, "isatty", lambda number, terminal=terminal: terminal)
        engine = FakeEngine(Settings(data_dir=tmp_path))
        serving = asyncio.create_task(serve.serve(engine, seed=False, play=False))
        await engine.started.wait()
        os.kill(os.getpid(), signal.SIGHUP)
        if not terminal:
            await engine.renewed.wait()
            assert not serving.done()
            os.kill(os.getpid(), signal.SIGTERM)
        await serving
        assert (engine.closed, engine.renewed.is_set()) == (True, not terminal)


async def test_a_certificate_that_cannot_be_read_ends_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Failing(FakeEngine):
        def renew_certificate(self) -> None:
            super().renew_certificate()
            raise OSError("no such file")

    monkeypatch.setattr(os, "isatty", lambda number: False)
    engine = Failing(Settings(data_dir=tmp_path))
    serving = asyncio.create_task(serve.serve(engine, seed=False, play=False))
    await engine.started.wait()
    for _ in range(2):
        engine.renewed.clear()
        os.kill(os.getpid(), signal.SIGHUP)
        waiting = asyncio.create_task(engine.renewed.wait())
        await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done()
    os.kill(os.getpid(), signal.SIGTERM)
    await serving


async def test_an_engine_that_cannot_start_says_why(tmp_path: Path) -> None:
    engine = FakeEngine(Settings(data_dir=tmp_path), fails=True)
    with pytest.raises(StartupError, match="HTTP_PORT"):
        await serve.serve(engine, seed=False, play=False)


class Waiting(FakeEngine):
    """Waits as it starts, say for a database that another engine holds."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.starting = asyncio.Event()

    async def start(self, *, seed: bool = False) -> None:
        self.starting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.closed = True


async def test_one_that_still_starts_is_stopped_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Waiting(Settings(data_dir=tmp_path))
    serving = asyncio.create_task(serve.serve(engine, seed=False, play=False))
    await engine.starting.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        await serving
    assert (engine.closed, capsys.readouterr().out) == (True, "")


@pytest.mark.parametrize("name", ["HTTP_HOST", "SIP_HOST"])
def test_a_demo_stays_on_loopback(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "0.0.0.0")
    with pytest.raises(StartupError, match=name):
        serve.stay_on_loopback(Settings())


def test_a_start_tells_of_variables_that_are_nearly_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SIP_TRUNK", "192.0.2.7")
    monkeypatch.setattr(serve, "set_up_logs", lambda settings: None)
    monkeypatch.setattr("uvloop.run", lambda serving: serving.close())
    with capture_logs() as logs:
        assert serve.run(command_line.parser().parse_args(["serve"]), FakeEngine) == 0
    assert [log["hint"] for log in logs] == ["SIP_TRUNK is no setting, and not read: is it SIP_TRUNKS?"]


def test_the_words_of_the_command_line() -> None:
    arguments = command_line.parser().parse_args(["serve", "--demo", "--quiet"])
    assert (arguments.demo, arguments.quiet) == (True, True)
