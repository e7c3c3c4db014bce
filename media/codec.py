"""What a codec is: a name in SDP, two rates, and a way from payloads to samples."""

from typing import Protocol

from engine.facts import Pcm16

MAX_PAYLOAD_MS = 200
"""RFC 3551 §4.2: receivers should take packets of 0 to 200 ms."""


class Decoder(Protocol):
    """One stream's, where a packet's sound depends on those before it."""

    def decode(self, payload: bytes) -> Pcm16:
        """As many samples as `Codec.samples_in` says, silence where the payload is broken. Raises `ValueError` for one
        that `samples_in` does not take, and no other."""


class Codec(Protocol):
    name: str
    """RFC 3551 encoding name, with its rate where there are several."""
    encoding: str
    """As `a=rtpmap` has it."""
    clock_hz: int
    """Of RTP timestamps, which for some codecs is not the rate of their sound."""
    rate_hz: int
    """Of the sound that we decode to: 8,000 or 16,000."""

    def samples_in(self, payload: bytes) -> int:
        """How many samples a payload decodes to. Raises `ValueError` when it cannot be a payload of this codec."""

    def decoder(self) -> Decoder: ...

    def encode(self, samples: Pcm16) -> bytes:
        """One packet, where a packet needs no other; raises `ValueError` for codecs that we only hear."""
