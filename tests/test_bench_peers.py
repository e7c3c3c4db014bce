"""What the peers' servers take and tell, without the peers."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.peers.environments import command
from benchmarks.peers.realtimestt_server import Call
from benchmarks.peers.ufal_server import serve


def lines_of(ours: socket.socket, theirs: socket.socket) -> list[dict[str, str]]:
    """All that was sent from ours."""
    ours.shutdown(socket.SHUT_WR)
    return [json.loads(line) for line in theirs.makefile("rb")]


class Online:
    """Commits the word of every piece of sound; what came last is not firm yet."""

    def __init__(self) -> None:
        self.online = self
        self.transcript_buffer = SimpleNamespace(buffer=[])
        self.samples = 0

    def insert_audio_chunk(self, samples: Any) -> None:
        self.samples += len(samples)
        assert samples.dtype == np.float32

    def process_iter(self) -> tuple[None, None, str]:
        self.transcript_buffer.buffer = [(0, 1, " maybe")]
        return None, None, " sure"

    def finish(self) -> tuple[None, None, str]:
        self.transcript_buffer.buffer = []
        return None, None, " maybe"

    def to_flush(self, words: list[Any]) -> tuple[None, None, str]:
        return None, None, "".join(word for _, _, word in words)


def test_a_stream_is_heard_in_its_language_and_told_what_is_firm() -> None:
    ours, theirs = socket.socketpair()
    recogniser, online = SimpleNamespace(original_language="en"), Online()
    with ours, theirs:
        theirs.sendall(b'{"language": "es"}\n' + bytes(2 * 16_000))
        theirs.shutdown(socket.SHUT_WR)
        serve(ours, recogniser, online)
        lines = lines_of(ours, theirs)
    assert recogniser.original_language == "es"
    assert online.samples == 16_000
    assert lines[0] == {"committed": " sure", "partial": " maybe"}
    assert lines[-1]["committed"].endswith(" sure maybe")
    assert lines[-1]["partial"] == ""


def test_finals_add_up_and_take_the_partials_place() -> None:
    ours, theirs = socket.socketpair()
    call = Call()
    call.realtime("nobody listens")
    with ours, theirs:
        call.begin(ours)
        call.realtime("good")
        call.final("good dogs")
        call.realtime("and")
        call.end()
        call.realtime("nobody listens any more")
        lines = lines_of(ours, theirs)
    assert lines == [
        {"committed": "", "partial": "good"},
        {"committed": " good dogs", "partial": ""},
        {"committed": " good dogs", "partial": "and"},
    ]


def test_a_peer_is_run_in_its_own_environment(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"environments ufal-vac"):
        command("ufal-vac", 7, Path("model"), tmp_path)
    python = tmp_path / "ufal-vac" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    program = command("ufal-vac", 7, Path("model"), tmp_path)
    assert program[0] == str(python)
    assert Path(program[1]).is_file()
    assert program[2:] == ["7", "model", str(tmp_path / "ufal-vac.source")]
