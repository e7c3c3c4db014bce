"""What is kept of a call: its row, its facts on their way to the store and the sockets, its recording, and what it
was made of."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from engine.facts import Draft, Fact
from engine.tokens import Token


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call's row: what lists and tiles show, nothing that was said."""

    call_id: str = msgspec.field(name="id")
    organisation_id: str
    campaign_id: str
    campaign: str
    """Its kind: `sales collections care`…"""
    direction: Literal["inbound", "outbound"]
    language: str
    country: str
    region: str = ""
    agent_id: str = ""
    """User whose desk has the call; empty until it is claimed."""
    agent_name: str = ""
    started_at: float = 0.0
    """UNIX seconds."""
    ended_at: float = 0.0
    """0 while live."""
    end_reason: str = ""
    protocol: str = ""


class FactSink(Protocol):
    """Where a pipeline puts what it made: first into the store, then onto the sockets."""

    async def opened(self, record: CallRecord) -> None:
        """Commits the call's row and its wrapped data key. Called once, before any fact."""

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        """Durable when it returns (group commit), shown right after; facts come in order of `seq`. `tokens` are of
        these facts: stored with them, and never shown."""

    def draft(self, record: CallRecord, draft: Draft) -> None:
        """To the sockets only; a newer draft of the same segment replaces one not yet sent."""

    async def changed(self, record: CallRecord) -> None:
        """The row changed (claimed, ended)."""


class ByteSink(Protocol):
    """A file in the making. Blocking: for a worker thread. A chunk that was taken survives the process."""

    def write(self, chunk: bytes) -> None:
        """Raises `OSError`."""

    def close(self) -> None:
        """Marks the file as whole. Raises `OSError`."""

    def abandon(self) -> None:
        """Closes it as it is, not whole. Does nothing after `close`."""


class InputFiles(Protocol):
    """Where it is kept what reached calls from outside. Implemented by `engine.inputs`."""

    async def begin(self, record: CallRecord) -> ByteSink:
        """An empty file for this call, which has been `opened`. Raises `OSError`, or the store's errors."""

    async def delete(self, organisation_id: str, call_id: str) -> None:
        """Deletes a call's file, if it has one. Raises `OSError`."""


class RecordingFiles(Protocol):
    """Where recordings are kept. Implemented by `engine.recordings`."""

    async def begin(self, record: CallRecord, channels: int, retention_days: int) -> ByteSink:
        """An empty file for this call, which has been `opened`. Raises `OSError`, or the store's errors."""

    async def finish(self, record: CallRecord, length_ms: int) -> None:
        """The file is closed and so long."""
