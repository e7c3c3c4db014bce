"""How much one connection may send: more than any platform does, less than hurts."""

MESSAGES_A_SECOND = 400.0
MESSAGES_AT_ONCE = 4000.0
BYTES_A_SECOND = 600_000.0
BYTES_AT_ONCE = 4_000_000.0
"""Two channels of 48 kHz linear sound are 192,000 bytes a second; a network that stalled delivers seconds at once."""


class Pace:
    """Two token buckets. Pure."""

    def __init__(self, now: float) -> None:
        self._messages, self._bytes, self._at = MESSAGES_AT_ONCE, BYTES_AT_ONCE, now

    def takes(self, size: int, now: float) -> bool:
        """Whether one more message of that size fits."""
        passed, self._at = now - self._at, now
        self._messages = min(MESSAGES_AT_ONCE, self._messages + passed * MESSAGES_A_SECOND) - 1
        self._bytes = min(BYTES_AT_ONCE, self._bytes + passed * BYTES_A_SECOND) - size
        return self._messages >= 0 and self._bytes >= 0
