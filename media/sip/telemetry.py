"""What signalling counts and logs. Never what a message holds: its text may name people and numbers."""

import traceback

import structlog
from prometheus_client import Counter, Gauge

log = structlog.get_logger()

CALLS = Gauge("welcomedly_sip_calls", "Calls whose signalling is open")
REQUESTS = Counter("welcomedly_sip_requests", "SIP requests received, retransmissions left out", ["method"])
RESPONSES = Counter("welcomedly_sip_responses", "SIP responses sent, retransmissions included", ["status"])
MALFORMED = Counter("welcomedly_sip_malformed", "SIP messages that could not be read")
FAULTS = Counter("welcomedly_sip_faults", "Messages or timers whose handling failed: bugs")
STRANGERS = Counter("welcomedly_sip_strangers", "SIP messages dropped, from addresses that no trunk allows")
UNDELIVERED = Counter("welcomedly_sip_undelivered", "SIP messages whose connection was gone")

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


def report_fault(error: BaseException, call: str = "") -> None:
    """Logs and counts a bug: what and where, without the values at hand, which may name people and numbers."""
    FAULTS.inc()
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    log.error("sip.fault", kind=type(error).__name__, where=where, call=call)
