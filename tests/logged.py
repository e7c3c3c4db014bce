"""What the engine logs while a test listens."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from engine.settings import Settings
from engine.telemetry import set_up_logs


@contextmanager
def logged(level: Literal["debug", "info"] = "info") -> Iterator[io.StringIO]:
    """A JSON line for each that is logged from now on. Behind it logs are as they were, of loggers too that were first
    used in it: `set_up_logs` has each keep what it was first used with, which in tests would outlive the test."""
    root = logging.getLogger()
    handlers, root_level, configured = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    set_up_logs(Settings(log_format="json", log_level=level), stream)
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(root_level)
        structlog.configure(**configured)
