"""Weights are known by hash, put together once, and never half there under their final name."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from engine.errors import WeightsMissing
from models import installation
from models.catalogue import SILERO_VAD, WHISPER_BASE, Entry, Package, WeightFile


@pytest.fixture
def joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """An entry whose file comes in two parts from a package of our own."""
    package = tmp_path / "site" / "halved_weights"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('a weights package is located, never imported')")
    (package / "one").write_bytes(b"first ")
    (package / "two").write_bytes(b"second")
    monkeypatch.syspath_prepend(str(package.parent))
    digest = hashlib.sha256(b"first second").hexdigest()
    file = WeightFile("model.bin", digest, 12, (("halved_weights", "one"), ("halved_weights", "two")))
    return Entry("halved", "a test", "MIT", "joined", (Package("halved", "1", "halved_weights"),), (file,), 12)


def test_parts_are_joined_and_verified(joined: Entry, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    assert not installation.installed(joined, tmp_path)
    folder = installation.install(joined, tmp_path, lambda *step: seen.append(step))
    assert (folder / "model.bin").read_bytes() == b"first second"
    assert installation.installed(joined, tmp_path)
    assert seen[-1] == ("halved", 12, 12)
    installation.verify(joined, tmp_path)


def test_a_second_install_changes_nothing(joined: Entry, tmp_path: Path) -> None:
    folder = installation.install(joined, tmp_path)
    before = (folder / "model.bin").stat().st_mtime_ns
    installation.install(joined, tmp_path)
    assert (folder / "model.bin").stat().st_mtime_ns == before


def test_a_damaged_file_is_found_and_made_again(joined: Entry, tmp_path: Path) -> None:
    folder = installation.install(joined, tmp_path)
    (folder / "model.bin").write_bytes(b"first sec0nd")
    with pytest.raises(WeightsMissing, match="welcomedly models install halved"):
        installation.verify(joined, tmp_path)
    installation.install(joined, tmp_path)
    installation.verify(joined, tmp_path)


def test_what_does_not_match_its_hash_never_gets_its_name(joined: Entry, tmp_path: Path) -> None:
    (tmp_path / "site" / "halved_weights" / "two").write_bytes(b"another")
    with pytest.raises(WeightsMissing, match="another sha256"):
        installation.install(joined, tmp_path)
    assert list((tmp_path / "halved").iterdir()) == []


def test_leftovers_of_a_killed_install_do_no_harm(joined: Entry, tmp_path: Path) -> None:
    (tmp_path / "halved").mkdir()
    (tmp_path / "halved" / "model.bin.1.part").write_bytes(b"first")
    assert not installation.installed(joined, tmp_path)
    assert installation.installed(joined, tmp_path) or installation.install(joined, tmp_path)


def test_an_installation_of_before_is_usable_and_gets_what_is_derived_since(tmp_path: Path, weights_dir: Path) -> None:
    whole, folder = installation.install(WHISPER_BASE, weights_dir), tmp_path / "whisper-base"
    folder.mkdir()
    for file in WHISPER_BASE.files:
        (folder / file.name).symlink_to(whole / file.name)
    files = tuple(WeightFile(file.name, file.sha256, file.size) for file in WHISPER_BASE.files)
    installation.record(folder, installation.Installed(WHISPER_BASE.name, WHISPER_BASE.packages, files))
    installation.verify(WHISPER_BASE, tmp_path)
    assert installation.location(WHISPER_BASE, tmp_path) == folder
    seen: list[tuple[str, int, int]] = []
    installation.install(WHISPER_BASE, tmp_path, lambda *step: seen.append(step))
    assert [done == total for _, done, total in seen] == [True]
    assert (folder / "model.bin").is_symlink(), "what was whole was made again"
    built = folder / "encoder.onnx"
    assert built.read_bytes() == (whole / "encoder.onnx").read_bytes()
    installation.verify(WHISPER_BASE, tmp_path)
    built.write_bytes(built.read_bytes()[:-1] + b"?")
    with pytest.raises(WeightsMissing, match=r"encoder\.onnx does not have the sha256"):
        installation.verify(WHISPER_BASE, tmp_path)


def test_what_an_older_recipe_derived_is_not_used_and_is_made_anew_alone(
    joined: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(source: Path, folder: Path) -> list[Path]:
        made = folder / "encoder.onnx"
        made.write_bytes(recipe + (source / "model.bin").read_bytes())
        return [made]

    monkeypatch.setattr(installation, "_exporter", lambda _item: export)
    recipe, item = b"old ", msgspec.structs.replace(joined, derived=("encoder.onnx",), recipe=4)
    folder = installation.install(item, tmp_path)
    before = (folder / "model.bin").stat().st_mtime_ns
    recipe, newer = b"new ", msgspec.structs.replace(item, derived=("encoder.onnx", "cross.onnx"), recipe=5)
    assert installation.installed(item, tmp_path)
    assert not installation.installed(newer, tmp_path)
    for usable in (installation.verify, installation.location):
        with pytest.raises(WeightsMissing, match="another version; run `welcomedly models install halved`"):
            usable(newer, tmp_path)
    installation.install(newer, tmp_path)
    assert (folder / "encoder.onnx").read_bytes() == b"new first second"
    assert (folder / "model.bin").stat().st_mtime_ns == before
    installation.verify(newer, tmp_path)


def test_what_was_derived_from_other_files_is_gone_with_them_also_where_the_install_is_killed(
    joined: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_item: Entry) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(installation, "_exporter", killed)
    item = msgspec.structs.replace(joined, name=WHISPER_BASE.name, derived=("encoder.onnx",), recipe=5)
    folder = installation.install(joined, tmp_path).rename(tmp_path / item.name)
    (folder / "encoder.onnx").write_bytes(b"of another model")
    (folder / "model.bin").write_bytes(b"another model")
    with pytest.raises(KeyboardInterrupt):
        installation.install(item, tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["installed.json", "model.bin"]


def test_what_cannot_be_derived_here_is_left_out(joined: Entry, tmp_path: Path) -> None:
    item = msgspec.structs.replace(joined, name=WHISPER_BASE.name, derived=("encoder.onnx",))
    folder = installation.install(item, tmp_path)  # its model.bin is no Whisper model
    assert sorted(path.name for path in folder.iterdir()) == ["installed.json", "model.bin"]
    installation.verify(item, tmp_path)


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="welcomedly models install whisper-base"):
        installation.location(WHISPER_BASE, tmp_path)


def test_weights_used_in_their_wheel_need_no_install(tmp_path: Path) -> None:
    assert installation.installed(SILERO_VAD, tmp_path)
    assert (installation.install(SILERO_VAD, tmp_path) / "silero_vad.onnx").is_file()
