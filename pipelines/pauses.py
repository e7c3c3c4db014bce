"""Why a recording is paused. Pure: each method says what changed, as (`pause` or `resume`, reason), or None.

Causes stand beside each other: the recording goes on when the last one is gone. `person` and a rule's id can be taken
back by a person; `card` and `hold` end by themselves. A rule may ask twice: its neglected duty ends when it is made
good, an objection of the customer's stands whatever is said after it.
"""

from typing import Final

from engine.facts import CallEvent, Insight

Change = tuple[str, str] | None
Cause = tuple[str, str]
"""A reason, and the outcome of the alert that brought it; empty where none did."""

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
        self._since: dict[Cause, int] = {}
        self._alerts: dict[Cause, set[int]] = {}
        """`seq` of the alerts that brought it, which may be withdrawn."""

    def __bool__(self) -> bool:
        return bool(self._since)

    def reason(self) -> str:
        """One that holds, first of those that no person can take back; empty when none does."""
        return self.stuck() or next((reason for reason, _ in self._since), "")

    def stuck(self) -> str:
        """A reason that no person can take back, or empty."""
        return next((reason for reason in (CARD, HOLD) if (reason, "") in self._since), "")

    def ruled(self, alert: Insight) -> Change:
        """A rule that asks for a pause was broken or met, or one that did is satisfied now."""
        if alert.outcome == "satisfied":
            return self._end((alert.rule, "violation"))
        if alert.action != ACTION or alert.outcome not in ("violation", "event"):
            return None
        if alert.rule == CARD_RULE:
            return self._begin((CARD, ""), alert.end_ms)
        cause = (alert.rule, alert.outcome)
        self._alerts.setdefault(cause, set()).add(alert.seq)
        return self._begin(cause, alert.end_ms)

    def happened(self, event: CallEvent) -> Change:
        match event.name:
            case "capture.started":
                return self._begin((CARD, ""), event.end_ms)
            case "capture.ended":
                return self._end((CARD, ""))
            case "call.held":
                return self._begin((HOLD, ""), event.end_ms)
            case "call.resumed":
                return self._end((HOLD, ""))
            case "withdrawn":
                return self._withdrawn(set(event.data.get("of", ())))
        return None

    def pressed(self, command: str) -> Change:
        """A person's `pause` or `resume`."""
        if command == "pause":
            return self._begin((PERSON, ""), 0)
        theirs = [cause for cause in self._since if cause[0] not in (CARD, HOLD)]
        changes = [self._end(cause) for cause in theirs]
        return changes[-1] if changes else None

    def passed(self, now_ms: int, *, capturing: bool) -> Change:
        """A card that nobody read is not waited for any longer."""
        since = self._since.get((CARD, ""))
        if since is not None and not capturing and now_ms - since > CARD_MS:
            return self._end((CARD, ""))
        return None

    def _withdrawn(self, gone: set[int]) -> Change:
        for cause, brought in self._alerts.items():
            if brought & gone:
                brought -= gone
                return None if brought else self._end(cause)
        return None

    def _begin(self, cause: Cause, at_ms: int) -> Change:
        if cause in self._since:
            return None
        self._since[cause] = at_ms
        return "pause", cause[0]

    def _end(self, cause: Cause) -> Change:
        self._alerts.pop(cause, None)
        return ("resume", cause[0]) if self._since.pop(cause, None) is not None else None
