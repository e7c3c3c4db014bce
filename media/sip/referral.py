"""REFER (RFC 3515) and Replaces (RFC 3891): what they ask for, and the NOTIFYs that tell how it went."""

import dataclasses
import re
import urllib.parse

from media.sip.address import parse_uri
from media.sip.dialog import Dialog
from media.sip.message import REASONS, Request

SIPFRAG = ("Content-Type", "message/sipfrag;version=2.0")
EXPIRES_S = 180
"""How long a transfer may take until its subscription ends."""
_BRACKETED = re.compile(r"<([^<>\s]+)>")
_WORD = re.compile(r"[!-+\--~]+")
"""Printable ASCII but for the comma: what comes escaped in a URI goes out in a header of ours."""


@dataclasses.dataclass(frozen=True)
class Replaces:
    """Which dialog an INVITE takes the place of; tags as that dialog's peer to us writes them."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @property
    def text(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def parse_replaces(text: str) -> Replaces:
    """Raises `ValueError`."""
    call_id, *parameters = (part.strip() for part in text.split(";"))
    named = dict(part.partition("=")[::2] for part in parameters)
    values = {name.strip().lower(): value.strip() for name, value in named.items()}
    if not all(_WORD.fullmatch(part) for part in (call_id, values.get("to-tag", ""), values.get("from-tag", ""))):
        raise ValueError("Replaces is not valid")
    return Replaces(call_id, values["to-tag"], values["from-tag"], "early-only" in values)


@dataclasses.dataclass(frozen=True)
class Target:
    """Whom a REFER names."""

    uri: str
    """Without `?headers`."""
    replaces: Replaces | None = None
    """An attended transfer: the call that the new one takes the place of."""


def parse_refer(request: Request) -> Target:
    """The one Refer-To of a REFER (§2.1). Raises `ValueError`."""
    values = request.headers.all("Refer-To")
    if len(values) != 1:
        raise ValueError("REFER needs one Refer-To")
    bracketed = _BRACKETED.search(values[0])
    whole = bracketed[1] if bracketed else values[0].partition(";")[0].strip()
    uri, _, headers = whole.partition("?")
    parse_uri(uri)
    method = re.search(r";method=([^;]+)", uri, re.IGNORECASE)
    if method and method[1].upper() != "INVITE":
        raise ValueError("REFER asks for another method than INVITE")
    named = {}
    for field in headers.split("&"):  # no HTML form: `+` is itself (RFC 3261 §25.1)
        name, _, value = map(urllib.parse.unquote, field.partition("="))
        named[name.lower()] = value
    replaces = parse_replaces(named["replaces"]) if "replaces" in named else None
    return Target(re.sub(r";method=[^;]+", "", uri, flags=re.IGNORECASE), replaces)


def refer_to(target: Target) -> str:
    """The value of a Refer-To header."""
    if target.replaces is None:
        return f"<{target.uri}>"
    return f"<{target.uri}?Replaces={urllib.parse.quote(target.replaces.text, safe='')}>"


class Referral:
    """The implicit subscription that a REFER makes: the side that was asked and tells (§2.4)."""

    def __init__(self, request: Request, now: float, *, later: bool) -> None:
        """`later`: not the dialog's first REFER, whose events need an id (§2.4.6)."""
        self.silent = request.headers.get("Refer-Sub").strip().lower() == "false"  # RFC 4488
        self._event = f"refer;id={request.cseq}" if later else "refer"
        self._until = now + EXPIRES_S
        self.done = False

    def notify(self, dialog: Dialog, status: int, now: float) -> Request | None:
        """The NOTIFY that the new call stands at `status`; a final one ends the subscription."""
        if self.done or self.silent:
            return None
        self.done = status >= 200
        left = max(1, int(self._until - now))
        state = "terminated;reason=noresource" if self.done else f"active;expires={left}"
        body = f"SIP/2.0 {status} {REASONS.get(status, 'Response')}\r\n".encode()
        headers = (("Event", self._event), ("Subscription-State", state), SIPFRAG)
        return dialog.request("NOTIFY", *headers, body=body)


def read_notify(request: Request) -> tuple[int, bool] | None:
    """(status, whether it is the last) of a NOTIFY about a REFER of ours; None for any other."""
    event = request.headers.get("Event").partition(";")[0].strip().lower()
    line = re.match(rb"SIP/2\.0 ([1-6]\d\d)\b", request.body)
    if event != "refer" or line is None:
        return None
    ended = request.headers.get("Subscription-State").strip().lower().startswith("terminated")
    return int(line[1]), ended or int(line[1]) >= 200
