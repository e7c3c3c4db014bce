"""Weights are known by hash, put together once, and never half there under their final name."""

import hashlib
from pathlib import Path

import pytest

from engine.errors import NotFound, WeightsMissing
from models import catalogue
from models.catalogue import Entry, Package, WeightFile


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
    made = Entry("halved", "a test", "MIT", "joined", (Package("halved", "1", "halved_weights"),), (file,), 12)
    monkeypatch.setattr(catalogue, "_ENTRIES", (made,))
    return made


def test_every_entry_says_where_it_comes_from() -> None:
    for entry in catalogue.catalogue():
        assert entry.licence
        assert entry.packages
        assert all(len(file.sha256) == 64 and file.size > 0 and file.parts for file in entry.files)


def test_the_installed_packages_are_the_pinned_ones() -> None:
    for entry in catalogue.catalogue():
        for package in entry.packages:
            assert catalogue.package_version(package) == package.version


def test_parts_are_joined_and_verified(joined: Entry, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    assert not catalogue.installed("halved", tmp_path)
    folder = catalogue.install("halved", tmp_path, lambda *step: seen.append(step))
    assert (folder / "model.bin").read_bytes() == b"first second"
    assert catalogue.installed("halved", tmp_path)
    assert seen[-1] == ("halved", 12, 12)
    catalogue.verify("halved", tmp_path)


def test_a_second_install_changes_nothing(joined: Entry, tmp_path: Path) -> None:
    folder = catalogue.install("halved", tmp_path)
    before = (folder / "model.bin").stat().st_mtime_ns
    catalogue.install("halved", tmp_path)
    assert (folder / "model.bin").stat().st_mtime_ns == before


def test_a_damaged_file_is_found_and_made_again(joined: Entry, tmp_path: Path) -> None:
    folder = catalogue.install("halved", tmp_path)
    (folder / "model.bin").write_bytes(b"first sec0nd")
    with pytest.raises(WeightsMissing, match="welcomedly models install halved"):
        catalogue.verify("halved", tmp_path)
    catalogue.install("halved", tmp_path)
    catalogue.verify("halved", tmp_path)


def test_what_does_not_match_its_hash_never_gets_its_name(joined: Entry, tmp_path: Path) -> None:
    (tmp_path / "site" / "halved_weights" / "two").write_bytes(b"another")
    with pytest.raises(WeightsMissing, match="another sha256"):
        catalogue.install("halved", tmp_path)
    assert list((tmp_path / "halved").iterdir()) == []


def test_leftovers_of_a_killed_install_do_no_harm(joined: Entry, tmp_path: Path) -> None:
    (tmp_path / "halved").mkdir()
    (tmp_path / "halved" / "model.bin.1.part").write_bytes(b"first")
    assert not catalogue.installed("halved", tmp_path)
    assert catalogue.installed("halved", tmp_path) or catalogue.install("halved", tmp_path)


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="welcomedly models install whisper-base"):
        catalogue.location("whisper-base", tmp_path)
    with pytest.raises(NotFound, match="sentence-encoder"):
        catalogue.entry("no-such-model")


def test_weights_used_in_their_wheel_need_no_install(tmp_path: Path) -> None:
    assert catalogue.installed("silero-vad", tmp_path)
    assert (catalogue.install("silero-vad", tmp_path) / "silero_vad.onnx").is_file()
