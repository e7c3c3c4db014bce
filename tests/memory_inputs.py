"""What reached a call, kept in memory."""

import threading

from engine.ports.storage import CallRecord


class MemoryInputs:
    """Takes one file into memory; `refuses` is raised when it is begun, `fails` by the next write."""

    def __init__(self, *, refuses: Exception | None = None, fails: Exception | None = None) -> None:
        self.chunks: list[bytes] = []
        self.state = "open"
        self.busy = threading.Event()
        """The disk takes nothing until it is set."""
        self.busy.set()
        self._refuses = refuses
        self._fails = fails

    async def begin(self, record: CallRecord) -> "MemoryInputs":
        if self._refuses:
            raise self._refuses
        return self

    async def delete(self, organisation_id: str, call_id: str) -> None:
        self.state = "deleted"

    def write(self, chunk: bytes) -> None:
        self.busy.wait(10)
        if self._fails:
            raise self._fails
        self.chunks.append(chunk)

    def close(self) -> None:
        self.state = "whole"

    def abandon(self) -> None:
        self.state = "abandoned" if self.state == "open" else self.state
