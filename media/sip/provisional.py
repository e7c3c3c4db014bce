"""Provisional answers: ours, sent reliably until PRACK (RFC 3262 §3), and those that our INVITE gets, fork by fork."""

import re
from collections import deque

from media.sip.dialog import Dialog
from media.sip.message import Request, Response
from media.sip.transaction import T1

MAX_QUEUED = 8
MAX_FORKS = 16
RELIABLE = "100rel"
_FOREVER = float("inf")


def wants_reliable(request: Request) -> bool:
    """Whether the peer takes reliable provisional answers."""
    tokens = request.headers.listed("Supported") + request.headers.listed("Require")
    return RELIABLE in (token.lower() for token in tokens)


class Reliable:
    """Our reliable provisional answers to one INVITE: one at a time on the wire, the others wait for its PRACK."""

    def __init__(self, first: int) -> None:
        """`first` RSeq, 1 to 2³¹ − 1."""
        self._rseq = first
        self._waiting: deque[Response] = deque(maxlen=MAX_QUEUED)  # the oldest ring tone is the one to miss
        self._sent: Response | None = None  # kept when it is settled: a PRACK may come late or twice
        self._interval = T1
        self._again_at = self._until = _FOREVER

    @property
    def open(self) -> bool:
        """An answer waits for its PRACK."""
        return self._until < _FOREVER

    @property
    def described(self) -> bool:
        """The answer that waits bears SDP: a 2xx must wait too."""
        return self.open and self._sent is not None and bool(self._sent.body)

    def send(self, response: Response, now: float) -> list[Response]:
        """What goes out now; nothing while an earlier one waits."""
        if self.open:
            self._waiting.append(response)
            return []
        headers = response.headers.adding(("Require", RELIABLE), ("RSeq", str(self._rseq)))
        self._sent = response.changed(headers=headers)
        self._rseq += 1
        self._interval, self._again_at, self._until = T1, now + T1, now + 64 * T1
        return [self._sent]

    def acknowledged(self, prack: Request, now: float) -> tuple[Response | None, list[Response]]:
        """The answer that this PRACK is for, None when it is for none (§3: 481), and what goes out next."""
        sent = self._sent
        rack = re.fullmatch(r"(\d{1,10})\s+(\d{1,10})\s+(\S+)", prack.headers.get("RAck").strip())
        if sent is None or rack is None:
            return None, []
        if (rack[1], int(rack[2]), rack[3]) != (sent.headers.get("RSeq"), sent.cseq, "INVITE"):
            return None, []
        if not self.open:
            return sent, []
        self.stop()
        return sent, self.send(self._waiting.popleft(), now) if self._waiting else []

    def stop(self) -> None:
        """A final answer goes out, or the PRACK came."""
        self._again_at = self._until = _FOREVER

    @property
    def deadline(self) -> float:
        return min(self._again_at, self._until)

    @property
    def given_up(self) -> float:
        """When the INVITE is to be refused for want of a PRACK."""
        return self._until

    def tick(self, now: float) -> list[Response]:
        """The answer again; the interval doubles without a limit but 64·T1 (§3)."""
        if self._sent is None or now < self._again_at:
            return []
        self._interval *= 2
        self._again_at = now + self._interval
        return [self._sent]


class Forks:
    """The early dialogs of our INVITE by To tag (RFC 3261 §12.1, §13.2.2.1)."""

    def __init__(self) -> None:
        self._dialogs: dict[str, Dialog] = {}
        self._heard: dict[str, int] = {}

    def of(self, tag: str) -> Dialog | None:
        return self._dialogs.get(tag)

    def only(self) -> Dialog | None:
        """The early dialog where there is one alone."""
        return next(iter(self._dialogs.values())) if len(self._dialogs) == 1 else None

    def note(self, invite: Request, response: Response, contact: str) -> Dialog | None:
        """The dialog of a 1xx; None when it opens none (100, no tag) or there are too many."""
        tag = response.to_tag
        if response.status == 100 or not tag:
            return None
        if tag not in self._dialogs and len(self._dialogs) < MAX_FORKS:
            self._dialogs[tag] = Dialog.of_client(invite, response, contact)
        return self._dialogs.get(tag)

    def in_order(self, response: Response) -> bool:
        """Whether a reliable 1xx is the next of its fork; repeated ones, and those after a gap, are not (§4)."""
        text = response.headers.get("RSeq").strip()
        if not text.isdecimal() or len(text) > 10:
            return False
        last = self._heard.get(response.to_tag)
        if last is not None and int(text) != last + 1:
            return False
        self._heard[response.to_tag] = int(text)
        return True


def is_reliable(response: Response) -> bool:
    required = (token.lower() for token in response.headers.listed("Require"))
    return 100 < response.status < 200 and RELIABLE in required and bool(response.to_tag)
