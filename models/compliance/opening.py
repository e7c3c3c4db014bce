"""What is judged once, as a call opens: what is known of it beside its words, and how soon the agent spoke."""

import re
from collections.abc import Mapping

from models.compliance.checks import (
    Attempts,
    Caller,
    Check,
    Consent,
    Emotion,
    Known,
    Listed,
    Pickup,
    Retention,
    Window,
)
from models.compliance.grounds import EmotionsInferred, Ground, LatePickup, NoConsent
from models.compliance.hearing import CallContext
from models.compliance.history import Heard, History
from models.compliance.metadata import (
    closed,
    consent_missing,
    kept_too_short,
    suppressed,
    too_often,
    wrong_caller,
)


def known_against(check: Check, context: CallContext) -> Ground | None:
    """What is known of the call that the check forbids."""
    return _against(check, context) if isinstance(check, Known) else None


def _against(check: Known, context: CallContext) -> Ground | None:
    meta = context.metadata
    match check:
        case Window(open=open_hours, holidays=calendar, regions=regions):
            there = not regions or context.place in regions
            return closed(open_hours, calendar, meta) if there else None
        case Attempts(most=most, days=days, after_talk_days=after, unless=unless):
            return None if _excused(unless, context) else too_often(most, days, after, meta)
        case Listed(lists=lists, unless=unless):
            return None if _excused(unless, context) else suppressed(lists, meta)
        case Consent(act="", purposes=purposes):
            missing = consent_missing(purposes, context.day, meta)
            return missing if isinstance(missing, NoConsent) else None
        case Caller(prefixes=prefixes):
            return wrong_caller(prefixes, meta)
        case Retention(least_days=least):
            return kept_too_short(least, meta)
        case Emotion():
            return EmotionsInferred() if meta.emotion_of_agent else None
        case _:
            return None


def _excused(unless: Mapping[str, int], context: CallContext) -> bool:
    """Whether one of the consents with which the check does not hold is on file."""
    return consent_missing(unless, context.day, context.metadata) is None


def slow_pickup(check: Pickup, history: History, context: CallContext) -> tuple[Heard, LatePickup] | None:
    """The agent's first turn, where it came later than allowed after the called person's greeting, and by how much.
    Nothing when the agent spoke first, or may have in words that were lost, or where times are not known."""
    turns = sorted(history.heard, key=lambda heard: heard.turn.start_ms)
    if context.segment == "mid" or len(turns) < 2 or history.leg(turns[0]) != "customer":
        return None
    first = next((heard for heard in turns if history.leg(heard) != "customer"), None)
    if first is None or history.leg(first) != "agent" or history.lost_by("any", first.turn.start_ms):
        return None
    greeted_ms = _greeted_ms(turns[: turns.index(first)], check.within_s)
    waited = first.turn.start_ms - greeted_ms
    late = greeted_ms and waited > check.within_s * 1000
    return (first, LatePickup(waited / 1000, check.within_s)) if late else None


def _greeted_ms(turns: list[Heard], within_s: float) -> int:
    """When the greeting was complete: it goes on over pauses in which nobody had to answer yet, as between a firm's
    name and a person's. Who speaks after a longer one, or says no more than `hello?` again, has been kept waiting."""
    ends_ms, said = turns[0].turn.end_ms, _words(turns[0])
    for heard in turns[1:]:
        more = _words(heard)
        if heard.turn.start_ms - ends_ms > within_s * 1000 or (more and more <= said):
            break
        said |= more
        ends_ms = max(ends_ms, heard.turn.end_ms)
    return ends_ms


def _words(heard: Heard) -> set[str]:
    return set(re.findall(r"\w+", heard.turn.text.casefold()))
