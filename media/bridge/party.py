"""One side of a call that goes through us, whatever it is made of: a SIP leg, or an agent's browser.

The call (`media.bridge.call`) owns two parties and is all that each knows of the other. Sound goes between them as RTP
payloads of the one codec that both took, so that nothing is decoded on the way but where a browser is (it is offered
what the other side speaks). All methods are called from one event loop and return at once; what happens later is told
to `hear`.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from media.rtp import RtpPacket
from media.session import AudioCodec

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
"""As the party itself says it of its own sound: `sendonly` has put the other on hold with music."""
WITHHELD = "anonymous@anonymous.invalid"
"""AOR of a caller who stays unknown (RFC 3323 §4.1.1.3)."""


class Invitation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a party is rung with."""

    call_id: str
    """UUIDv7 of the bridged call."""
    from_aor: str
    """As it may be shown (`shown`)."""
    from_name: str
    to_aor: str
    """What was dialled."""
    codecs: tuple[AudioCodec, ...]
    """What the other side can send and hear, its best first. Never empty."""
    correlation: dict[str, str] = {}
    """Vendor ids that came with the call (`media.siprec.correlation`)."""
    hops: int = 70
    """Max-Forwards (RFC 3261 §8.1.1.6) of what is sent on, so that a call that goes in a circle ends."""


class Ringing(msgspec.Struct, frozen=True):
    """180, or the browser shows the call."""


class EarlyMedia(msgspec.Struct, frozen=True):
    """183 with a description: what the party sends may be heard before it answers."""

    codec: AudioCodec


class Taken(msgspec.Struct, frozen=True):
    """The person has accepted; `Answered` comes once there is a path for the sound."""

    opening_s: float
    """For how long that may be waited for."""


class Answered(msgspec.Struct, frozen=True):
    codec: AudioCodec
    """One of the invitation's."""


class Refused(msgspec.Struct, frozen=True):
    """The party was rung and does not take the call."""

    status: int
    """SIP's: 486 busy, 480 nobody there, 408 not answered, 603 declined…"""
    reason: str = ""


class Turned(msgspec.Struct, frozen=True):
    """The party holds, or takes up again."""

    direction: Direction


class Pressed(msgspec.Struct, frozen=True):
    """A key, told once when it is let go (RFC 4733)."""

    key: str
    """`0`…`9 * # A B C D`."""
    duration_ms: int


class TransferAsked(msgspec.Struct, frozen=True):
    """The party wants the other side connected with somebody else, and itself out."""

    target: str
    """A SIP URI, a number or an AOR."""
    replaces: str = ""
    """Attended: the id of the bridged call that the target is already on; empty: blind."""


class HungUp(msgspec.Struct, frozen=True):
    """The party is gone; nothing comes after it."""

    reason: str
    """`bye`, `cancelled`, `peer_vanished`, `shutdown`, `error`."""


PartyEvent = Ringing | EarlyMedia | Taken | Answered | Refused | Turned | Pressed | TransferAsked | HungUp


class Party(Protocol):
    """A party that rings us is there when it is made, and is answered with `accept`; one that we ring is told `ring`.

    After `HungUp`, `Refused` or `hang_up` every method does nothing."""

    aor: str
    """Address of record without scheme: `1001@pbx.example`, `marta@desk`, or a number."""
    name: str
    organisation: str
    """Whose agent it is; empty for everybody of whom nobody has said it."""
    withheld: bool
    """Whoever is rung is not to be told who that is (RFC 3323)."""
    hear: Callable[[PartyEvent], None]
    """Set by the call before anything can happen."""
    voice: Callable[[RtpPacket], None]
    """Set by the call: each packet of sound from the party, in order of arrival. Payload type, SSRC and sequence are
    the party's own; its timestamps run at the codec's clock. Telephone-events are not in it (`Pressed` tells them)."""

    def ring(self, invitation: Invitation) -> None:
        """Asks the party to take the call."""

    def progress(self, codec: AudioCodec | None) -> bool:
        """The other side rings; with a codec, its early media is to be heard. True: the party has been told that codec
        and can have no other any more."""

    def accept(self, codec: AudioCodec) -> None:
        """Answers the party that rang us."""

    def play(self, packet: RtpPacket) -> None:
        """Sound of the other side for the party's ear, as `voice` gave it there; the party puts its own payload type,
        SSRC and sequence onto it and keeps timestamps continuous when the other side changes."""

    def press(self, key: str, duration_ms: int) -> None:
        """Plays a key to the party (RFC 4733, or as the party takes it)."""

    def turn(self, direction: Direction) -> None:
        """The other side has turned: tell the party, so that its hold looks and sounds right."""

    def transferred(self, status: int) -> None:
        """How the transfer that the party asked for goes, as SIP says it: 100…199 on the way, 200 done (the party is
        hung up next), 300 and more failed, and the call goes on as it was."""

    def hang_up(self, reason: str, status: int = 0) -> None:
        """Ends the party's side: BYE, CANCEL, or a refusal with `status` when it rang us and was not answered."""


def shown(party: Party) -> tuple[str, str]:
    """AOR and name, for whoever is rung."""
    return (WITHHELD, "") if party.withheld else (party.aor, party.name)


class Phone(Protocol):
    """Where an agent can be rung: a browser that has said it is there (`media.bridge.phones`)."""

    @property
    def aor(self) -> str: ...

    @property
    def extension(self) -> str: ...

    @property
    def numbers(self) -> tuple[str, ...]:
        """Dialled numbers that ring here (those of the agent's campaigns)."""

    @property
    def busy(self) -> bool: ...

    def party(self) -> Party:
        """A new party for one call; `ring` makes the browser ring."""


class Phones(Protocol):
    """The browsers that are there now. Where the organisation of a call is known its phones alone are rung; where it is
    not (empty), nobody at an address that may be two organisations'."""

    def named(self, address: str, organisation: str = "") -> Phone | None:
        """By AOR, user part or extension."""

    def for_number(self, number: str, organisation: str = "") -> Sequence[Phone]:
        """Those that may take calls of a dialled number, longest idle first. Busy ones too: while all of them talk, the
        number is still theirs."""


class Exchange(Protocol):
    """What a phone asks of the bridge (`media.bridge.exchange` implements it)."""

    def dial(self, caller: Party, invitation: Invitation) -> str:
        """The agent calls out: `invitation.to_aor` is what was dialled. The call's progress comes to the party as
        `progress`, `accept`, `hang_up`. Gives the call's id. Raises `ValueError` when nothing can be dialled so."""

    def consult(self, call_id: str) -> bool:
        """Whether that bridged call stands and an attended transfer may name it."""
