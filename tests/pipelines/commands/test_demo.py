"""`demo` is no part of the site whose environment it is started in, and says why a call was not served."""

import argparse
from pathlib import Path
from typing import Any, cast

import pytest

from engine.settings import Settings
from media.sip.caller import CallRefused
from pipelines.commands import demo
from pipelines.demo import DemoCall
from pipelines.follower import Follower
from tests.pipelines.commands.test_serve import FakeEngine

SITE = {
    "BUS_URL": "nats://bus.example:4222",
    "TRACES_URL": "http://traces.example/v1/traces",
    "LLM_URL": "http://model.example/v1",
    "SIP_TRUNKS": "203.0.113.0/24",
    "SIP_TLS_CERT": "/etc/welcomedly/sip.pem",
    "SIP_WS_PORT": "5062",
    "SOCKETS": "/etc/welcomedly/sockets.toml",
    "BRIDGE": "on",
    "DATABASE_URL": "postgresql://welcomedly@db.example/welcomedly",
    "RULES": "/etc/welcomedly/rules",
    "PLAYBOOKS": "/etc/welcomedly/playbooks",
    "HTTP_HOST": "0.0.0.0",
}


def test_it_has_nothing_of_the_site_but_how_the_machine_hears(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**SITE, "EARS_WORKERS": "3", "EARS_DEVICE": "cpu"}.items():
        monkeypatch.setenv(name, value)
    settings = demo.throwaway_settings(tmp_path, max_calls=2)
    for name in SITE:
        field = name.lower()
        assert getattr(settings, field) == Settings.model_fields[field].default, name
    assert (settings.ears_workers, settings.ears_device) == (3, "cpu")
    assert {name for name in Settings.model_fields if name.startswith("ears_")} <= demo.OF_THE_MACHINE
    assert (settings.max_calls, settings.sip_port, settings.http_port) == (2, 0, 0)
    assert settings.data_dir == tmp_path / "data"


class FakeFollower:
    """Has seen so many calls end."""

    def __init__(self, ended: int) -> None:
        self.ended = ended

    async def wait_ended(self, calls: int, timeout_s: float) -> bool:
        return self.ended >= calls


@pytest.mark.parametrize(
    ("outcomes", "ended", "served", "said"),
    [
        (["bye", "bye"], 2, True, ""),
        (["bye", CallRefused(503, {})], 1, False, "refused with 503"),
        (["bye", "shutdown"], 1, False, "shutdown"),
        (["bye", "bye"], 1, False, "not every call was seen to end"),
    ],
)
async def test_a_call_that_was_not_served_says_why(
    outcomes: list[str | CallRefused],
    ended: int,
    served: bool,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    left = list(outcomes)

    async def play(*given: Any, **more: Any) -> str:
        outcome = left.pop()
        if isinstance(outcome, CallRefused):
            raise outcome
        return outcome

    monkeypatch.setattr(demo, "play_demo", play)
    arguments = argparse.Namespace(calls=2, roles="members", json=False)
    engine, call, follower = FakeEngine(Settings(data_dir=tmp_path)), cast(DemoCall, None), FakeFollower(ended)
    assert await demo._play_at_once(engine, call, arguments, cast(Follower, follower)) is served
    assert said in (told := capsys.readouterr().err)
    assert bool(told) is not served
