"""Graphs in 8 bits are computed right on every processor."""

from pathlib import Path

import onnxruntime
import pytest

from models.catalogue import SILERO_VAD
from models.installation import location
from models.onnx_session import adds_up_in_16, open_session

GRAPH = location(SILERO_VAD, Path()) / "silero_vad.onnx"
OPTION = "session.x64quantprecision"


@pytest.mark.parametrize(
    ("flags", "overflows"),
    [
        ("sse4_1 fma avx2", True),
        ("fma avx2 avx512f avx512cd avx512vl avx512bw avx512dq", True),
        ("fma avx2 avx512f avx512_vnni", False),
        ("fma avx2 avx_vnni", False),
        ("fma avx2 amx_tile amx_int8", False),
    ],
)
def test_where_sums_of_products_would_overflow_they_are_made_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, *, overflows: bool
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nvmx flags\t: none\nflags\t\t: fpu {flags}\nbogomips\t: 1\n")
    assert adds_up_in_16(info) == overflows
    monkeypatch.setattr("models.onnx_session.adds_up_in_16", lambda: overflows)
    session = open_session(GRAPH)
    assert isinstance(session, onnxruntime.InferenceSession)
    options = session.get_session_options()
    if overflows:
        assert options.get_session_config_entry(OPTION) == "1"
    else:
        with pytest.raises(RuntimeError, match=OPTION):
            options.get_session_config_entry(OPTION)


@pytest.mark.parametrize("told", ["", "processor\t: 0\nFeatures\t: fp asimd\n", None])
def test_of_a_processor_that_is_no_x86_or_that_nobody_tells_of_nothing_is_asked(
    tmp_path: Path, told: str | None
) -> None:
    info = tmp_path / "cpuinfo"
    if told is not None:
        info.write_text(told)
    assert not adds_up_in_16(info)
