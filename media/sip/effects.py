"""What an INVITE usage wants done or heard: the output of `usage.InviteUsage`, performed by `endpoint.Leg`."""

import dataclasses
from typing import Literal

from media.sip.message import Request, Response


@dataclasses.dataclass(frozen=True)
class Reply:
    """Answer `request` through its server transaction."""

    request: Request
    response: Response


@dataclasses.dataclass(frozen=True)
class Send:
    """Send through a new client transaction."""

    request: Request


@dataclasses.dataclass(frozen=True)
class SendAck:
    """Straight onto the wire: the ACK to a 2xx has no transaction."""

    request: Request


@dataclasses.dataclass(frozen=True)
class CancelInvite:
    """CANCEL our pending INVITE."""

    invite: Request


@dataclasses.dataclass(frozen=True)
class HoldBack:
    """Our INVITE is taken back, but CANCEL waits for a provisional answer: no other target gets it meanwhile."""

    invite: Request


@dataclasses.dataclass(frozen=True)
class Progress:
    """A provisional answer to our INVITE."""

    response: Response


@dataclasses.dataclass(frozen=True)
class Established:
    """The call stands: our INVITE was answered (`response`), or our 2xx acknowledged (`ack`; neither: by a BYE)."""

    response: Response | None = None
    ack: Request | None = None


@dataclasses.dataclass(frozen=True)
class Offered:
    """An answer to our INVITE without an offer bears theirs: give ours with `answer`, and it goes into PRACK or ACK."""

    request: Request
    response: Response


@dataclasses.dataclass(frozen=True)
class AnswerCame:
    """The peer's answer to an offer of ours in a 2xx or reliable 18x: in the ACK of a re-INVITE, or in PRACK."""

    request: Request


@dataclasses.dataclass(frozen=True)
class Refreshed:
    """The session timer's refresh was answered, or the peer refreshed without asking for anything."""


@dataclasses.dataclass(frozen=True)
class Referred:
    """The peer asks us to call somebody else (REFER): `accept_refer` or `refuse`."""

    request: Request


@dataclasses.dataclass(frozen=True)
class Notified:
    """How the call goes that we asked the peer to make: the status in its NOTIFY (RFC 3515 §2.4.5)."""

    status: int
    final: bool


@dataclasses.dataclass(frozen=True)
class Informed:
    """An INFO of the peer (RFC 6086), answered already: keys, from peers that have no telephone-events."""

    request: Request


@dataclasses.dataclass(frozen=True)
class Asked:
    """A re-INVITE, UPDATE or PRACK of the peer, to be answered with `accept` or `refuse` at once or later."""

    request: Request


@dataclasses.dataclass(frozen=True)
class Answered:
    """The final answer to our re-INVITE, UPDATE or probe."""

    request: Request
    response: Response


@dataclasses.dataclass(frozen=True)
class Unanswered:
    """Our probe got no answer; the owner decides, since sound may flow all the same."""

    request: Request


EndReason = Literal["bye", "cancelled", "no_ack", "rejected", "timeout", "peer_vanished", "shutdown", "error"]


@dataclasses.dataclass(frozen=True)
class Ended:
    reason: EndReason
    response: Response | None = None
    """With `rejected`: the answer."""


Effect = (
    Reply
    | Send
    | SendAck
    | CancelInvite
    | HoldBack
    | Progress
    | Established
    | Offered
    | AnswerCame
    | Refreshed
    | Asked
    | Referred
    | Notified
    | Informed
    | Answered
    | Unanswered
    | Ended
)
