"""ONNX Runtime sessions that keep their latency while other work saturates the cores."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import onnxruntime
from numpy.typing import NDArray

from models.processor import INFO, flags

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

_EXACT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
"""With any of them products of 8 bits are added up in 32. An x86 without adds pairs up in 16, which overflow where both
are large: it hears and reads wrong, unless ONNX Runtime is told to go a way round that takes somewhat longer."""


def open_session(model: Path | bytes) -> OnnxSession:
    """One thread, no spinning: a small graph gains nothing from more, and a spinning pool takes cores from others.
    Products of 8 bits are added up without loss on every processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if adds_up_in_16():
        options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model
    session = onnxruntime.InferenceSession(source, sess_options=options, providers=["CPUExecutionProvider"])
    return cast(OnnxSession, session)


def adds_up_in_16(info: Path = INFO) -> bool:
    known = flags(info)
    return bool(known) and not known & _EXACT_PRODUCTS


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
