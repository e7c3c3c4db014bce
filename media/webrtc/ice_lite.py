"""ICE of an agent that everybody can reach (ICE-lite, RFC 8445 §2.5): it answers checks and learns the peer's address.

The browser does the rest: it gathers, checks and nominates, and goes on checking as its consent to be sent to (RFC
7675). An address that has not proved to know our password is never sent to.
"""

import secrets
import string
import struct

from aioice import stun

Address = tuple[str, int]

_CHARACTERS = string.ascii_letters + string.digits + "+/"
_USER, _PASSWORD = 8, 24
"""RFC 8445 §5.3 asks for at least 24 and 128 random bits; a character has six."""


class IceLite:
    """One leg's side. Pure: datagrams in, answers out."""

    def __init__(self, remote_user: str) -> None:
        self.user = _random(_USER)
        self.password = _random(_PASSWORD)
        self.address: Address | None = None
        """Where the peer wants to be sent to: the pair that it nominated last."""
        self._name = f"{self.user}:{remote_user}"
        self._key = self.password.encode()

    def check(self, data: bytes, address: Address) -> bytes | None:
        """The answer to a connectivity check. None for all else, forged checks included: whoever does not know the
        password learns nothing, and cannot make us send to others."""
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error):
            return None
        binding = message.message_method == stun.Method.BINDING and message.message_class == stun.Class.REQUEST
        named = message.attributes.get("USERNAME") == self._name
        if not (binding and named and message.check_message_integrity(self._key)):
            return None
        if self.address is None or "USE-CANDIDATE" in message.attributes:
            self.address = address
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = address
        answer.add_message_integrity(self._key)
        return bytes(answer)


def _random(length: int) -> str:
    return "".join(secrets.choice(_CHARACTERS) for _ in range(length))
