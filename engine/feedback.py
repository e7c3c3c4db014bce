"""What people say of what the engine made: used, dismissed, wrong, edited. Pure.

A judgement is itself a fact of the call and sealed with it; what is counted beside it names rules, articles and
dispositions, and never a word that was said.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from engine.facts import CallEvent, Fact, Insight, Suggestion
from engine.ports.desk import Person

Kind = Literal["alert", "card", "disposition", "summary", "follow_ups", "quality"]
Verdict = Literal["shown", "accepted", "dismissed", "wrong", "right", "edited", "open"]
"""`shown` is the engine's own: what there was to be judged. The rest are people's; the newest of one call about one
thing counts. `open` takes back what was said of it before, and judges nobody."""


class Judgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of feedback: what the fact `seq` says about the fact `of`."""

    kind: Kind
    subject: str
    """Rule, article, disposition, or form and item."""
    verdict: Verdict
    seq: int
    of: int
    version: str = ""
    """Of the rule or form."""
    by: str = ""
    """User id; empty for `shown`."""
    role: str = ""


def judgements_of(fact: Fact) -> Iterator[Judgement]:
    match fact:
        case Insight(kind="compliance", outcome="violation" | "event"):
            yield Judgement("alert", fact.rule, "shown", fact.seq, fact.seq, fact.rule_version)
        case Suggestion():
            yield Judgement("card", fact.article, "shown", fact.seq, fact.seq)
        case CallEvent(name="card.accepted" | "card.dismissed" | "card.wrong") if fact.data.get("article"):
            yield _judged(fact, "card", fact.data["article"], _CARDS[fact.name])
        case CallEvent(name="alert.judged"):
            yield _judged(fact, "alert", fact.data["rule"], fact.data["verdict"], fact.data.get("version", ""))
        case CallEvent(name="qa.reviewed"):
            subject = f"{fact.data['form']}/{fact.data['item']}"
            yield _judged(fact, "quality", subject, _reviewed(fact), str(fact.data["version"]))
        case CallEvent(name="wrap_up.confirmed"):
            yield from _confirmed(fact)


def engine_said(review: CallEvent) -> str:
    """The engine's answer to a reviewed item; of a review without it, what had been answered before."""
    said: str = review.data.get("engine", review.data["before"])
    return said


def _reviewed(review: CallEvent) -> Verdict:
    said, after = engine_said(review), review.data["after"]
    if "open" in (said, after):
        return "open"
    return "accepted" if said == after else "edited"


_CARDS: dict[str, Verdict] = {"card.accepted": "accepted", "card.dismissed": "dismissed", "card.wrong": "wrong"}


def _confirmed(fact: CallEvent) -> Iterator[Judgement]:
    """A wrap-up that a person confirmed, part by part: `proposed` names the disposition that was offered. Where there
    was no proposal, nothing is judged."""
    if not fact.data.get("of"):
        return
    edited = set(fact.data["edited"])
    parts: tuple[tuple[Kind, str], ...] = (
        ("disposition", fact.data["proposed"]),
        ("summary", fact.data["campaign"]),
        ("follow_ups", fact.data["campaign"]),
    )
    for kind, subject in parts:
        if subject:
            yield _judged(fact, kind, subject, "edited" if kind in edited else "accepted")


def _judged(fact: CallEvent, kind: Kind, subject: str, verdict: Verdict, version: str = "") -> Judgement:
    data: dict[str, Any] = fact.data
    return Judgement(
        kind, subject, verdict, fact.seq, data.get("of", 0), version, data.get("by", ""), data.get("role", "")
    )


def alert_judged(alert: Insight, person: Person, verdict: str, reason: str) -> dict[str, Any]:
    """What `alert.judged` says. `reason` is masked."""
    return {
        "of": alert.seq,
        "rule": alert.rule,
        "version": alert.rule_version,
        "outcome": alert.outcome or "",
        "severity": alert.severity,
        "at_ms": alert.end_ms,
        "verdict": verdict,
        "reason": reason,
        "by": person.user_id,
        "role": person.role,
    }


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """How people judged one thing."""

    kind: str
    subject: str
    version: str = ""
    """Of the rule or form."""
    shown: int = 0
    accepted: int = 0
    dismissed: int = 0
    wrong: int = 0
    right: int = 0
    edited: int = 0
    precision: float | None = None
    """Share that people found right, of what they judged; None when nobody has."""


def tally(kind: str, subject: str, counts: dict[str, int], version: str = "") -> Tally:
    good = counts.get("accepted", 0) + counts.get("right", 0)
    bad = counts.get("dismissed", 0) + counts.get("wrong", 0) + counts.get("edited", 0)
    precision = round(good / (good + bad), 4) if good + bad else None
    return Tally(kind, subject, version, precision=precision, **{name: counts.get(name, 0) for name in _COUNTED})


_COUNTED = ("shown", "accepted", "dismissed", "wrong", "right", "edited")
