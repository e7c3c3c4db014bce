"""The seam between signalling and sound: what SIP asks of the RTP plane, call by call.

Signalling negotiates (SDP) and says what each m-line will carry; the RTP plane opens a port per stream, hears, and is
the `IngestSession` that pipelines read. All methods are called from one event loop.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from engine.facts import Pcm16
from engine.ports.intake import CallOffer, IngestSession, Participant
from media.srtp import SrtpKeys

AudioCodec = Literal["PCMU", "PCMA", "G722", "opus", "G729", "L16/8000", "L16/16000"]
"""Those that we decode and hence answer with: names of `media.codecs.CODECS`."""


class DtlsOffer(msgspec.Struct, frozen=True):
    """What an m-line says of keys by DTLS-SRTP (RFC 5763 §5)."""

    fingerprints: tuple[str, ...]
    """Values of the peer's `a=fingerprint`, of digests that are known. Never empty."""
    waits: bool
    """The peer is passive: we begin the handshake."""


class StreamOffer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One accepted m-line, as negotiated. A refused m-line (port 0 in the answer) has none."""

    stream: str
    """Name for the whole call: the SDP label, else the m-line's index as text. Unique within the call."""
    position: int
    """Index of the m-line in the SDP, from 0; refused lines count, so positions may have gaps."""
    codec: AudioCodec
    payload_type: int
    """The number that packets of `codec` carry."""
    ptime_ms: int = 20
    """What the peer announced; packets may be of other lengths."""
    event_payload_type: int | None = None
    """RFC 4733 telephone-event, when negotiated."""
    comfort_payload_type: int | None = None
    """RFC 3389 comfort noise, when offered."""
    remote_host: str = ""
    """Where the peer wants RTP; a hint only (RTP may come from elsewhere). Empty for `0.0.0.0`."""
    remote_port: int = 0
    srtp: SrtpKeys | None = None
    """Keys of both directions, when the line is protected."""
    dtls: DtlsOffer | None = None
    """Keys come by a handshake on the line itself; `media.dtls_media` takes it off what the RTP plane gets."""
    rtcp_mux: bool = False
    """RTCP comes on the RTP port (RFC 5761); else on the odd one after it."""
    rtcp_host: str = ""
    rtcp_port: int = 0
    """Where the peer wants RTCP, when it says so (RFC 3605); else it is the port after `remote_port`."""
    flowing: bool = True
    """False: inactive or held; silence is expected and is no sign of a vanished peer."""
    listens: bool = False
    """The peer would hear what we send: sendrecv or recvonly, and not held."""
    sole: bool = False
    """Nobody but `remote_host` and `remote_port` is heard: a port of ours, with no network between."""


class MediaSession(IngestSession, Protocol):
    """One call's RTP. Made by `MediaAllocator.allocate`, closed by signalling with `close`."""

    def local_ports(self) -> Mapping[int, int]:
        """m-line position → local RTP port (even), for each stream that was ever accepted."""

    async def update(self, streams: tuple[StreamOffer, ...]) -> None:
        """A re-INVITE's or UPDATE's whole new list. Streams keep their name and port; a new one gets a port, a missing
        one is no longer heard (its port stays until `close`). The source of a stream with another address
        or other keys may move at once; another codec or payload type holds from the next packet. Raises `Overloaded`
        when no port is free, and then nothing has changed."""

    def hold(self) -> None:
        """The peer holds or pauses the whole call: `call.held` goes to the events; silence no longer suspends."""

    def resume(self) -> None:
        """Undoes `hold`: `call.resumed`. Without a `hold` it does nothing."""

    def participants_changed(self, participants: tuple[Participant, ...]) -> None:
        """Puts `ParticipantsChanged` onto the events, at the current media time."""

    def announce(self, sound: Pcm16, *, words: bool, beep_every_s: int) -> None:
        """Plays a notice (8 kHz; may be empty) to the far end of the first stream, then beeps while the call is
        recorded; `notice.played` goes to the events. What the agreed codec cannot say is not said."""

    def last_packet_at(self) -> float:
        """Monotonic seconds of the newest accepted RTP packet of any stream; of the allocation when none came yet."""

    def close(self, reason: str) -> None:
        """Ends the events with `CallEnded(reason)` after what has been heard is delivered, and frees the ports (which
        cool down before another call gets them). Idempotent: the first reason stands. Must also be called for a session
        that never began."""


class MediaAllocator(Protocol):
    """The RTP plane as signalling sees it."""

    def address(self, peer_host: str) -> str:
        """The IP address to put into the SDP's `c=` towards this peer."""

    async def allocate(self, offer: CallOffer, streams: tuple[StreamOffer, ...]) -> MediaSession:
        """Opens a port per stream. Its `offer` is the given one. Raises `Overloaded` when the port range is used up."""
