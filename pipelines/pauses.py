"""Why a recording is paused. Pure: each method says what changed, as (`pause` or `resume`, reason), or None.

Reasons stand beside each other: the recording goes on when the last one is gone. `person` and a rule's id can be taken
back by a person; `card` and `hold` end by themselves.
"""

from typing import Final

from engine.facts import CallEvent, Insight

Change = tuple[str, str] | None

CARD: Final = "card"
HOLD: Final = "hold"
PERSON: Final = "person"
ACTION: Final = "recording.pause"
"""What rules ask for, see `models/compliance/data/rules`."""
CARD_RULE: Final = "PCI-PAUSE"
CARD_MS: Final = 60_000
"""A card that was asked for and whose digits never began is waited for so long."""


class Pauses:
    def __init__(self) -> None:
        self._since: dict[str, int] = {}
        self._alerts: dict[str, int] = {}
        """Reason → `seq` of the alert that brought it, which may be withdrawn."""

    def __bool__(self) -> bool:
        return bool(self._since)

    def reason(self) -> str:
        """One that holds, first of those that no person can take back; empty when none does."""
        return self.stuck() or next(iter(self._since), "")

    def stuck(self) -> str:
        """A reason that no person can take back, or empty."""
        return next((reason for reason in (CARD, HOLD) if reason in self._since), "")

    def ruled(self, alert: Insight) -> Change:
        """A rule that asks for a pause was broken or met, or one that did is satisfied now."""
        reason = CARD if alert.rule == CARD_RULE else alert.rule
        if alert.outcome == "satisfied" and reason in self._alerts:
            return self._end(reason)
        if alert.action != ACTION or alert.outcome not in ("violation", "event"):
            return None
        if reason != CARD:
            self._alerts[reason] = alert.seq
        return self._begin(reason, alert.end_ms)

    def happened(self, event: CallEvent) -> Change:
        match event.name:
            case "capture.started":
                return self._begin(CARD, event.end_ms)
            case "capture.ended":
                return self._end(CARD)
            case "call.held":
                return self._begin(HOLD, event.end_ms)
            case "call.resumed":
                return self._end(HOLD)
            case "withdrawn":
                gone = set(event.data.get("of", ()))
                reason = next((reason for reason, seq in self._alerts.items() if seq in gone), "")
                return self._end(reason) if reason else None
        return None

    def pressed(self, command: str) -> Change:
        """A person's `pause` or `resume`."""
        if command == "pause":
            return self._begin(PERSON, 0)
        theirs = [reason for reason in self._since if reason not in (CARD, HOLD)]
        changes = [self._end(reason) for reason in theirs]
        return changes[-1] if changes else None

    def passed(self, now_ms: int, *, capturing: bool) -> Change:
        """A card that nobody read is not waited for any longer."""
        since = self._since.get(CARD)
        if since is not None and not capturing and now_ms - since > CARD_MS:
            return self._end(CARD)
        return None

    def _begin(self, reason: str, at_ms: int) -> Change:
        if reason in self._since:
            return None
        self._since[reason] = at_ms
        return "pause", reason

    def _end(self, reason: str) -> Change:
        self._alerts.pop(reason, None)
        return ("resume", reason) if self._since.pop(reason, None) is not None else None
