"""The table that `make bench-report` prints."""

import json
from pathlib import Path

from benchmarks.media import best
from benchmarks.media_gate import lost
from benchmarks.report import MOST_ROWS, figures, table


def test_every_figure_is_named_by_its_path() -> None:
    result = {"a": {"b": 1.5}, "rows": [{"road": "ours", "streams": 8, "x": 2}, {"x": 3}], "none": None}
    assert dict(figures(result)) == {
        "a.b": "1.5",
        "rows[ours 8].road": "ours",
        "rows[ours 8].streams": "8",
        "rows[ours 8].x": "2",
        "rows[1].x": "3",
    }


def test_cells_are_joined_with_the_machine_that_gave_them(tmp_path: Path) -> None:
    for name, result in (("one", {"ms": 2}), ("two", {str(at): at for at in range(MOST_ROWS + 5)})):
        machine = {"cpu": "a CPU", "cores": 2, "load": ["0.10", "0.2", "0.3"]}
        record = {"cell": name, "seconds": 3, "hardware": machine, "result": result}
        (tmp_path / f"{name}.json").write_text(json.dumps(record), "utf-8")
    lines = list(table(tmp_path))
    assert lines[0] == "── one  3 s on 2 × a CPU, load 0.10/0.2/0.3"
    assert lines[1] == "   ms  2"
    assert lines[-1] == "   … and 5 more in two.json"


def test_what_counts_is_the_most_streams_without_loss_in_the_usable_share_of_a_core() -> None:
    rows = [
        {"road": "ours", "streams": 300, "missing": 0, "core_share": 0.3, "ms_per_stream_second": 1.0},
        {"road": "ours", "streams": 500, "missing": 0, "core_share": 0.6, "ms_per_stream_second": 1.2},
        {"road": "ours", "streams": 800, "missing": 0, "core_share": 0.9, "ms_per_stream_second": 1.1},
        {"road": "naive", "streams": 60, "missing": 0, "core_share": 0.36, "ms_per_stream_second": 6.0},
        {"road": "naive", "streams": 120, "missing": 4, "core_share": 0.7, "ms_per_stream_second": 5.8},
    ]
    found = best(rows)
    assert found["ours"] == {"lossless": 500, "ms": 1.2, "would_carry": 583, "naive_ratio": 5.0}
    assert found["naive"]["lossless"] == 60


def test_an_onset_is_lost_where_nothing_covers_it_soon() -> None:
    plain = [(1000, 2000), (5000, 6000)]
    assert lost(plain, [(1150, 1900), (4900, 6100)]) == 0
    assert lost(plain, [(0, 7000)]) == 0
    assert lost(plain, [(1300, 2000), (5000, 6000)]) == 1
    assert lost(plain, []) == 2
