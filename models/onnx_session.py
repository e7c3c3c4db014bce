"""ONNX Runtime sessions that keep their latency while other work saturates the cores."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import onnxruntime
from numpy.typing import NDArray
from prometheus_client import Histogram

ONNX_SECONDS = Histogram(
    "welcomedly_onnx_seconds",
    "Wall time of one inference on ONNX Runtime, tokenizer included.",
    ["model"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0),
)


class OnnxSession(Protocol):
    """What we use of `onnxruntime.InferenceSession`; `run` may be called from several threads at once."""

    def run(self, output_names: list[str] | None, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]: ...


def open_session(model: Path | bytes) -> OnnxSession:
    """One thread, no spinning: a small graph gains nothing from more, and a spinning pool takes cores from others."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model
    session = onnxruntime.InferenceSession(source, sess_options=options, providers=["CPUExecutionProvider"])
    return cast(OnnxSession, session)


class Watch:
    """The result of `timed`: `ms` is set when the block is left."""

    ms = 0.0


@contextmanager
def timed(model: str) -> Iterator[Watch]:
    """Records the block's wall time in `welcomedly_onnx_seconds{model}`, also when it raises."""
    watch = Watch()
    begun = time.perf_counter()
    try:
        yield watch
    finally:
        seconds = time.perf_counter() - begun
        watch.ms = seconds * 1000
        ONNX_SECONDS.labels(model).observe(seconds)
