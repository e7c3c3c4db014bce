"""SRTP (RFC 3711) with keys from SDP (SDES, RFC 4568): what `a=crypto` says, and packets in the clear.

A key is secret: it has no readable form, and no error tells of it.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec
import pylibsrtp

from media.rtp import RtpPacket, build_packet, sequence_distance

Suite = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]
_PROFILES: dict[str, tuple[int, int]] = {
    "AES_CM_128_HMAC_SHA1_80": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16 + 14),
    "AES_CM_128_HMAC_SHA1_32": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 16 + 14),
    "AEAD_AES_128_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16 + 12),
    "AEAD_AES_256_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32 + 12),
}
"""libsrtp's profile, and octets of master key and salt (RFC 4568 §6.2, RFC 7714 §14.2)."""
_WINDOW = 1024
"""Packets that may come late and are no replay: what the recording path still takes."""
_STRIDE = 0x4000
"""Numbers that a packet may be ahead of the one before for its rollover to be told without doubt; a quarter of them."""
_OURS = secrets.token_bytes(32)
"""Our keys come from it, so that the same offer is answered with the same key, and a new key with a new one."""


class SrtpKey(msgspec.Struct, frozen=True):
    """Master key and salt of one direction."""

    suite: Suite
    secret: bytes

    def __repr__(self) -> str:
        return f"SrtpKey({self.suite})"

    __str__ = __repr__


class SrtpKeys(msgspec.Struct, frozen=True):
    """What one m-line agreed on."""

    tag: str
    """Of the offered `a=crypto` that was taken; the answer repeats it."""
    theirs: SrtpKey
    ours: SrtpKey
    """For what we send: RTCP."""

    def answer(self) -> str:
        """Value of our `a=crypto`."""
        return crypto_value(self.tag, self.ours)


def crypto_value(tag: str, key: SrtpKey) -> str:
    """An `a=crypto` value: an offer of that key, or the answer that repeats the offer's tag."""
    return f"{tag} {key.suite} inline:{base64.b64encode(key.secret).decode()}"


def new_key() -> SrtpKey:
    """A key to offer, of the suite that every peer knows (RFC 4568 §6.2.1)."""
    return SrtpKey("AES_CM_128_HMAC_SHA1_80", secrets.token_bytes(16 + 14))


def agreed_keys(ours: SrtpKey, answered: Sequence[str]) -> SrtpKeys | None:
    """Of our one offered key, by the `a=crypto` values of the answer; None when it took none (RFC 4568 §5.1.3)."""
    for value in answered:
        try:
            tag, theirs = _parse(value)
        except ValueError:
            continue
        if theirs.suite == ours.suite:
            return SrtpKeys(tag, theirs, ours)
    return None


def choose_keys(offered: Sequence[str]) -> SrtpKeys | None:
    """The first `a=crypto` value that we can do, which is the peer's own preference (RFC 4568 §5.1.2)."""
    for value in offered:
        try:
            tag, theirs = _parse(value)
        except ValueError:
            continue
        ours = hmac.new(_OURS, theirs.suite.encode() + theirs.secret, hashlib.sha512).digest()
        return SrtpKeys(tag, theirs, SrtpKey(theirs.suite, ours[: len(theirs.secret)]))
    return None


def _parse(value: str) -> tuple[str, SrtpKey]:
    """Raises `ValueError` for what we cannot do: other suites, several keys, MKIs, packets half protected."""
    tag, suite, keys, *parameters = value.split()
    known = next((name for name in get_args(Suite) if name == suite), None)
    if not tag.isdecimal() or len(tag) > 9 or known is None or not keys.startswith("inline:") or ";" in keys:
        raise ValueError("the crypto attribute is not one that we can do")
    secret, *more = keys.removeprefix("inline:").split("|")
    if any(":" in item for item in more):  # an MKI lengthens each packet (RFC 4568 §6.1)
        raise ValueError("MKIs are not known")
    # RFC 4568 §6.3: a parameter that is not understood makes the line unusable; these change nothing for us.
    if not all(item.startswith(("WSH=", "KDR=0", "-")) for item in parameters):
        raise ValueError("a session parameter is not known")
    try:
        octets = base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise ValueError("the key is no base64") from None
    if len(octets) != _PROFILES[suite][1]:
        raise ValueError("the key's length is not that of its suite")
    return tag, SrtpKey(known, octets)


Newest = tuple[int, int]
"""A source, and the index of its newest packet: how often its sequence numbers began anew, and its own."""


class SrtpReader:
    """Opens the packets of whoever has the key, whatever their SSRCs."""

    def __init__(self, key: SrtpKey, newest: Newest | None = None) -> None:
        """`newest`: what another reader has come to. No packet says how often its numbers began anew, and none opens
        for who does not know (RFC 3711 §3.3.1)."""
        self.newest = newest
        self._session = _session(key, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        if newest is not None:
            ssrc, index = newest
            writer = SrtpWriter(key)  # libsrtp learns it from packets alone; these are seen by nobody
            for at in range(index % _STRIDE, index + 1, _STRIDE):
                self._session.unprotect(writer.rtp(build_packet(RtpPacket(0, at & 0xFFFF, 0, ssrc, b"\0"))))

    def rtp(self, packet: bytes) -> bytes:
        """Raises `ValueError` for packets that are forged, repeated or none."""
        try:
            opened = bytes(self._session.unprotect(packet))
        except pylibsrtp.Error:
            raise ValueError("the packet is not authentic") from None
        sequence, ssrc = int.from_bytes(opened[2:4], "big"), int.from_bytes(opened[8:12], "big")
        if self.newest is None or ssrc != self.newest[0]:
            self.newest = ssrc, sequence
        elif (ahead := sequence_distance(sequence, self.newest[1] & 0xFFFF)) > 0:
            self.newest = ssrc, self.newest[1] + ahead
        return opened

    def has_passed(self, packet: bytes) -> bool:
        """Whether it bears the source of the newest packet that was opened, and that number or one shortly before: a
        copy, or too late, but none that the source has sent in the clear since."""
        if self.newest is None or packet[8:12] != self.newest[0].to_bytes(4, "big"):
            return False
        ahead = sequence_distance(int.from_bytes(packet[2:4], "big"), self.newest[1] & 0xFFFF)
        return -_WINDOW < ahead <= 0

    def rtcp(self, packet: bytes) -> bytes:
        """Raises `ValueError` likewise."""
        try:
            return bytes(self._session.unprotect_rtcp(packet))
        except pylibsrtp.Error:
            raise ValueError("the packet is not authentic") from None


class SrtpWriter:
    """Protects what we send."""

    def __init__(self, key: SrtpKey) -> None:
        self.key = key
        self._session = _session(key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def rtp(self, packet: bytes) -> bytes:
        return bytes(self._session.protect(packet))

    def rtcp(self, packet: bytes) -> bytes:
        return bytes(self._session.protect_rtcp(packet))


def _session(key: SrtpKey, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key.secret, ssrc_type=direction, srtp_profile=_PROFILES[key.suite][0])
    policy.window_size = _WINDOW
    return pylibsrtp.Session(policy)
