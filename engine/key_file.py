"""Keys of 32 bytes in files that nobody else may read. Errors name the setting, never what the file holds."""

import base64
import binascii
import os
import secrets
from pathlib import Path

from engine.errors import StartupError

KEY_BYTES = 32


def make_key_file(path: Path, setting: str) -> None:
    """Whole or not at all: written aside, synced, then linked, so that a crash leaves no short key, and of two engines
    that start at once both take the first one's."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise StartupError(f"{setting}: cannot make {path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_key_file(path: Path, setting: str) -> bytes:
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise StartupError(f"{setting}: cannot read {path}: {error.strerror}") from error
    if mode & 0o077:
        raise StartupError(f"{setting}: {path} is open to others; chmod 600 it")
    return key_from(content, setting)


def key_from(content: bytes, setting: str) -> bytes:
    """32 raw bytes, or their hex or base64 with white space around."""
    if len(content) == KEY_BYTES:
        return content
    text = content.strip()
    for read in (bytes.fromhex, _base64):
        try:
            key = read(text.decode("ascii"))
        except (ValueError, binascii.Error):
            continue
        if len(key) == KEY_BYTES:
            return key
    raise StartupError(f"{setting}: the key is not 32 bytes, nor their hex or base64")


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
