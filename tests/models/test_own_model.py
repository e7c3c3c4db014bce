"""A model of the site's own is copied whole, known by its hashes, and told from what is none."""

from pathlib import Path

import pytest

from engine.command_line import parser
from engine.errors import Invalid, WeightsMissing
from engine.settings import load_settings
from models.own_model import bring_in, find_own
from models.weights import find_weights, verify_whisper, whisper_dir
from pipelines.commands import weights

HEAD = b"\6\0\0\0\x0c\0WhisperSpec\0"
NAME = "whisper-large-v3-turbo"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What looks like a model, with a file that is none of it."""
    folder = tmp_path / "from a stick"
    folder.mkdir()
    (folder / "model.bin").write_bytes(HEAD + bytes(3 << 20))
    for name in ("config.json", "tokenizer.json", "vocabulary.json", "README.md"):
        (folder / name).write_text(f"{{}} {name}")
    return folder


def test_the_command_brings_it_in_and_says_what_to_set(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEIGHTS_DIR", str(tmp_path / "models"))
    assert weights.run(parser().parse_args(["models", "install", NAME, "--from", str(source)])) == 0
    setting, _, folder = capsys.readouterr().out.strip().partition("=")
    assert setting == "WHISPER_DIR"
    settings = load_settings(whisper_dir=folder)
    assert whisper_dir(settings) == (tmp_path / "models" / NAME).resolve()
    verify_whisper(settings)
    kept = {path.name for path in Path(folder).iterdir()}
    assert kept == {"model.bin", "config.json", "tokenizer.json", "vocabulary.json", "installed.json"}
    assert (Path(folder) / "model.bin").read_bytes() == (source / "model.bin").read_bytes()


def test_without_a_name_it_is_told_to_give_one(source: Path) -> None:
    with pytest.raises(Invalid, match="NAME --from FOLDER"):
        weights.run(parser().parse_args(["models", "install", "--from", str(source)]))


@pytest.mark.parametrize("name", ["model.bin", "config.json"])
def test_what_was_altered_since_is_found_out(source: Path, tmp_path: Path, name: str) -> None:
    folder = bring_in(source, NAME, tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(WeightsMissing, match=f"{name} is not as it was brought in"):
        verify_whisper(load_settings(whisper_dir=str(folder)))


def test_what_is_gone_or_cut_short_is_found_without_reading(source: Path, tmp_path: Path) -> None:
    folder = bring_in(source, NAME, tmp_path)
    content = (folder / "vocabulary.json").read_bytes()
    (folder / "vocabulary.json").write_bytes(content[::-1])
    assert {file.name for file in find_own(folder)} == {path.name for path in folder.iterdir()} - {"installed.json"}
    (folder / "vocabulary.json").write_bytes(content[:-1])
    with pytest.raises(WeightsMissing, match=r"vocabulary\.json is not as it was brought in"):
        find_weights(load_settings(whisper_dir=str(folder)))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(WeightsMissing, match=r"WHISPER_DIR: no Whisper model in .*, tokenizer\.json missing"):
        find_weights(load_settings(whisper_dir=str(folder)))


def test_bringing_it_in_again_puts_it_right(source: Path, tmp_path: Path) -> None:
    folder = bring_in(source, NAME, tmp_path)
    (folder / "model.bin").unlink()
    seen: list[tuple[str, int, int]] = []
    bring_in(source, NAME, tmp_path, lambda *step: seen.append(step))
    verify_whisper(load_settings(whisper_dir=str(folder)))
    assert seen[-1][1] == seen[-1][2]


def test_a_folder_that_was_not_brought_in_is_not_looked_into(source: Path) -> None:
    verify_whisper(load_settings(whisper_dir=str(source)))


def test_its_folder_stays_where_a_link_led_when_it_was_asked_for(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.weights.location", lambda _entry, directory: directory)
    link = tmp_path / "now"
    link.symlink_to(source)
    for settings in (load_settings(whisper_dir=str(link)), load_settings(weights_dir=str(link))):
        assert whisper_dir(settings) == source.resolve()


def test_what_is_no_model_is_refused_with_what_it_lacks(source: Path, tmp_path: Path) -> None:
    (source / "vocabulary.json").unlink()
    with pytest.raises(Invalid, match=r"vocabulary\.json missing"):
        bring_in(source, NAME, tmp_path)
    (source / "vocabulary.txt").write_text("a")
    (source / "model.bin").write_bytes(HEAD.replace(b"Whisper", b"Another"))
    with pytest.raises(Invalid, match="not a Whisper model"):
        bring_in(source, NAME, tmp_path)
    (source / "model.bin").write_bytes(b"")
    with pytest.raises(Invalid, match="not a Whisper model"):
        bring_in(source, NAME, tmp_path)


@pytest.mark.parametrize("name", ["whisper-base", "../elsewhere", "Large", ""])
def test_a_name_must_be_ones_own(source: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="a name of your own"):
        bring_in(source, name, tmp_path)
