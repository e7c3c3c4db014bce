"""When to tell a sender how its packets arrive, what, and where."""

import random

from media.reception import Reception, Tally, fraction_lost
from media.rtcp import (
    INTERVAL_S,
    ReceiverReport,
    SenderReport,
    SentReport,
    build_report,
    new_cname,
    next_interval_s,
    parse_reports,
)
from media.source_lock import Address


class RtcpReporter:
    """One stream's reports. Pure; times are ms since answer."""

    def __init__(self, chance: random.Random | None = None, *, mean_s: float = INTERVAL_S) -> None:
        """`mean_s` is the mean between two reports (RFC 3550 §6.2)."""
        self.reception = Reception()
        self.address: Address | None = None
        """Where the peer's own reports come from."""
        self.due_ms = float("inf")
        """When the next report is due; never before a packet has come."""
        self._chance = chance or random.SystemRandom()
        self._mean_s = mean_s
        self.ssrc = self._chance.getrandbits(32)
        """Ours."""
        self._cname = new_cname(self._chance)
        self._told = Tally()
        self._report: SenderReport | None = None
        self._reported_ms = 0.0

    def arrived(self, ssrc: int, sequence: int, timestamp: int, at_ms: float, clock_hz: int) -> None:
        """A packet of the source that is heard."""
        self.begin(at_ms)
        self.reception.arrived(ssrc, sequence, timestamp, at_ms, clock_hz)

    def begin(self, at_ms: float) -> None:
        """A source is heard, the first or another. Who says so may tell `reception` of its packets without us."""
        if self.reception.ssrc is None:
            self.due_ms = at_ms + next_interval_s(self._chance, first=True, mean_s=self._mean_s) * 1000

    def heard(self, data: bytes, address: Address, at_ms: float) -> None:
        """RTCP in the clear. Reports of others than the source that is heard are passed over. Raises `ValueError`."""
        for report in parse_reports(data):
            if report.ssrc == self.reception.ssrc:
                self._report, self._reported_ms, self.address = report, at_ms, address

    def report(self, now_ms: float, sent: SentReport | None = None) -> bytes:
        """The report that is due, with what we `sent` where we send; the next is due `mean_s` later, more or less."""
        self.due_ms = now_ms + next_interval_s(self._chance, mean_s=self._mean_s) * 1000
        reception, told = self.reception, self._told
        self._told = reception.tally
        known = self._report is not None and self._report.ssrc == reception.ssrc
        block = ReceiverReport(
            ssrc=reception.ssrc or 0,
            fraction_lost=fraction_lost(told, self._told),
            lost=max(-0x800000, min(0x7FFFFF, reception.lost)),
            highest=reception.highest,
            jitter=int(reception.jitter),
            stamp=self._report.stamp if known and self._report else 0,
            since=int((now_ms - self._reported_ms) * 65.536) if known else 0,
        )
        return build_report(self.ssrc, self._cname, block, sent)
