"""What records the calls of an engine: one place for files, and few threads that write for all."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from engine.ports.intake import IngestSession
from engine.ports.storage import RecordingFiles
from engine.telemetry import Metrics
from media.recorder import RecordedSpan
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.tape import Tape

THREADS: Final = 2
"""Encoding takes 1 % of a core for a call; the second thread is for a disk that makes the first one wait."""


class Recorder:
    """Threads of its own: a slow disk must not take those that the text models run on."""

    def __init__(self, files: RecordingFiles, metrics: Metrics) -> None:
        self._files = files
        self._metrics = metrics
        self._workers = ThreadPoolExecutor(THREADS, thread_name_prefix="recorder")
        metrics.count("recorded_seconds_total", 0, what="overdue")  # there from the start: its first step is seen
        for outcome in ("whole", "failed"):
            metrics.count("recordings_total", 0, outcome=outcome)

    def tape(self, session: IngestSession, ledger: Ledger, roster: Roster, retention_days: int) -> Tape:
        """Records one call; `Tape.run` does the work."""
        return Tape(
            session=session,
            files=self._files,
            workers=self._workers,
            ledger=ledger,
            roster=roster,
            retention_days=retention_days,
            recorded=self._recorded,
            ended=lambda outcome: self._metrics.count("recordings_total", outcome=outcome),
        )

    def close(self) -> None:
        """Blocking: until what was handed over is written. After the calls have ended."""
        self._workers.shutdown()

    def _recorded(self, span: RecordedSpan) -> None:
        self._metrics.count("recorded_seconds_total", (span.end_ms - span.start_ms) / 1000, what=span.what)
