"""What a call left, as it stands: its wrap-up and its score, and what people made of them since. Pure."""

from collections.abc import Iterable
from typing import Any

import msgspec

from engine.facts import CallEvent, Fact
from engine.quality import Answer, QualityScore


class FollowUp(msgspec.Struct, frozen=True, omit_defaults=True):
    text: str
    due: str = ""
    """ISO 8601 date, or empty."""


class Ending(msgspec.Struct, frozen=True):
    """A way in which a call of the campaign may end."""

    code: str
    title: str


class WrapUpState(msgspec.Struct, frozen=True, omit_defaults=True):
    summary: str = ""
    disposition: str = ""
    follow_ups: tuple[FollowUp, ...] = ()
    confirmed: bool = False
    by: str = ""
    """User id of who confirmed it last."""
    proposal: int = 0
    """`seq` of the proposal; 0 where there is none: its engine was killed, and the next one has made none yet."""
    proposed: dict[str, Any] = {}
    """The proposal's data, whole."""
    choices: tuple[Ending, ...] = ()
    """Where there is no proposal: what may be confirmed."""

    @property
    def codes(self) -> frozenset[str]:
        """Dispositions that the campaign has."""
        proposed = (choice["code"] for choice in self.proposed.get("choices", ()))
        return frozenset((*proposed, *(one.code for one in self.choices)))

    def edited(self, summary: str, disposition: str, follow_ups: tuple[FollowUp, ...]) -> list[str]:
        """Parts that differ from the proposal, where there is one."""
        if not self.proposal:
            return []
        proposed = _proposed(self.proposal, self.proposed)
        parts = {
            "summary": proposed.summary != summary,
            "disposition": proposed.disposition != disposition,
            "follow_ups": proposed.follow_ups != follow_ups,
        }
        return [name for name, differs in parts.items() if differs]


def wrap_up_of(facts: Iterable[Fact]) -> WrapUpState:
    """Facts in order of `seq`."""
    state = WrapUpState()
    for fact in facts:
        match fact:
            case CallEvent(name="wrap_up.proposed"):
                state = _proposed(fact.seq, fact.data)
            case CallEvent(name="wrap_up.confirmed"):
                state = msgspec.structs.replace(
                    state,
                    summary=fact.data["summary"],
                    disposition=fact.data["disposition"],
                    follow_ups=msgspec.convert(fact.data["follow_ups"], tuple[FollowUp, ...]),
                    confirmed=True,
                    by=fact.data["by"],
                )
    return state


def quality_of(facts: Iterable[Fact]) -> tuple[int, QualityScore] | None:
    """`seq` of the call's own score, and the score as reviewed since; None when the call was not scored."""
    found: tuple[int, QualityScore] | None = None
    for fact in facts:
        match fact:
            case CallEvent(name="qa.scored"):
                found = fact.seq, msgspec.convert(fact.data, QualityScore)
            case CallEvent(name="qa.reviewed") if found:
                found = found[0], msgspec.convert(fact.data["score"], QualityScore)
    return found


def own_answer(facts: Iterable[Fact], item: str) -> Answer:
    """The engine's own answer to an item, whatever people answered since; `open` where it had none."""
    scores = [fact.data for fact in facts if isinstance(fact, CallEvent) and fact.name == "qa.scored"]
    items = msgspec.convert(scores[-1], QualityScore).items if scores else ()
    return next((one.answer for one in items if one.item == item), "open")


def _proposed(seq: int, data: dict[str, Any]) -> WrapUpState:
    return WrapUpState(
        summary=data.get("summary", ""),
        disposition=data.get("disposition", ""),
        follow_ups=msgspec.convert(data.get("follow_ups", ()), tuple[FollowUp, ...]),
        proposal=seq,
        proposed=data,
    )
