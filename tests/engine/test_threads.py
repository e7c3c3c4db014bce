"""Libraries take no cores of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TASKS = Path("/proc/self/task")


@pytest.mark.skipif(not TASKS.exists(), reason="only Linux tells a process' threads there")
@pytest.mark.parametrize("first", ["engine", "server", "media.workers", "pipelines.call", "benchmarks"])
def test_numpy_starts_no_threads(first: str) -> None:
    tells = (
        f"import importlib, os; importlib.import_module({first!r}); import numpy; numpy.ones((512, 512)) @ "
        "numpy.ones((512, 512)); print(os.environ['OPENBLAS_NUM_THREADS'], len(os.listdir('/proc/self/task')))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    told = subprocess.run([sys.executable, "-c", tells], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["1", "1"]
