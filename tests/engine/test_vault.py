"""Keys: made once, bound to their place, never made anew over data."""

import os
from pathlib import Path

import pytest

from engine.errors import StartupError
from engine.vault import SealError, Vault, default_key_file, open_vault

KEY = bytes(range(32))


def test_a_fact_opens_with_its_call_and_seq_only() -> None:
    vault = Vault(KEY)
    key, wrapped = vault.new_call_key("org", "call")
    sealed = key.seal(1, b"cuatro uno")
    assert b"cuatro" not in sealed
    assert vault.call_key("org", "call", wrapped).open(1, sealed) == b"cuatro uno"
    with pytest.raises(SealError):
        key.open(2, sealed)
    with pytest.raises(SealError):
        vault.call_key("org", "another", wrapped)
    with pytest.raises(SealError):
        vault.call_key("another", "call", wrapped)
    with pytest.raises(SealError):
        Vault(bytes(32)).call_key("org", "call", wrapped)


def test_a_token_opens_with_its_call_and_seq_and_is_no_fact() -> None:
    key, _ = Vault(KEY).new_call_key("org", "call")
    another, _ = Vault(KEY).new_call_key("org", "another")
    sealed = key.seal_token(1, b"3104567890")
    assert b"3104567890" not in sealed
    assert key.open_token(1, sealed) == b"3104567890"
    for opened, seq in ((key.open_token, 2), (another.open_token, 1), (key.open, 1)):
        with pytest.raises(SealError):
            opened(seq, sealed)


@pytest.mark.parametrize("damage", [b"", b"\x02", b"\x01short", b"\x01" + bytes(40)])
def test_damage_is_said(damage: bytes) -> None:
    key, _ = Vault(KEY).new_call_key("org", "call")
    with pytest.raises(SealError):
        key.open(1, damage)


def test_the_default_key_is_made_outside_the_data_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    data = tmp_path / "data"
    first = open_vault("", data, data_exist=False)
    file = default_key_file(data)
    assert file.stat().st_mode & 0o777 == 0o600
    assert data not in file.parents
    assert open_vault("", data, data_exist=True).key_id == first.key_id
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    file.unlink()
    with pytest.raises(StartupError, match="KEY_URL"):
        open_vault("", data, data_exist=True)
    assert not file.exists()


def test_a_key_file_of_one_s_own_is_made_once_where_its_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    data, file = tmp_path / "data", tmp_path / "keys" / "key"
    url = f"file:{file}"
    with pytest.raises(StartupError, match="no folder"):
        open_vault(url, data, data_exist=False)
    file.parent.mkdir()
    with pytest.raises(StartupError, match="holds data"):
        open_vault(url, data, data_exist=True)
    with pytest.raises(StartupError, match="no data"):
        open_vault(url, data, data_exist=False, make=False)
    assert not file.exists()
    first = open_vault(url, data, data_exist=False)
    assert file.stat().st_mode & 0o777 == 0o600
    assert open_vault(url, data, data_exist=True, make=False).key_id == first.key_id
    assert not default_key_file(data).exists()


def test_who_names_a_key_file_over_data_with_a_default_one_is_told_where_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    open_vault("", tmp_path / "data", data_exist=False)
    with pytest.raises(StartupError) as raised:
        open_vault(f"file:{tmp_path / 'key'}", tmp_path / "data", data_exist=True)
    assert str(default_key_file(tmp_path / "data")) in str(raised.value)


def test_key_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text(KEY.hex())
    file.chmod(0o600)
    monkeypatch.setenv("OUR_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    ids = {
        open_vault(url, tmp_path, data_exist=True).key_id
        for url in (f"file:{file}", f"file://{file}", "env:OUR_KEY", f"cmd:cat {file}")
    }
    assert ids == {Vault(KEY).key_id}


@pytest.mark.parametrize("url", ["file:/nowhere/key", "env:NO_SUCH", "cmd:false", "cmd:no-such-program", "vault:x"])
def test_a_key_that_is_not_there(url: str, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="KEY_URL"):
        open_vault(url, tmp_path, data_exist=False)


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(KEY)
    os.chmod(file, 0o644)
    with pytest.raises(StartupError, match="chmod"):
        open_vault(f"file:{file}", tmp_path, data_exist=False)


def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"too short")
    file.chmod(0o600)
    with pytest.raises(StartupError, match="32 bytes"):
        open_vault(f"file:{file}", tmp_path, data_exist=False)
