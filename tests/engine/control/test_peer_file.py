"""Files that an operator writes: what cannot be read is one line that names the setting, on any machine."""

from pathlib import Path

import pytest

from engine.control.peer_file import read_secret
from engine.control.trunks import load_trunks
from engine.errors import StartupError


@pytest.mark.parametrize(("encoding", "read"), [("utf-8", True), ("latin-1", False)])
def test_a_file_is_utf_8(encoding: str, read: bool, tmp_path: Path) -> None:
    path = tmp_path / "trunks.toml"
    path.write_text('[[trunk]]\nname = "España"\naddresses = ["192.0.2.7"]\n', encoding)
    if read:
        (trunk,) = load_trunks(path)
        assert trunk.line is not None
        assert trunk.line.name == "España"
    else:
        with pytest.raises(StartupError, match=r"SIP_TRUNKS: .*trunks\.toml is not UTF-8 text"):
            load_trunks(path)


def test_a_secrets_file_that_is_no_text_is_told_without_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"contrase\xf1a\n")
    with pytest.raises(StartupError, match="LLM_KEY: the secret's file is not UTF-8 text") as refused:
        read_secret(f"file:{path}", "LLM_KEY")
    assert "contrase" not in str(refused.value)
    path.write_text("contraseña\n", "utf-8")
    assert read_secret(f"file:{path}", "LLM_KEY") == "contraseña"
