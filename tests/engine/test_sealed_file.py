import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sealed_file import MAX_CHUNK, SealedReader, SealedWriter
from engine.vault import CallKey, SealError

KEY = CallKey("org", "call", bytes(range(32)))


def written(path: Path, chunks: list[bytes], *, close: bool = True) -> Path:
    writer = SealedWriter(path, KEY)
    for chunk in chunks:
        writer.write(chunk)
    if close:
        writer.close()
    else:
        writer.abandon()
    return path


def read(path: Path, start: int = 0, stop: int | None = None, key: CallKey = KEY) -> tuple[bytes, bool]:
    with SealedReader(path, key) as reader:
        return b"".join(reader.read(start, stop)), reader.whole


def test_what_was_written_is_read_and_the_disk_shows_none_of_it(tmp_path: Path) -> None:
    path = written(tmp_path / "deep" / "a", [b"hello ", b"", b"world" * 100])
    assert read(path) == (b"hello " + b"world" * 100, True)
    assert b"world" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    written(tmp_path / "a", [b"one"])
    with pytest.raises(FileExistsError):
        SealedWriter(tmp_path / "a", KEY)


def test_a_disk_that_does_not_take_the_beginning_costs_no_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def full(handle: int, _data: bytes) -> int:
        opened.append(handle)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("engine.sealed_file.os.write", full)
        with pytest.raises(OSError, match="No space"):
            SealedWriter(tmp_path / "a", KEY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_a_long_write_is_more_than_one_chunk(tmp_path: Path) -> None:
    long = os.urandom(MAX_CHUNK + 10)
    path = written(tmp_path / "a", [long])
    assert read(path) == (long, True)
    assert read(path, MAX_CHUNK - 2, MAX_CHUNK + 2)[0] == long[MAX_CHUNK - 2 : MAX_CHUNK + 2]


def test_a_cut_file_opens_up_to_its_last_whole_chunk_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [b"x" * 50] * 3)
    whole = path.read_bytes()
    for length in range(20, len(whole)):
        path.write_bytes(whole[:length])
        plain, is_whole = read(path)
        assert plain == b"x" * (50 * ((length - 20) // 70) if length < 230 else 150)
        assert not is_whole
    path.write_bytes(whole[:19])
    with pytest.raises(SealError):
        read(path)


def test_a_killed_writer_leaves_what_it_wrote(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a", [b"one", b"two"], close=False)) == (b"onetwo", False)


def test_altered_moved_or_foreign_chunks_do_not_open(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [b"a" * 50, b"b" * 50])
    whole = path.read_bytes()
    first, second = whole[20:90], whole[90:160]
    for forged in (whole[:30] + bytes([whole[30] ^ 1]) + whole[31:], whole[:20] + second + first, whole[:20] + second):
        path.write_bytes(forged)
        with pytest.raises(SealError):
            read(path)
    path.write_bytes(whole)
    with pytest.raises(SealError):
        read(path, key=CallKey("org", "other call", bytes(range(32))))


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(0, 300), st.integers(0, 300))
def test_any_range_is_the_range_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], start: int, stop: int
) -> None:
    path = written(tmp_path_factory.mktemp("range") / "a", chunks)
    assert read(path, start, stop)[0] == b"".join(chunks)[start:stop]
