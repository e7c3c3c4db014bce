"""When a call was on hold: nobody was there to be told anything."""


class Holds:
    """Of one call, in milliseconds of media time and in their order."""

    def __init__(self) -> None:
        self._over: list[tuple[int, int]] = []
        self._since_ms: int | None = None

    def begin(self, at_ms: int) -> None:
        self._since_ms = at_ms if self._since_ms is None else self._since_ms

    def end(self, at_ms: int) -> None:
        if self._since_ms is not None:
            self._over.append((self._since_ms, at_ms))
            self._since_ms = None

    def put_off(self, due_ms: int, since_ms: int, now_ms: int) -> int:
        """When something falls due whose time runs from `since_ms` on and stands still on hold, as far as is known at
        `now_ms`."""
        lasting = [(self._since_ms, now_ms)] if self._since_ms is not None else []
        for began_ms, ended_ms in [*self._over, *lasting]:
            if began_ms >= due_ms:
                break
            due_ms += max(0, ended_ms - max(began_ms, since_ms))
        return due_ms
