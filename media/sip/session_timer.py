"""Session timers (RFC 4028) of one dialog: who refreshes it, when, and when it is over."""

import re
from collections.abc import Sequence
from typing import Literal

from media.sip.message import Headers, Request, Response

MIN_SE = 90
"""Least interval, seconds, that we take (§5)."""
WANTED = 1_800
"""What we ask for in our INVITEs (§4 recommends half an hour)."""
Refresher = Literal["uac", "uas"]
Header = tuple[str, str]


class SessionTimer:
    """Idle until an INVITE or UPDATE agrees on an interval; each later one agrees anew (§7.2, §9)."""

    def __init__(self, wanted: int = 0) -> None:
        """`wanted` seconds are asked for in our requests; 0 asks for nothing, and still serves a peer that asks."""
        self.wanted = wanted
        self.interval = 0
        self.ours = False
        """Whether we refresh."""
        self._min_se = MIN_SE
        self._since = 0.0
        self._next = 0.0

    # ─── as the side that asks ───────────────────────────────────────────────────────────────────────────────────────

    def ask(self) -> tuple[Header, ...]:
        """Headers of an INVITE or UPDATE of ours."""
        seconds = self.interval or self.wanted
        if not seconds:
            return ()
        # §7.4: within a session the refresher stays who it is
        who = f";refresher={'uac' if self.ours else 'uas'}" if self.interval else ""
        minimum = (("Min-SE", str(self._min_se)),) if self._min_se > MIN_SE else ()
        return (("Session-Expires", f"{max(seconds, self._min_se)}{who}"), *minimum)

    def too_small(self, response: Response) -> bool:
        """Takes in a 422; False when it asks for nothing that can be given (§7.3)."""
        found = re.match(r"(\d{1,6})", response.headers.get("Min-SE"))
        if found is None or int(found[1]) <= self._min_se:
            return False
        self._min_se = int(found[1])
        self.interval = max(self.interval, self._min_se) if self.interval else 0
        return True

    def answered(self, response: Response, now: float) -> None:
        """A 2xx to our INVITE or UPDATE: without the header there is no session timer (§7.2)."""
        seconds, who = _expires(response.headers)
        self._agree(seconds, who != "uas", now)

    # ─── as the side that answers ────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def objection(request: Request) -> tuple[Header, ...]:
        """Headers of the 422 that the request deserves, or nothing (§9)."""
        seconds, _ = _expires(request.headers)
        return (("Min-SE", str(MIN_SE)),) if _supports(request) and 0 < seconds < MIN_SE else ()

    def answer(self, request: Request, now: float) -> tuple[Header, ...]:
        """Headers of our 2xx; the timer runs from here."""
        seconds, who = _expires(request.headers)
        if not seconds:
            self.interval = 0
            return ()
        # §9, table 2: a peer that does not know timers cannot refresh; else it says who does, and by default it does
        refresher: Refresher = (who or "uac") if _supports(request) else "uas"
        self._agree(max(seconds, MIN_SE), refresher == "uas", now)
        require = (("Require", "timer"),) if refresher == "uac" else ()
        return (("Session-Expires", f"{self.interval};refresher={refresher}"), *require)

    # ─── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _agree(self, seconds: int, ours: bool, now: float) -> None:
        self.interval, self.ours, self._since = seconds, ours, now
        self._next = now + seconds / 2

    def postpone(self, now: float, seconds: float) -> None:
        """The refresh could not be sent, or was refused for now."""
        self._next = now + seconds

    @property
    def refresh_at(self) -> float:
        """When we are to refresh: half the interval (§7.2); infinity when the peer does."""
        return self._next if self.interval and self.ours else float("inf")

    @property
    def over_at(self) -> float:
        """When the session is over: the interval, less the smaller of 32 s and a third of it (§10)."""
        return self._since + self.interval - min(32.0, self.interval / 3) if self.interval else float("inf")

    @property
    def deadline(self) -> float:
        return min(self.refresh_at, self.over_at)


def _supports(request: Request) -> bool:
    return "timer" in _tokens(request.headers.listed("Supported") + request.headers.listed("Require"))


def _tokens(values: Sequence[str]) -> set[str]:
    return {value.lower() for value in values}


def _expires(headers: Headers) -> tuple[int, Refresher | None]:
    found = re.match(r"(\d{1,6})\s*(?:;(.*))?$", headers.get("Session-Expires"))
    if found is None:
        return 0, None
    who = re.search(r"refresher\s*=\s*(uac|uas)\b", found[2] or "", re.IGNORECASE)
    if who is None:
        return int(found[1]), None
    return int(found[1]), "uac" if who[1].lower() == "uac" else "uas"
