"""A Whisper model of the site's own, brought in from a folder: copied whole, and from then on known by its hashes.

For models that no Python package carries, e.g. large-v3-turbo. `WHISPER_DIR` names the folder that comes of it.
"""

import hashlib
import os
import re
import struct
from pathlib import Path

import msgspec

from engine.errors import Invalid, WeightsMissing
from models.catalogue import CATALOGUE, WeightFile
from models.installation import RECORD, Installed, Progress, no_progress, record, sha256_of

_NEEDED = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARY = ("vocabulary.json", "vocabulary.txt")
_BLOCK = 1 << 20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def bring_in(source: Path, name: str, directory: Path, progress: Progress = no_progress) -> Path:
    """Copy a CTranslate2 Whisper model into the models directory under a name, record its hashes, return its folder.

    An earlier one of that name is replaced; a killed copy does not verify. Raises `Invalid` for a folder that holds no
    such model and for a name that is none or the catalogue's.
    """
    if not _NAME.fullmatch(name) or any(name == item.name for item in CATALOGUE):
        raise Invalid(f"{name!r}: expected a name of your own, in small letters, digits, dots and dashes")
    files = _model_files(source)
    target = directory / name
    target.mkdir(parents=True, exist_ok=True)
    total, done = sum(path.stat().st_size for path in files), 0
    made: list[WeightFile] = []
    for path in files:
        digest, size = hashlib.sha256(), 0
        temporary = target / f"{path.name}.{os.getpid()}.part"
        try:
            with path.open("rb") as original, temporary.open("wb") as copy:
                while block := original.read(_BLOCK):
                    digest.update(block)
                    copy.write(block)
                    size += len(block)
                    progress(name, min(done + size, total), total)
                copy.flush()
                os.fsync(copy.fileno())
            temporary.replace(target / path.name)
        finally:
            temporary.unlink(missing_ok=True)
        done += size
        made.append(WeightFile(path.name, digest.hexdigest(), size))
    for other in {*_VOCABULARY} - {path.name for path in files}:
        (target / other).unlink(missing_ok=True)
    record(target, Installed(name, (), tuple(made)))
    return target


def find_own(folder: Path) -> tuple[WeightFile, ...]:
    """The files that were brought in, all there and of their sizes; none of a folder without a record, in which a model
    is all that is looked for. Reads no weights. Raises `WeightsMissing`."""
    if missing := [name for name in _NEEDED if not (folder / name).is_file()]:
        raise WeightsMissing(f"WHISPER_DIR: no Whisper model in {folder}, {', '.join(missing)} missing")
    path = folder / RECORD
    if not path.is_file():
        return ()
    try:
        files = msgspec.json.decode(path.read_bytes(), type=Installed).files
    except msgspec.MsgspecError:
        raise WeightsMissing(f"WHISPER_DIR: {path} cannot be read; bring the model in again") from None
    for file in files:
        own = folder / file.name
        if not own.is_file() or own.stat().st_size != file.size:
            raise _altered(own)
    return files


def verify_own(folder: Path) -> None:
    """Hash the files of a model that was brought in. Raises `WeightsMissing` on a difference, and as `find_own`."""
    for file in find_own(folder):
        own = folder / file.name
        if sha256_of(own) != file.sha256:
            raise _altered(own)


def _altered(own: Path) -> WeightsMissing:
    return WeightsMissing(f"WHISPER_DIR: {own} is not as it was brought in; bring the model in again")


def _model_files(source: Path) -> list[Path]:
    files = [source / name for name in _NEEDED]
    files += [source / name for name in _VOCABULARY if (source / name).is_file()][:1] or [source / _VOCABULARY[0]]
    if missing := [path.name for path in files if not path.is_file()]:
        raise Invalid(f"{source}: no Whisper model in CTranslate2 form, {', '.join(missing)} missing")
    if not _is_whisper(files[0]):
        raise Invalid(f"{files[0]} is not a Whisper model in CTranslate2 form")
    return files


def _is_whisper(path: Path) -> bool:
    """By the head of the file: format, then the length and letters of the model's kind."""
    with path.open("rb") as file:
        head = file.read(6)
        return len(head) == 6 and file.read(struct.unpack("<IH", head)[1]) == b"WhisperSpec\0"
