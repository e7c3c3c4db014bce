"""The data directory: one engine at a time may use it, whichever database it has."""

import fcntl
import os
from pathlib import Path

from engine.errors import StartupError


def hold(data_dir: Path) -> int:
    """Take the data directory for this process alone; a killed engine lets go by dying."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(data_dir / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartupError(f"DATA_DIR: cannot use {data_dir}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StartupError(f"DATA_DIR: another engine is using {data_dir}") from None
    return handle
