"""What a desk's phone and the bridge say to each other over `/phone`: JSON text messages, one object each, told apart
by `type`.

The browser says `register` first, with its pass and a name for its window that survives a reload; the bridge answers
`registered`. Then, in any order:

* A call in: `incoming` → (`offer` → `answer`) → `accept` or `decline` → `answered` once sound goes both ways → `ended`.
* A call out: `dial` → `dialling` → `offer` → `answer` → `progress` (the other side rings, or is heard early) →
  `answered` → `ended`.
* The browser always offers (one audio line, all candidates in it) and the bridge always answers. It may offer again at
  any time: after a reload, or when its network changed; the call goes on over the new path.
* In a call: `hold`, `key`, `transfer` (→ `transferred`), `hang_up`; of the other side the bridge tells `held`, `key`.
* `beat` comes every ten seconds: the connection stands. A phone that hears nothing for 25 s takes it for dead.
* `renew` brings a new pass before the old one is over; with none the calls that stand go on, and nobody else is
  dialled. `presence` says whether the agent takes calls.

A socket that is lost may come back within 30 s: `registered` names the calls that stand. The newest window of an agent
is the one that rings; the one before is told `replaced`, keeps the call that it has, and is closed with 4409.

The bridge closes with 1002 when `register` is not first or does not come within 10 s, 1003 on binary, 1007 on what is
no message, 1008 on another site's page or on too many messages, 1009 on a message of more than 32 KiB, 1013 when the
browser does not keep up, 1001 when the bridge stops, 4401 when the pass is not valid or over, 4409 when another window
took over. A `call` is the UUIDv7 by which the engine knows it, too.
"""

from typing import Literal

import msgspec

from engine.settings import IceServer
from media.bridge.party import Direction

MESSAGE_BYTES = 32 * 1024
PASS_OVER, REPLACED = 4401, 4409

Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D"]


class _Message(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    pass


# ─── the browser says ────────────────────────────────────────────────────────────────────────────────────────────────


class Register(_Message, frozen=True, tag="register"):
    token: str
    window: str
    """Random; the same after a reload of the same window."""
    away: bool = False


class Renew(_Message, frozen=True, tag="renew"):
    token: str


class Presence(_Message, frozen=True, tag="presence"):
    away: bool


class Dial(_Message, frozen=True, tag="dial"):
    ref: str
    """The browser's own name for the call, which `dialling` or `error` repeats."""
    to: str
    """A number, an extension or an AOR."""


class Offer(_Message, frozen=True, tag="offer"):
    call: str
    sdp: str


class Accept(_Message, frozen=True, tag="accept"):
    call: str


class Decline(_Message, frozen=True, tag="decline"):
    call: str


class Hold(_Message, frozen=True, tag="hold"):
    call: str
    on: bool


class Press(_Message, frozen=True, tag="key"):
    """Both say it."""

    call: str
    key: Key
    duration_ms: int = 160


class Transfer(_Message, frozen=True, tag="transfer"):
    call: str
    to: str = ""
    """Blind: who gets the call."""
    consult: str = ""
    """Attended: the id of the browser's other call, whose other side gets it."""


class HangUp(_Message, frozen=True, tag="hang_up"):
    call: str


FromBrowser = Register | Renew | Presence | Dial | Offer | Accept | Decline | Hold | Press | Transfer | HangUp

# ─── the bridge says ─────────────────────────────────────────────────────────────────────────────────────────────────


class CallState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call that stands, for a browser that came back."""

    call: str
    way: Literal["in", "out"]
    state: Literal["ringing", "dialling", "taken", "up"]
    address: str
    name: str = ""
    held: bool = False
    up_s: float = 0.0
    """For how long it has been up."""


class Registered(_Message, frozen=True, tag="registered"):
    aor: str
    ice_servers: tuple[IceServer, ...] = ()
    calls: tuple[CallState, ...] = ()


class Incoming(_Message, frozen=True, tag="incoming"):
    call: str
    address: str
    """Who calls."""
    to: str
    """What was dialled."""
    name: str = ""


class Dialling(_Message, frozen=True, tag="dialling"):
    ref: str
    call: str


class Answer(_Message, frozen=True, tag="answer"):
    call: str
    sdp: str


class Progress(_Message, frozen=True, tag="progress"):
    call: str
    early: bool = False
    """The other side is heard already; else it rings, and the browser plays the tone."""


class CallAnswered(_Message, frozen=True, tag="answered"):
    call: str


class Held(_Message, frozen=True, tag="held"):
    """How the other side has turned: `sendrecv` is a call as usual."""

    call: str
    direction: Direction


class Transferred(_Message, frozen=True, tag="transferred"):
    """How a transfer that was asked for goes: 100 begun, 180 rings, 200 done; else it failed and the call stands."""

    call: str
    status: int


class Ended(_Message, frozen=True, tag="ended"):
    call: str
    reason: str
    status: int = 0
    """SIP's, where the other side refused: 486 busy, 404 nobody there…"""


class Replaced(_Message, frozen=True, tag="replaced"):
    """Another window rings now."""


class Beat(_Message, frozen=True, tag="beat"):
    """The connection stands."""


class Error(_Message, frozen=True, tag="error"):
    code: Literal["not_dialled", "no_such_call", "too_many_calls", "bad_offer", "no_sound", "overloaded", "refused"]
    message: str
    call: str = ""
    ref: str = ""


ToBrowser = (
    Registered
    | Incoming
    | Dialling
    | Answer
    | Progress
    | CallAnswered
    | Held
    | Press
    | Transferred
    | Ended
    | Replaced
    | Beat
    | Error
)

_decoder: msgspec.json.Decoder[FromBrowser] = msgspec.json.Decoder(FromBrowser)


def read(text: str | bytes) -> FromBrowser:
    """Raises `msgspec.MsgspecError`, or `ValueError` for a token, window or address of no sensible length."""
    said = _decoder.decode(text)
    for name, most in (("window", 64), ("ref", 64), ("to", 128), ("call", 64), ("consult", 64)):
        if len(getattr(said, name, "")) > most:
            raise ValueError(f"{name} is too long")
    return said


def write(message: ToBrowser) -> str:
    return msgspec.json.encode(message).decode()
