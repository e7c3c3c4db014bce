"""Serves one stream of ufal/whisper_streaming (LocalAgreement-2) behind its own voice activity controller.

usage: ufal_server.py PORT MODEL SOURCE

Runs in that peer's environment. A connection is a call: a line `{"language": "es"}`, then 16 kHz s16le; lines
`{"committed": …, "partial": …}` come back. The policy is upstream's own (1 s chunks, beam 5, buffer trimmed by segments
of 15 s); only what loads the model is ours, since upstream's asks for CUDA.
"""

import importlib
import json
import logging
import os
import select
import socket
import sys
from typing import Any

import numpy as np

CHUNK_S = 1.0
STEP_BYTES = 2 * 16_000 * 40 // 1000
"""40 ms, as upstream takes with its controller; more where more is waiting."""


def main() -> None:
    port, model, source = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    sys.path.insert(0, source)
    logging.disable(logging.CRITICAL)
    upstream = importlib.import_module("whisper_online")
    _vad_from_package()
    recogniser = _recogniser(upstream, model)
    recogniser.transcribe(np.zeros(16_000, np.float32))
    with socket.create_server(("127.0.0.1", port)) as server, open(os.devnull, "w") as nowhere:
        print("READY", flush=True)
        while True:
            connection, _ = server.accept()
            online = upstream.VACOnlineASRProcessor(
                CHUNK_S, recogniser, None, logfile=nowhere, buffer_trimming=("segment", 15)
            )
            with connection:
                try:
                    serve(connection, recogniser, online)
                except OSError:
                    continue  # the caller has waited long enough


def _recogniser(upstream: Any, model: str) -> Any:
    """Upstream's, on a CPU with int8."""
    whisper = importlib.import_module("faster_whisper").WhisperModel
    loaded = whisper(model, device="cpu", compute_type="int8", cpu_threads=os.cpu_count() or 1)
    made = type("Recogniser", (upstream.FasterWhisperASR,), {"load_model": lambda *_, **__: loaded})
    return made("en", modelsize=None, cache_dir=None, model_dir=model)


def _vad_from_package() -> None:
    """Upstream fetches it from the network by `torch.hub`; the package has the same."""
    torch, silero = importlib.import_module("torch"), importlib.import_module("silero_vad")
    torch.set_num_threads(1)
    torch.hub.load = lambda *_, **__: (silero.load_silero_vad(onnx=False), None)


def serve(connection: socket.socket, recogniser: Any, online: Any) -> None:
    """One call. Raises `OSError` when the caller is gone."""
    reader = connection.makefile("rb")
    recogniser.original_language = json.loads(reader.readline())["language"]
    inner, committed = online.online, ""

    def say() -> None:
        partial = inner.to_flush(inner.transcript_buffer.buffer)[2] or ""
        connection.sendall(json.dumps({"committed": committed, "partial": partial}).encode() + b"\n")

    waiting = b""
    while sound := reader.read1(1 << 20):
        waiting += sound
        while select.select([connection], [], [], 0)[0] and (more := reader.read1(1 << 20)):
            waiting += more
        if len(waiting) < STEP_BYTES:
            continue
        whole = len(waiting) // 2 * 2
        samples = np.frombuffer(waiting[:whole], np.int16).astype(np.float32) / 32768
        waiting = waiting[whole:]
        online.insert_audio_chunk(samples)
        committed += online.process_iter()[2] or ""
        say()
    committed += online.finish()[2] or ""
    say()


if __name__ == "__main__":
    main()
