"""`welcomedly check`: what a start would complain of, and nothing of a start."""

import os
import re
import time
from pathlib import Path

import pytest

from engine.command_line import parser
from engine.settings import load_settings
from engine.store import Store
from engine.vault import open_vault
from pipelines.commands import check
from tests.media.sip.test_transport import certify

WEIGHTS = check._weights


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "keys"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(check, "_weights", lambda settings: None)


def checked(*words: str) -> int:
    return check.run(parser().parse_args(["check", *words]))


async def begin() -> None:
    """Data, as a first start leaves them."""
    settings = load_settings()
    store = await Store.open(settings, open_vault("", settings.data_dir, data_exist=False))
    await store.close()


def test_what_is_right_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked() == checked("--bridge") == 0
    assert capsys.readouterr().out == "no problems\n" * 2
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_left_to_the_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key"
    monkeypatch.setenv("KEY_URL", f"file:{file}")
    assert checked() == 0
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(os, "access", lambda folder, _mode: folder != tmp_path)
    assert checked() == 1
    assert capsys.readouterr().err == f"welcomedly: KEY_URL: cannot make {file}: {tmp_path} is not ours to write\n"
    file.write_text("no key")
    file.chmod(0o600)
    assert checked() == 1
    assert "not 32 bytes" in capsys.readouterr().err


def test_every_fault_is_told_and_not_the_first_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIP_TRUNKS", "everybody")
    monkeypatch.setenv("PLAYBOOKS", str(tmp_path / "nowhere"))
    monkeypatch.setenv("RULES", str(tmp_path / "nowhere"))
    monkeypatch.setenv("BRIDGE_TRUNKS", "nobody")
    monkeypatch.setenv("BRIDGE", "on")
    monkeypatch.setenv("KEY_URL", "nonsense")
    assert checked() == 1
    told = capsys.readouterr()
    named = [line.removeprefix("welcomedly: ").partition(":")[0] for line in told.err.splitlines()]
    assert (named, told.out) == (["SIP_TRUNKS", "RULES", "PLAYBOOKS", "BRIDGE_TRUNKS", "KEY_URL"], "")
    assert checked("--bridge") == 1
    assert capsys.readouterr().err.startswith("welcomedly: BRIDGE_TRUNKS: ")


async def test_the_key_must_be_that_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await begin()
    assert await check.check(load_settings()) == []
    monkeypatch.setenv("KEY_URL", "env:ANOTHER_KEY")
    monkeypatch.setenv("ANOTHER_KEY", "00" * 32)
    (fault,) = await check.check(load_settings())
    assert fault.startswith("KEY_URL: the data were sealed with key ")
    monkeypatch.setenv("KEY_URL", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    (fault,) = await check.check(load_settings())
    assert "holds data, but its key is not at" in fault
    assert not (tmp_path / "elsewhere").exists()


async def test_an_engine_may_run_meanwhile() -> None:
    await begin()
    settings = load_settings()
    store = await Store.open(settings, open_vault("", settings.data_dir, data_exist=True))
    assert await check.check(settings) == []
    await store.close()


def test_a_certificate_that_has_ended_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIP_TLS_CERT", certify(tmp_path))
    now = time.time()
    assert [*check.over(load_settings(), now)] == []
    (fault,) = check.over(load_settings(), now + 2 * 86_400)
    assert re.fullmatch(r"SIP_TLS_CERT: the certificate has ended, on \d{4}-\d\d-\d\d", fault)


def test_variables_that_are_nearly_settings_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIP_TRUNK", "192.0.2.7")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    monkeypatch.setenv("sip_host", "127.0.0.1")
    assert checked() == 0
    assert capsys.readouterr().err == "welcomedly: SIP_TRUNK is no setting, and not read: is it SIP_TRUNKS?\n"


def test_a_model_that_is_not_where_it_should_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "_weights", WEIGHTS)
    monkeypatch.setenv("WHISPER_DIR", str(tmp_path / "typo"))
    assert checked() == 1
    assert capsys.readouterr().err.startswith(f"welcomedly: WHISPER_DIR: no Whisper model in {tmp_path / 'typo'}, ")
