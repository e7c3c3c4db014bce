"""ONNX Runtime sessions that keep their latency while other work saturates the cores."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import onnxruntime
from numpy.typing import NDArray

Observe = Callable[[str, float], None]
"""Takes a model's name and the seconds of one inference, tokenizer included: for a histogram."""


def unobserved(model: str, seconds: float) -> None:
    """Nobody counts."""


class OnnxSession(Protocol):
    """What we use of `onnxruntime.InferenceSession`; `run` may be called from several threads at once."""

    def get_inputs(self) -> Sequence[Any]:
        """Each with its `name` and `shape`."""

    def run(self, output_names: list[str] | None, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]: ...


Opener = Callable[[Path | bytes], OnnxSession]


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
def timed(model: str, observe: Observe) -> Iterator[Watch]:
    """Tells `observe` the block's wall time, also when it raises."""
    watch = Watch()
    begun = time.perf_counter()
    try:
        yield watch
    finally:
        seconds = time.perf_counter() - begun
        watch.ms = seconds * 1000
        observe(model, seconds)
