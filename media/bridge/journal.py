"""The dialogs that stand, in a small file: who must get a BYE when this process has been killed.

It holds what a BYE needs and nothing else: identifiers, the two addresses without their names, and the way there. A
record is in the kernel's hands as soon as `note` returns, so SIGKILL loses none.
"""

import contextlib
import fcntl
import os
from pathlib import Path

import msgspec
import structlog

from engine.errors import StartupError
from media.sip.address import parse_address, tag_of
from media.sip.dialog import Dialog
from media.sip.endpoint import Endpoint
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Request, Response, reason_header

log = structlog.get_logger()

_CSEQ_AHEAD = 1_000
"""Requests since the record was written have raised CSeq; a gap is allowed (RFC 3261 §12.2.1.1)."""
_SPARE_LINES = 64
"""The file is written anew when it has so many more than calls stand: what is over is nobody's to read."""
_REASON = reason_header(503, "the bridge was restarted")


class _Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """A dialog, or with only its key the end of one."""

    call_id: str
    tag: str
    """Ours."""
    local: str = ""
    remote: str = ""
    target: str = ""
    routes: tuple[str, ...] = ()
    cseq: int = 0
    transport: str = ""
    host: str = ""
    port: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.call_id, self.tag)


class Journal:
    """One process's. A disk that fails costs the farewell after a crash, never a call."""

    def __init__(self, path: Path) -> None:
        """Raises `StartupError` when another bridge that lives keeps its calls there: they are not to be hung up on."""
        self._path = path
        self._lock = _locked(path.with_suffix(".lock"))
        self._records: dict[tuple[str, str], _Record] = {}
        self._left = _read(path)
        self._file = -1
        self._lines = 0
        self._rewrite()

    def note(self, leg: Leg | None) -> None:
        """That leg's dialog stands, as it is now."""
        dialog = leg.usage.dialog if leg is not None else None
        if leg is None or dialog is None or leg.usage.state not in ("accepted", "up"):
            return
        record = _Record(
            call_id=dialog.call_id,
            tag=dialog.local_tag,
            local=_bare(dialog.local),
            remote=_bare(dialog.remote),
            target=dialog.remote_target,
            routes=dialog.route_set,
            cseq=dialog.local_cseq,
            transport=leg.flow.transport,
            host=leg.flow.host,
            port=leg.flow.port,
        )
        before = self._records.get(record.key)
        if before is None or msgspec.structs.replace(record, cseq=before.cseq) != before:
            self._records[record.key] = record
            self._append(record)

    def forget(self, leg: Leg | None) -> None:
        """Its dialog is over."""
        if leg is None or self._records.pop(leg.key, None) is None:
            return
        if self._records:
            self._append(_Record(*leg.key))
        else:
            self._rewrite()

    def say_goodbye(self, endpoint: Endpoint) -> int:
        """BYE, with the reason, to everybody whom the process before left on the line; how many those are."""
        left, self._left = self._left, ()
        for record in left:
            _Farewell(record).send(endpoint)
        if left:
            log.warning("bridge.left_behind", dialogs=len(left))
            self._rewrite()
        return len(left)

    def close(self) -> None:
        self._close_file()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, record: _Record) -> None:
        self._lines += 1
        if self._lines > _SPARE_LINES + 4 * len(self._records):
            self._rewrite()
            return
        self._write(self._file, msgspec.json.encode(record) + b"\n")

    def _rewrite(self) -> None:
        """The records that hold, and those of the process before until they have been served."""
        self._close_file()
        kept = [*self._left, *self._records.values()]
        new = self._path.with_suffix(".new")
        try:
            self._file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            self._write(self._file, b"".join(msgspec.json.encode(record) + b"\n" for record in kept))
            os.replace(new, self._path)
        except OSError as error:
            log.error("bridge.journal", why=error.strerror)
        self._lines = len(kept)

    def _write(self, file: int, data: bytes) -> None:
        if file < 0:
            return
        try:
            os.write(file, data)
        except OSError as error:
            log.error("bridge.journal", why=error.strerror)


def _locked(path: Path) -> int:
    """A descriptor that holds the lock until it is closed or the process ends; -1 where the disk cannot do it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        log.error("bridge.journal", why=error.strerror)
        return -1
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise StartupError(f"DATA_DIR: another bridge keeps its calls in {path.parent}") from None
    return file


def _read(path: Path) -> tuple[_Record, ...]:
    """Dialogs whose end is not recorded. A line that was cut, the last one, is passed over."""
    records: dict[tuple[str, str], _Record] = {}
    with contextlib.suppress(OSError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError):
                record = msgspec.json.decode(line, type=_Record)
                if record.transport:
                    records[record.key] = record
                else:
                    records.pop(record.key, None)
    return tuple(records.values())


def _bare(value: str) -> str:
    """A From or To value without the name of the person."""
    try:
        uri = parse_address(value).uri
    except ValueError:
        return value
    tag = tag_of(value)
    return f"<{uri}>;tag={tag}" if tag else f"<{uri}>"


class _Farewell:
    """The BYE of one dialog, whatever is answered. A `Sender` of its endpoint."""

    def __init__(self, record: _Record) -> None:
        self._dialog = Dialog(
            call_id=record.call_id,
            local=record.local,
            remote=record.remote,
            local_tag=record.tag,
            remote_tag=tag_of(record.remote),
            remote_target=record.target,
            route_set=record.routes,
            contact="",
            local_cseq=record.cseq + _CSEQ_AHEAD,
        )
        self._flow = Flow(record.transport, record.host, record.port)

    def send(self, endpoint: Endpoint) -> None:
        endpoint.send(self._dialog.request("BYE", _REASON), self._flow, self)

    @property
    def next_hop(self) -> str:
        return self._dialog.next_hop()

    def moved(self, request: Request, flow: Flow) -> None:
        self._flow = flow

    def answered(self, request: Request, response: Response, now: float) -> None:
        pass

    def expired(self, request: Request) -> None:
        pass
