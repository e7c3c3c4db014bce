"""Makes the peers' own environments, outside the tree: `python -m benchmarks.peers.environments [PEER ...]`.

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
    """How a peer is installed, and what serves one stream of it."""

    packages: tuple[str, ...]
    server: str
    """A program beside this file: `PROGRAM PORT MODEL [SOURCE]` prints READY once it listens."""
    source: str = ""
    """A git repository without a package, and the commit of it."""
    commit: str = ""


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


def command(name: str, port: int, model: Path, folder: Path = FOLDER) -> list[str]:
    """What serves one stream. Raises `FileNotFoundError` where the environment has not been made."""
    peer, python = PEERS[name], folder / name / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"no environment of {name}: run `python -m benchmarks.peers.environments {name}`")
    source = [str(_source(name, folder))] if peer.source else []
    return [str(python), str(HERE / peer.server), str(port), str(model), *source]


def make(name: str, mirror: str = "", folder: Path = FOLDER) -> None:
    """Blocking, minutes: torch alone is some hundred megabytes. What is there is kept. Raises `CalledProcessError`."""
    peer, home, source = PEERS[name], folder / name, _source(name, folder)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", *peer.packages], check=True)
    if peer.source and not source.exists():
        subprocess.run(["git", "clone", "--quiet", mirror or peer.source, source], check=True)
        subprocess.run(["git", "-C", source, "checkout", "--quiet", peer.commit], check=True)


def _source(name: str, folder: Path) -> Path:
    return folder / f"{name}.source"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.environments", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}; all by default")
    parser.add_argument("--mirror", default="", help="a clone of the source, where the network has no way to it")
    arguments = parser.parse_args()
    if unknown := set(arguments.peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    for name in arguments.peers or PEERS:
        make(name, arguments.mirror)
        print(f"{name}: {FOLDER / name}")


if __name__ == "__main__":
    main()
