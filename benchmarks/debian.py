"""Recordings of people, music and sounds from Debian's packages, fetched once by apt into `data/recordings`."""

import subprocess
from pathlib import Path

FOLDER = Path("data/recordings")


def recordings(package: str, kind: str = "wav") -> list[Path]:
    """The package's sound files in order of their paths. Raises `CalledProcessError` where apt cannot fetch it."""
    home = FOLDER / package
    if not home.is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=FOLDER, check=True, capture_output=True)
        archive = next(FOLDER.glob(f"{package}_*.deb"))
        unpacked = home.with_suffix(".part")
        unpacked.mkdir(exist_ok=True)
        subprocess.run(["dpkg-deb", "-x", archive, unpacked], check=True)
        archive.unlink()
        unpacked.rename(home)
    return sorted(path for path in home.rglob(f"*.{kind}") if path.is_file() and not path.is_symlink())
