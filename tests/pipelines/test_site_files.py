"""Files that settings name are tried before anything is opened."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import StartupError, WeightsMissing
from engine.settings import Settings
from pipelines.site_files import bridge_faults, engine_faults
from server import Engine

TRUNK = '[[trunk]]\nname = "carrier"\naddresses = ["192.0.2.7"]\nuri = "{}"\n'
WRONG: dict[str, tuple[str, str]] = {
    "SIP_TRUNKS": ("trunks.toml", TRUNK.format("sip:[half")),
    "SOCKETS": ("sockets.toml", '[[peer]]\nname = "a"\nprotocol = "ari"\n'),
    "SIP_TLS_CERT": ("cert.pem", "none"),
    "NATS_SERVER": ("nats-server", "no program"),
    "RULES": ("mine.yaml", "rules: [{id: X}]\n"),
    "PLAYBOOKS": ("mine.yaml", "id: mine\n"),
    "BRIDGE_KEY": ("key", "short"),
}
WRONG_OF_THE_BRIDGE: dict[str, tuple[str, str]] = {
    "BRIDGE_TRUNKS": ("trunks.toml", TRUNK.format("sip:[half")),
    "BRIDGE_ROUTES": ("routes.toml", '[[route]]\nnumber = "*"\ntrunk = "carrier"\n'),
    "SIP_TLS_CERT": ("cert.pem", "none"),
    "BRIDGE_KEY": ("key", "short"),
}


def set_to(folder: Path, setting: str, name: str, content: str) -> Settings:
    file = folder / name
    file.write_text(content)
    file.chmod(0o600)
    value = f"file:{file}" if setting == "BRIDGE_KEY" else str(file)
    return Settings.model_validate({"data_dir": folder / "data", setting.lower(): value})


@pytest.mark.parametrize(
    ("faults", "wrong"),
    [(engine_faults, {one: WRONG[one]}) for one in WRONG]
    + [(bridge_faults, {one: WRONG_OF_THE_BRIDGE[one]}) for one in WRONG_OF_THE_BRIDGE],
)
def test_each_names_its_setting(
    faults: Callable[[Settings], list[str]], wrong: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    ((setting, (name, content)),) = wrong.items()
    (fault,) = faults(set_to(tmp_path, setting, name, content))
    assert fault.startswith(setting)
    assert "\n" not in fault


def test_what_is_not_set_is_not_looked_for(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", playbooks="off")
    assert engine_faults(settings) == bridge_faults(settings) == []
    assert not settings.data_dir.exists()


def test_media_workers_need_ports_each(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", rtp_ports="20000-20005", media_workers=4)
    (fault,) = engine_faults(settings)
    assert fault == "MEDIA_WORKERS: 20000-20005 are too few ports for 4 media workers; set RTP_PORTS to more"
    assert engine_faults(settings.model_copy(update={"media_workers": 3})) == []


async def test_an_engine_with_a_wrong_file_opens_nothing(tmp_path: Path) -> None:
    settings = set_to(tmp_path, "PLAYBOOKS", *WRONG["PLAYBOOKS"])
    with pytest.raises(StartupError, match=r"^PLAYBOOKS: "):
        await Engine(settings).start()
    assert not settings.data_dir.exists()


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"weights_dir": "nowhere"}, "^weights whisper-base: "),
        ({"whisper_dir": "nowhere"}, "^WHISPER_DIR: no Whisper model in nowhere"),
    ],
)
async def test_an_engine_without_its_weights_opens_nothing(
    settings: dict[str, str], fault: str, tmp_path: Path
) -> None:
    """It would answer calls for seconds, end them, and be started anew to do the same."""
    made = Settings.model_validate({"data_dir": tmp_path / "data"} | settings)
    with pytest.raises(WeightsMissing, match=fault):
        await Engine(made).start()
    assert not made.data_dir.exists()
