"""Our standing with a trunk, as pure machines: REGISTER kept fresh (RFC 3261 §10.2), and OPTIONS pings."""

import re
from collections.abc import Callable

from media.sip.address import parse_address, split_addresses
from media.sip.digest import Login
from media.sip.message import Headers, Request, Response

FIRST_WAIT = 30.0
LONGEST_WAIT = 1_800.0
"""RFC 5626 §4.5: the wait after a failure doubles from 30 s to half an hour."""
_FOREVER = float("inf")
Header = tuple[str, str]


def request_of(
    method: str, uri: str, local: str, remote: str, call_id: str, cseq: int, contact: str, *extra: Header
) -> Request:
    """A request outside of any dialog; `local` bears our tag."""
    headers = [("Max-Forwards", "70"), ("From", local), ("To", remote), ("Call-ID", call_id)]
    headers += [("CSeq", f"{cseq} {method}"), ("Contact", contact), *extra]
    return Request(headers=Headers(headers), method=method, uri=uri)


class Registration:
    """`tick` gives the REGISTER that is due; its answer goes to `answered`, which may give another at once."""

    def __init__(
        self,
        registrar: str,
        aor: str,
        contact: str,
        login: Login,
        *,
        expires_s: int,
        tag: str,
        call_id: str,
        dice: Callable[[], float],
    ) -> None:
        """`registrar` is a URI without a user (§10.2), `aor` the URI that is registered, `contact` ours."""
        self._registrar, self._aor, self._contact = registrar, aor, contact
        self._login, self._expires, self._dice = login, expires_s, dice
        self._tag, self._call_id, self._cseq = tag, call_id, 0
        self._failures = 0
        self._since = self._until = -_FOREVER
        self._waiting: Request | None = None
        self._leaving = False
        self.deadline = 0.0
        """When `tick` is wanted."""

    def registered(self, now: float) -> bool:
        return now < self._until

    def tick(self, now: float) -> Request | None:
        if self._waiting is not None or now < self.deadline or self._leaving:
            return None
        return self._ask(self._expires)

    def broken(self, now: float) -> None:
        """The connection that calls would come back over is gone (RFC 5626 §4.5): the binding leads nowhere, and is
        made anew at once, or, where it is younger than that, after `FIRST_WAIT`."""
        if self.registered(now) and not self._leaving:
            self._until = -_FOREVER
            self.deadline = min(self.deadline, max(now, self._since + FIRST_WAIT))

    def leave(self, now: float) -> Request | None:
        """Takes the registration back (§10.2.2); None when there is none."""
        self._leaving, self.deadline = True, _FOREVER
        return self._ask(0) if self.registered(now) else None

    def answered(self, request: Request, response: Response, now: float) -> Request | None:
        """The final answer to a REGISTER of ours."""
        if request is not self._waiting:
            return None
        self._waiting = None
        headers = self._login.answer(request, response)
        if headers is not None:
            return self._send(request.changed(headers=headers.setting("CSeq", f"{self._next()} REGISTER")))
        if response.status == 423 and self._lengthen(response):
            return self._ask(0 if self._leaving else self._expires)
        if response.success:
            self._succeeded(response, now)
        else:
            self._failed(now, response.headers.get("Retry-After"))
        return None

    def unanswered(self, request: Request, now: float) -> None:
        if request is self._waiting:
            self._waiting = None
            self._failed(now)

    def _ask(self, expires_s: int) -> Request:
        # §10.2: one Call-ID for all, and CSeq one on each time
        me = f"<{self._aor}>"
        request = request_of(
            *("REGISTER", self._registrar, f"{me};tag={self._tag}", me, self._call_id, self._next(), self._contact),
            ("Expires", str(expires_s)),
        )
        return self._send(request.changed(headers=self._login.headers(request)))

    def _send(self, request: Request) -> Request:
        self._waiting = request
        return request

    def _next(self) -> int:
        self._cseq += 1
        return self._cseq

    def _lengthen(self, response: Response) -> bool:
        """A 423 with its Min-Expires (§10.3)."""
        text = response.headers.get("Min-Expires").strip()
        if not text.isdecimal() or not self._expires < int(text) <= 86_400:
            return False
        self._expires = int(text)
        return True

    def _succeeded(self, response: Response, now: float) -> None:
        self._failures = 0
        granted = self._granted(response)
        if self._leaving:
            self._until = -_FOREVER
            return
        self._since, self._until = now, now + granted
        self.deadline = now + max(granted * (0.75 + 0.1 * self._dice()), 1.0)

    def _granted(self, response: Response) -> int:
        """Seconds of our binding: at its Contact, else in Expires (§10.2.4)."""
        mine = parse_address(self._contact).uri
        for value in split_addresses(response.headers.all("Contact")):
            found = re.search(r";\s*expires\s*=\s*\"?(\d{1,9})", value, re.IGNORECASE)
            if found and mine in value:
                return min(int(found[1]), self._expires)
        text = response.headers.get("Expires").strip()
        return min(int(text), self._expires) if text.isdecimal() and len(text) < 10 else self._expires

    def _failed(self, now: float, retry_after: str = "") -> None:
        wait = min(FIRST_WAIT * 2**self._failures, LONGEST_WAIT) * (0.5 + 0.5 * self._dice())
        asked = re.match(r"\d{1,5}", retry_after.strip())
        self._failures = min(self._failures + 1, 10)
        self.deadline = _FOREVER if self._leaving else now + max(wait, float(asked[0]) if asked else 0.0)


class Ping:
    """OPTIONS in turn; any final answer but 408 and 503 says that the trunk is there."""

    def __init__(self, uri: str, local: str, contact: str, call_id: str, *, every_s: float) -> None:
        """`local` bears our tag."""
        self._uri, self._local, self._contact, self._call_id = uri, local, contact, call_id
        self._every, self._cseq = every_s, 0
        self._waiting: Request | None = None
        self.up: bool | None = None
        """None until the first outcome."""
        self.deadline = 0.0

    def tick(self, now: float) -> Request | None:
        if self._waiting is not None or now < self.deadline:
            return None
        self._cseq += 1
        self.deadline = now + self._every
        to = f"<{self._uri}>"
        self._waiting = request_of(
            *("OPTIONS", self._uri, self._local, to, self._call_id, self._cseq, self._contact),
            ("Accept", "application/sdp"),
        )
        return self._waiting

    def outcome(self, request: Request, status: int, now: float) -> bool:
        """`status` 0: no answer. Whether `up` has changed."""
        if request is not self._waiting:
            return False
        self._waiting, before = None, self.up
        self.up = status not in (0, 408, 503)
        self.deadline = now + self._every
        return self.up is not before
