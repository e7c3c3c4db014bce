"""What signalling counts and logs. Never what a message holds: its text may name people and numbers."""

import traceback
from typing import Protocol

import structlog

from media.sip.message import Message, Response
from media.sip.wire import KNOWN_METHODS

log = structlog.get_logger()


class Counts(Protocol):
    """Where counters go: `engine.telemetry.Metrics`, or nowhere."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None: ...

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """A gauge."""


class Uncounted:
    """Counts nothing."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        pass

    def set(self, name: str, value: float, /, **labels: str) -> None:
        pass


def kind_of(message: Message) -> str:
    """A label that peers cannot make more of: a method that is known, or the class of a status."""
    if isinstance(message, Response):
        return f"{message.status // 100}xx"
    return message.method if message.method in KNOWN_METHODS else "other"


_COMPLAINT_SECONDS = 60.0
_MAX_SOURCES = 1_000


class Complaints:
    """Log lines about bad messages: one a minute and source, with how many were not logged."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[float, int]] = {}

    def add(self, host: str, why: str, now: float) -> None:
        """`why` is ours, not the peer's text."""
        since, unlogged = self._sources.get(host, (now - _COMPLAINT_SECONDS, 0))
        if now - since < _COMPLAINT_SECONDS:
            self._sources[host] = (since, unlogged + 1)
            return
        if len(self._sources) >= _MAX_SOURCES:
            self._sources.clear()
        self._sources[host] = (now, 0)
        log.warning("sip.malformed", peer=host, why=why, unlogged=unlogged)


_MAX_TURNED_AWAY = 10


class TurnedAway:
    """Log lines about addresses that are not let in: each once a minute, of a flood of them few: anybody may send."""

    def __init__(self, event: str, level: int) -> None:
        self._event, self._level = event, level
        self._since, self._named = float("-inf"), set[str]()

    def add(self, host: str, now: float) -> None:
        if now - self._since >= _COMPLAINT_SECONDS:
            self._since, self._named = now, set()
        if host not in self._named and len(self._named) < _MAX_TURNED_AWAY:
            self._named.add(host)
            log.log(self._level, self._event, peer=host)


def report_fault(error: BaseException, call: str = "") -> None:
    """Logs a bug: what and where, without the values at hand, which may name people and numbers."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    log.error("sip.fault", kind=type(error).__name__, where=where, call=call)
