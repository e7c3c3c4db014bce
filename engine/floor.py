"""The wallboard as a pure reducer: a call's row and its facts in, one tile out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from engine.facts import CallEvent, Fact, Insight, Transcript
from engine.ports.storage import CallRecord

ALERTS_SHOWN = 20
"""Of more the oldest notices go before any violation does; the call itself shows all."""

_STATES: dict[str, Literal["ringing", "live", "held", "ended"]] = {
    "call.ringing": "ringing",
    "call.answered": "live",
    "call.held": "held",
    "call.resumed": "live",
    "call.ended": "ended",
}


class Alert(msgspec.Struct, frozen=True):
    rule: str
    outcome: str
    seq: int
    """Of the insight."""
    severity: str = ""
    """`info warning critical`, or empty."""
    at_ms: int = 0
    """Media time at which it came."""


class Tile(msgspec.Struct, frozen=True):
    """A call as the wall shows it: nothing that was said."""

    id: str
    agent_name: str
    campaign: str
    direction: str
    language: str
    started_at: float
    """UNIX seconds."""
    state: Literal["ringing", "live", "held", "ended"] = "live"
    mood: str = ""
    """The customer's, or of a single mixed stream both people's, smoothed: `negative neutral positive`; empty until
    they have spoken."""
    mood_score: float = 0.0
    mood_lean: float = 0.0
    """−1 (negative) to 1 (positive)."""
    mood_seq: int = 0
    """Of its insight; 0 where there is none."""
    alerts: tuple[Alert, ...] = ()
    """Violations and events, oldest first."""
    last_at_ms: int = 0
    """Media time of the newest fact."""
    unclaimed: bool = False
    agent_share: float | None = None
    """How much of what was spoken the agent spoke, 0 to 1; None until that is known."""
    silent: bool = False
    """Nobody has spoken for a while."""


def tile(record: CallRecord) -> Tile:
    """The tile of a call that has just begun."""
    return changed(
        Tile(record.call_id, "", record.campaign, record.direction, record.language, record.started_at), record
    )


def changed(before: Tile, record: CallRecord) -> Tile:
    """The call's row changed: claimed, language known, ended."""
    return msgspec.structs.replace(
        before,
        agent_name=record.agent_name,
        language=record.language,
        unclaimed=not record.agent_id,
        state="ended" if record.ended_at else before.state,
    )


def reduce(before: Tile, fact: Fact) -> Tile:
    """The tile after one more fact; facts come in order of `seq`."""
    after = msgspec.structs.replace(before, last_at_ms=max(before.last_at_ms, fact.end_ms))
    match fact:
        case Insight(kind="compliance", outcome="violation" | "event"):
            alert = Alert(fact.rule, fact.outcome or "", fact.seq, fact.severity, fact.end_ms)
            return msgspec.structs.replace(after, alerts=_shown((*after.alerts, alert)))
        case Insight(kind="mood") if fact.leg != "agent":
            return msgspec.structs.replace(
                after, mood=fact.value, mood_score=fact.score, mood_lean=fact.lean, mood_seq=fact.seq
            )
        case CallEvent(name="withdrawn"):
            return _withdrawn(after, fact.data.get("of", ()))
        case CallEvent(name="alert.judged") if fact.data.get("role") != "agent":
            return _judged(after, fact.data)
        case CallEvent(name="talk.measured"):
            share = fact.data.get("legs", {}).get("agent", {}).get("share")
            return msgspec.structs.replace(after, agent_share=share)
        case CallEvent(name="dead_air"):
            return msgspec.structs.replace(after, silent=True)
        case Transcript() if after.silent:
            return msgspec.structs.replace(after, silent=False)
        case CallEvent(name="music.started" | "music.ended"):
            return msgspec.structs.replace(after, silent=False)
        case CallEvent() if fact.name in _STATES:
            return msgspec.structs.replace(after, state=_STATES[fact.name], silent=False)
        case _:
            return after


def _withdrawn(tile: Tile, seqs: Sequence[int]) -> Tile:
    """Where the mood was another's than the customer's, there is none until they speak again."""
    left = _without(tile, seqs)
    if tile.mood_seq not in seqs:
        return left
    return msgspec.structs.replace(left, mood="", mood_score=0.0, mood_lean=0.0, mood_seq=0)


def _judged(tile: Tile, said: Mapping[str, Any]) -> Tile:
    """An alert that a supervisor found wrong is gone; one that is right after all is back in its place."""
    others = _without(tile, (said["of"],))
    if said.get("verdict") == "wrong":
        return others
    if len(others.alerts) < len(tile.alerts) or not said.get("outcome"):
        return tile
    again = Alert(said["rule"], said["outcome"], said["of"], said["severity"], said["at_ms"])
    alerts = tuple(sorted((*tile.alerts, again), key=lambda alert: alert.seq))
    return msgspec.structs.replace(tile, alerts=_shown(alerts))


def _shown(alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """All but one when there is one too many."""
    if len(alerts) <= ALERTS_SHOWN:
        return alerts
    oldest = next((index for index, alert in enumerate(alerts) if alert.outcome != "violation"), 0)
    return alerts[:oldest] + alerts[oldest + 1 :]


def _without(tile: Tile, seqs: Iterable[int]) -> Tile:
    gone = set(seqs)
    return msgspec.structs.replace(tile, alerts=tuple(alert for alert in tile.alerts if alert.seq not in gone))
