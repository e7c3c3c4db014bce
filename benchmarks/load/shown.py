"""What agents' screens show of a call, leg by leg, as its facts and drafts come. Pure."""

from collections.abc import Iterator

from benchmarks.load.streams import Update
from engine.facts import CallEvent, Draft, Transcript
from pipelines.scorecard import Seen


class Screen:
    """All calls of all desks. `show` in order of time."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}
        self._by_dialog: dict[str, str] = {}

    def show(self, seen: Seen) -> None:
        what = seen.what
        call = self._calls.setdefault(what.call_id, _Call())
        match what:
            case Draft():
                call.draft(what, seen.at)
            case Transcript():
                call.final(what, seen.at)
            case CallEvent(name="text.settled"):
                call.settled(what.data["turn"], what.data["text"], seen.at)
            case CallEvent(name="call.answered"):
                self._by_dialog[what.data["correlation"]["call-id"]] = what.call_id
            case _:
                pass

    def updates(self, dialog_id: str, since_ms: float) -> dict[str, list[Update]]:
        """By leg, of the call with this SIP Call-ID; its first frame was sent at `since_ms` of the monotonic clock.
        Nothing for a call that never came onto a screen."""
        call = self._calls.get(self._by_dialog.get(dialog_id, ""), _Call())
        return {leg: list(one.updates(since_ms)) for leg, one in call.legs.items()}


class _Call:
    def __init__(self) -> None:
        self.legs: dict[str, _Leg] = {}
        self._leg_of: dict[int, str] = {}

    def draft(self, draft: Draft, at: float) -> None:
        leg = self._leg(draft.leg)
        leg.drafts[draft.segment] = draft
        leg.note(at)

    def final(self, final: Transcript, at: float) -> None:
        leg = self._leg(final.leg)
        self._leg_of[final.turn] = final.leg
        leg.finals[final.turn] = (final.start_ms, final.text)
        # it stands for all drafts of its span
        leg.drafts = {
            segment: draft
            for segment, draft in leg.drafts.items()
            if not final.start_ms <= draft.start_ms <= final.end_ms
        }
        leg.note(at)

    def settled(self, turn: int, text: str, at: float) -> None:
        leg = self._leg(self._leg_of[turn])
        leg.finals[turn] = (leg.finals[turn][0], text)
        leg.note(at)

    def _leg(self, name: str) -> "_Leg":
        return self.legs.setdefault(name, _Leg())


class _Leg:
    def __init__(self) -> None:
        self.drafts: dict[int, Draft] = {}
        self.finals: dict[int, tuple[int, str]] = {}
        """Turn → where it starts, and its text."""
        self._states: list[tuple[float, str, str]] = []

    def note(self, at: float) -> None:
        committed = " ".join(text for _, text in sorted(self.finals.values()))
        drafts = sorted(self.drafts.values(), key=lambda draft: draft.start_ms)
        self._states.append((at, committed, " ".join(draft.text for draft in drafts if draft.text)))

    def updates(self, since_ms: float) -> Iterator[Update]:
        for at, committed, partial in self._states:
            yield Update((at - since_ms) / 1000, committed, partial)
