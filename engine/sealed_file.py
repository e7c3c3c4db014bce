"""Files sealed chunk by chunk, so that one can be written as a call goes on and read from any place.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015) over AES-256-GCM: the nonce of a chunk is its number and whether it is the last, so
that none can be dropped, doubled, moved or replaced unseen. A file whose writer was killed lacks the last chunk: it
opens up to its last whole chunk, and says that it is not whole.

    magic  salt   then per chunk: length (4 bytes, big endian)  ciphertext with tag
"""

import os
import secrets
import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.vault import CallKey, SealError

MAGIC: Final = b"WSF1"
SALT_BYTES: Final = 16
MAX_CHUNK: Final = 1 << 20
"""Plain bytes of a chunk: a reader never allocates more for a length that it read from a damaged file."""
_TAG: Final = 16
_LENGTH: Final = struct.Struct(">I")
_HEADER_BYTES: Final = len(MAGIC) + SALT_BYTES


def _nonce(number: int, last: bool) -> bytes:
    """96 bits. Never used twice: the key is this file's own."""
    return struct.pack(">QxxxB", number, last)


class SealedWriter:
    """Blocking: for a worker thread. A chunk that `write` took is with the operating system: it survives a killed
    process, and a loss of power once `close` has returned."""

    def __init__(self, path: Path, key: CallKey) -> None:
        """Raises `FileExistsError` rather than write over a recording, `OSError` when the disk does not take it."""
        salt = secrets.token_bytes(SALT_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._aead = AESGCM(key.file_key(salt))
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._number = 0
        self._closed = False
        try:
            self._put(MAGIC + salt)
        except BaseException:
            self.abandon()
            raise

    def write(self, chunk: bytes) -> None:
        """Raises `OSError` when the disk does not take it."""
        for at in range(0, len(chunk), MAX_CHUNK):
            self._seal(chunk[at : at + MAX_CHUNK], last=False)

    def close(self) -> None:
        """Marks the file as whole."""
        if self._closed:
            return
        try:
            self._seal(b"", last=True)
            os.fsync(self._handle)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Leaves the file as a killed writer would: it opens, but is not whole."""
        if not self._closed:
            self._closed = True
            os.close(self._handle)

    def _seal(self, plain: bytes, *, last: bool) -> None:
        sealed = self._aead.encrypt(_nonce(self._number, last), plain, None)
        self._number += 1
        self._put(_LENGTH.pack(len(sealed)) + sealed)

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]


class SealedReader:
    """What is whole of a file, as one run of plain bytes. Blocking; a context manager. A file that is being written is
    read as it stood when it was opened."""

    def __init__(self, path: Path, key: CallKey) -> None:
        """Raises `SealError` when it is no sealed file, `FileNotFoundError` when there is none."""
        self._file = path.open("rb")
        try:
            header = self._file.read(_HEADER_BYTES)
            if len(header) < _HEADER_BYTES or not header.startswith(MAGIC):
                raise SealError("not a sealed file")
            self._aead = AESGCM(key.file_key(header[len(MAGIC) :]))
            self._starts: list[int] = []
            """Plain position of each chunk's first byte."""
            self._places: list[tuple[int, int]] = []
            """Where each chunk's ciphertext lies in the file, and its length."""
            self.size = self._scan()
            self.whole = self._is_whole()
            """False: the writer was killed, is at it still, or somebody cut the file."""
        except BaseException:
            self._file.close()
            raise

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Plain bytes of [start, stop), in pieces. Raises `SealError` at the first chunk that was altered."""
        stop = self.size if stop is None else min(stop, self.size)
        number = max(0, bisect_right(self._starts, start) - 1)
        while start < stop:
            chunk, begins = self._open(number, last=False), self._starts[number]
            yield chunk[start - begins : stop - begins]
            start, number = begins + len(chunk), number + 1

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "SealedReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _scan(self) -> int:
        """Finds the whole chunks by their lengths; nothing is opened yet."""
        end = os.fstat(self._file.fileno()).st_size
        at, size = _HEADER_BYTES, 0
        while at + _LENGTH.size <= end:
            self._file.seek(at)
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            at += _LENGTH.size
            if not _TAG <= length <= MAX_CHUNK + _TAG or at + length > end:
                break
            self._starts.append(size)
            self._places.append((at, length))
            at, size = at + length, size + length - _TAG
        return size

    def _is_whole(self) -> bool:
        """The last chunk is the mark of the end, which holds no bytes."""
        if not self._places or self._places[-1][1] != _TAG:
            return False
        try:
            self._open(len(self._places) - 1, last=True)
        except SealError:
            return False
        return True

    def _open(self, number: int, *, last: bool) -> bytes:
        at, length = self._places[number]
        self._file.seek(at)
        try:
            return self._aead.decrypt(_nonce(number, last), self._file.read(length), None)
        except InvalidTag:
            raise SealError("wrong key, or altered") from None
