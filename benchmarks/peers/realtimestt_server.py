"""Serves one stream of RealtimeSTT's `AudioToTextRecorder`: segments by its VADs, with its realtime transcription.

usage: realtimestt_server.py PORT MODEL

Runs in that peer's environment; the recorder is made for one stream a process. A connection is a call: a line
`{"language": "es"}`, then 16 kHz s16le; lines `{"committed": …, "partial": …}` come back. All that decides is left at
its default (beam 5 for finals, 3 for the realtime model, 0.6 s of silence end an utterance).
"""

import contextlib
import importlib
import json
import socket
import sys
import threading
import time
from typing import Any

REST_S = 0.8
"""Nothing recorded nor transcribed for so long after the last sound: all has been said."""
REST_WITHIN_S = 8.0
SILENCE = bytes(2 * 16_000 // 50)


class Call:
    """What its caller has been told."""

    def __init__(self) -> None:
        self._connection: socket.socket | None = None
        self._committed = ""

    def begin(self, connection: socket.socket) -> None:
        self._connection, self._committed = connection, ""

    def end(self) -> None:
        self._connection = None

    def realtime(self, text: str) -> None:
        self._say(text)

    def final(self, text: str) -> None:
        self._committed += f" {text}"
        self._say("")

    def _say(self, partial: str) -> None:
        if (connection := self._connection) is not None:
            line = json.dumps({"committed": self._committed, "partial": partial}).encode() + b"\n"
            with contextlib.suppress(OSError):  # the caller has waited long enough
                connection.sendall(line)


def main() -> None:
    port, model = int(sys.argv[1]), sys.argv[2]
    call = Call()
    recorder = importlib.import_module("RealtimeSTT").AudioToTextRecorder(
        model=model,
        language="en",
        device="cpu",
        compute_type="int8",
        use_microphone=False,
        spinner=False,
        enable_realtime_transcription=True,
        realtime_model_type=model,
        on_realtime_transcription_update=call.realtime,
        no_log_file=True,
        ensure_sentence_starting_uppercase=False,
        ensure_sentence_ends_with_period=False,
    )
    threading.Thread(target=_take_finals, args=(recorder, call), daemon=True).start()
    with socket.create_server(("127.0.0.1", port)) as server:
        print("READY", flush=True)
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                serve(connection, recorder, call)
            call.end()


def _take_finals(recorder: Any, call: Call) -> None:
    while True:
        recorder.text(call.final)


def serve(connection: socket.socket, recorder: Any, call: Call) -> None:
    """One call."""
    reader = connection.makefile("rb")
    recorder.language = json.loads(reader.readline())["language"]
    call.begin(connection)
    while sound := reader.read1(1 << 16):
        recorder.feed_audio(sound, 16_000)
    until, rested_since = time.monotonic() + REST_WITHIN_S, time.monotonic()
    while time.monotonic() < min(until, rested_since + REST_S):
        recorder.feed_audio(SILENCE, 16_000)
        if recorder.state in ("recording", "transcribing"):
            rested_since = time.monotonic()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
