"""Encryption at rest: one key-encryption key of the installation, one data key a call.

The data key of a call is made and committed, wrapped, before the first byte that it protects; erasing the wrapped key
erases the call. All encryption is AES-256-GCM (NIST SP 800-38D) with 96-bit random nonces; what a ciphertext belongs to
is bound to it as associated data, so that a row moved elsewhere does not open.
"""

import hashlib
import os
import secrets
import shlex
import subprocess
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.errors import StartupError
from engine.key_file import KEY_BYTES, key_from, make_key_file, read_key_file

NONCE_BYTES = 12
FORMAT = b"\x01"
"""First byte of every ciphertext: AES-256-GCM, nonce, ciphertext with tag."""

COMMAND_TIMEOUT_S = 30
SETTING = "KEY_URL"


class SealError(Exception):
    """A ciphertext does not belong to this key or place, or was altered."""


class CallKey:
    """The data key of one call. Kept in memory while the call is live or read."""

    def __init__(self, organisation_id: str, call_id: str, key: bytes) -> None:
        self._place = f"{organisation_id}/{call_id}"
        self._aead = AESGCM(_derive(key, b"facts"))
        self._tokens = AESGCM(_derive(key, b"tokens"))
        self._files_key = _derive(key, b"files")

    def seal(self, seq: int, plain: bytes) -> bytes:
        """Encrypt the body of fact `seq` of this call."""
        return _seal(self._aead, plain, f"fact/{self._place}/{seq}")

    def open(self, seq: int, sealed: bytes) -> bytes:
        """Inverse of `seal`. Raises `SealError`."""
        return _open(self._aead, sealed, f"fact/{self._place}/{seq}")

    def seal_token(self, seq: int, plain: bytes) -> bytes:
        """Encrypt what fact `seq` of this call is about and does not say (`engine.tokens`)."""
        return _seal(self._tokens, plain, f"token/{self._place}/{seq}")

    def open_token(self, seq: int, sealed: bytes) -> bytes:
        """Inverse of `seal_token`. Raises `SealError`."""
        return _open(self._tokens, sealed, f"token/{self._place}/{seq}")

    def file_key(self, salt: bytes) -> bytes:
        """A key for one file of this call (see `engine.sealed_file`), by the random salt at the file's head."""
        return _derive(self._files_key, b"file " + self._place.encode() + b" " + salt)


class Vault:
    """Wraps and unwraps data keys; the key-encryption key does nothing else."""

    def __init__(self, key: bytes, source: str = "") -> None:
        """`key` is 32 bytes; `source` says in words where it came from, for the log at start."""
        if len(key) != KEY_BYTES:
            raise ValueError("a key-encryption key has 32 bytes")
        self._aead = AESGCM(_derive(key, b"wrap"))
        self.key_id = _derive(key, b"id")[:8].hex()
        """Names the key in every row that it wraps; says nothing about it."""
        self.source = source

    def new_call_key(self, organisation_id: str, call_id: str) -> tuple[CallKey, bytes]:
        """A fresh data key and its wrapped form, which must be committed before the key is used."""
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = _seal(self._aead, key, f"call/{organisation_id}/{call_id}")
        return CallKey(organisation_id, call_id, key), wrapped

    def call_key(self, organisation_id: str, call_id: str, wrapped: bytes) -> CallKey:
        """Inverse of `new_call_key`. Raises `SealError`."""
        return CallKey(organisation_id, call_id, _open(self._aead, wrapped, f"call/{organisation_id}/{call_id}"))

    def proof(self) -> bytes:
        """Something that only this key opens; stored with the data, so that another key is found out at start."""
        return _seal(self._aead, b"welcomedly", "proof")

    def fits(self, proof: bytes) -> bool:
        try:
            return _open(self._aead, proof, "proof") == b"welcomedly"
        except SealError:
            return False


def open_vault(key_url: str, data_dir: Path, *, data_exist: bool, make: bool = True) -> Vault:
    """The vault of an installation, from `KEY_URL`.

    With no `KEY_URL`, or that of a file in a folder that is there, the key file is made on the first start; when
    `data_exist`, a missing key is never made anew, since what is stored would be lost in silence, and who only looks
    makes none (`make`). Raises `StartupError`.
    """
    if path := key_file(key_url, data_dir):
        if not os.path.exists(path):  # `Path.exists` raises where a folder is closed to us
            if data_exist:
                raise _lost(path, data_dir)
            if not make:
                raise StartupError(f"KEY_URL: there are no data in {data_dir}, and no key at {path}")
            make_key_file(path, SETTING)
        return Vault(read_key_file(path, SETTING), f"file {path}")
    scheme, _, rest = key_url.partition(":")
    match scheme:
        case "env":
            if rest not in os.environ:
                raise StartupError(f"KEY_URL: the environment has no variable {rest}")
            return Vault(key_from(os.environ[rest].encode(), SETTING), f"environment variable {rest}")
        case "cmd":
            return Vault(key_from(_run(rest), SETTING), "command")
        case _:
            raise StartupError("KEY_URL: expected file:PATH, env:NAME or cmd:COMMAND")


def key_file(key_url: str, data_dir: Path) -> Path | None:
    """The file that the key lies in, or that the first start makes for it; None: it lies in none. Raises
    `StartupError`."""
    scheme, _, rest = key_url.partition(":")
    if not scheme:
        return default_key_file(data_dir)
    if scheme != "file":
        return None
    path = Path(rest.removeprefix("//")).expanduser()
    if not os.path.isdir(path.parent):
        raise StartupError(f"KEY_URL: there is no folder {path.parent} that we may look into")
    return path


def default_key_file(data_dir: Path) -> Path:
    """Outside the data directory, so that a copy of the data is no copy of the key."""
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    name = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
    return home / "welcomedly" / f"{name}.key"


def _lost(path: Path, data_dir: Path) -> StartupError:
    default = default_key_file(data_dir)
    found = f"; there is one at {default}" if os.path.exists(default) else ""
    return StartupError(f"KEY_URL: {data_dir} holds data, but its key is not at {path}{found}")


def _run(command: str) -> bytes:
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, check=True, timeout=COMMAND_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # Neither the command nor its output is said: both may hold secrets.
        raise StartupError(f"KEY_URL: the command failed ({type(error).__name__})") from None
    return done.stdout


def _derive(key: bytes, purpose: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869): one key a purpose, so that no two uses share one."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"welcomedly " + purpose).derive(key)


def _seal(aead: AESGCM, plain: bytes, place: str) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return FORMAT + nonce + aead.encrypt(nonce, plain, place.encode())


def _open(aead: AESGCM, sealed: bytes, place: str) -> bytes:
    if sealed[:1] != FORMAT:
        raise SealError("unknown format")
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return aead.decrypt(nonce, body, place.encode())
    except (InvalidTag, ValueError) as error:
        raise SealError("wrong key, wrong place, or altered") from error
