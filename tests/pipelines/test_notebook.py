"""Notes go to their file beside the call, whatever the disk does."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.errors import Overloaded
from engine.facts import CallEvent, Transcript
from engine.ports.storage import CallRecord
from engine.telemetry import Metrics
from pipelines import notes
from pipelines.calls import Calls
from pipelines.notebook import Notebook, Notebooks
from tests.fakes import FakeEars, FakeSink, understanding
from tests.memory_inputs import MemoryInputs
from tests.pipelines.test_admission import short_call
from tests.pipelines.test_recording_commands import ROUTING, FakeRouter

RECORD = CallRecord("call-1", "org", "c", "care", "inbound", "es", "CO")
TICK = notes.Ticked(seq=1, at_ms=250)


async def kept(files: MemoryInputs, count: int, *, most_bytes: int = 10_000, most_waiting: int = 5_000) -> list[str]:
    """The reasons that are logged when so many notes are taken before the file is there."""
    workers = ThreadPoolExecutor(1)
    with capture_logs() as logs:
        notebook = Notebook("call-1", files, workers, most_bytes=most_bytes, most_waiting=most_waiting)
        for _ in range(count):
            notebook.take(TICK)
        notebook.begin(RECORD)
        await notebook.end()
        notebook.take(TICK)  # comes too late for anything
    workers.shutdown()
    assert {log["event"] for log in logs} <= {"inputs.stopped"}
    assert {log["call_id"] for log in logs} <= {"call-1"}
    return [log["reason"] for log in logs]


async def test_what_was_noted_before_the_file_was_there_is_in_it() -> None:
    files = MemoryInputs()
    assert await kept(files, 3) == []
    assert list(notes.decode(files.chunks)) == [TICK] * 3
    assert files.state == "whole"


async def test_a_notebook_has_its_bounds() -> None:
    size = len(notes.encode(TICK))
    full = MemoryInputs()
    assert await kept(full, 9, most_bytes=4 * size) == ["full"]
    late = MemoryInputs()
    assert await kept(late, 9, most_waiting=4 * size) == ["disk_late"]
    assert {full.state, late.state} == {"abandoned"}


@pytest.mark.parametrize(
    "files",
    [MemoryInputs(refuses=OSError("full")), MemoryInputs(fails=OSError("full")), MemoryInputs(refuses=Overloaded("x"))],
)
async def test_a_disk_that_takes_nothing_costs_the_notes_and_never_the_call(files: MemoryInputs) -> None:
    sink, notebooks = FakeSink(), Notebooks(files)
    calls = Calls(
        router=FakeRouter(msgspec.structs.replace(ROUTING, recording=False)),
        ears=FakeEars({("c", 0): "first words"}),
        sink=sink,
        understanding=understanding(),
        metrics=Metrics(),
        max_calls=1,
        clock_ms=lambda: 0.0,
        wall_clock=lambda: 7.0,
        notebooks=notebooks,
    )
    with capture_logs() as logs:
        calls.begin(short_call())
        await calls.close()
    notebooks.close()
    assert [fact.text for fact in sink.facts if isinstance(fact, Transcript)] == ["first words"]
    last = sink.facts[-1]
    assert isinstance(last, CallEvent)
    assert (last.name, last.data) == ("call.ended", {"reason": "bye"})
    assert [log["event"] for log in logs] == ["inputs.stopped"]
    assert "first words" not in str(logs)


async def test_what_cannot_be_noted_ends_the_notebook_alone() -> None:
    files, workers = MemoryInputs(), ThreadPoolExecutor(1)
    notebook = Notebook("call-1", files, workers)
    notebook.begin(RECORD)
    notebook.take(TICK)
    with capture_logs() as logs:
        notebook.take(notes.Found("words", (object(),)))  # type: ignore[arg-type]
    await notebook.end()
    workers.shutdown()
    assert [log["reason"] for log in logs] == ["NotImplementedError"]
    assert files.state == "abandoned"


async def test_a_call_s_end_does_not_wait_for_a_late_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    files, workers = MemoryInputs(), ThreadPoolExecutor(1)
    files.busy.clear()
    notebook = Notebook("call-1", files, workers)
    notebook.begin(RECORD)
    notebook.take(TICK)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.notebook.END_S", 0.0)
        await notebook.end()
    assert files.state == "open"
    files.busy.set()
    await notebook.end()
    workers.shutdown()
    assert list(notes.decode(files.chunks)) == [TICK]
    assert files.state == "whole"


@pytest.mark.parametrize("at", ["before", "while", "full"])
async def test_a_notebook_that_is_spoilt_is_no_more(at: str) -> None:
    files, workers = MemoryInputs(), ThreadPoolExecutor(1)
    notebook = Notebook("call-1", files, workers, most_bytes=1 if at == "full" else 10_000)
    if at == "before":
        notebook.spoil()
    notebook.take(TICK)
    notebook.begin(RECORD)
    await asyncio.sleep(0)
    notebook.spoil()
    notebook.take(TICK)
    await notebook.end()
    workers.shutdown()
    assert files.state == "deleted"
