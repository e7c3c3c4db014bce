"""Recognises a card's read-back, whole or in part, without keeping the card."""

import hashlib
from typing import Final

_SHORTEST: Final = 3
_WINDOW: Final = 6
"""A card is remembered as keyed hashes of its stretches of three to six digits."""


class KnownCards:
    """The cards of one call. `key` lives as long as the call: with it gone the hashes say nothing."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]
        self._hashes: set[bytes] = set()

    def add(self, digits: str) -> None:
        self._hashes.update(
            self._hash(digits[start : start + size])
            for size in range(_SHORTEST, _WINDOW + 1)
            for start in range(len(digits) - size + 1)
        )

    def __contains__(self, digits: str) -> bool:
        """Whether all of the digits stand in this order in a card that was heard."""
        if not self._hashes or len(digits) < _SHORTEST:
            return False
        size = min(len(digits), _WINDOW)
        windows = (digits[start : start + size] for start in range(len(digits) - size + 1))
        return all(self._hash(window) in self._hashes for window in windows)

    def _hash(self, digits: str) -> bytes:
        return hashlib.blake2b(digits.encode(), key=self._key, digest_size=16).digest()
