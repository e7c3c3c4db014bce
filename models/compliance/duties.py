"""What has to be said in time: a duty's watch over one call."""

from collections.abc import Callable
from math import inf

from engine.facts import Outcome
from models.compliance.checks import CheckLeg, Duty
from models.compliance.hearing import CallContext, Verdict
from models.compliance.history import Heard, History, Mark
from models.compliance.rules import Rule
from models.compliance.states import held_since, holds, load_states

GRACE_MS = 15_000
"""How long after the deadline words spoken before it may still arrive: the longest utterance plus its transcription."""
ROLE_WAIT_MS = 5_000
"""How long a rule bound to a role waits for the stream's role before it says `undecided`."""
_SUBSTANCE = 2


class DutyWatch:
    """Judges one duty from the history alone: the same turns and roles give the same verdict, whenever it is asked."""

    def __init__(self, rule: Rule, duty: Duty, context: CallContext, history: History) -> None:
        self._rule = rule
        self._duty = duty
        self._context = context
        self._history = history
        self.name = f"{rule.id}/{rule.checks.index(duty)}"
        self.timed = bool(duty.within_s)

    def judge(self, now_ms: int, ended: bool = False) -> list[Verdict]:
        """`satisfied`, `violation` or `undecided` as things stand, and `satisfied` behind what was done after all;
        nothing while it is still owed."""
        mine = self._turns(lambda leg: leg == self._duty.leg)
        maybe = self._turns(lambda leg: leg in (self._duty.leg, "unknown", "mixed"))
        sure = self._outcome(mine, now_ms, ended)
        if sure and (sure[0] == "satisfied" or len(maybe) == len(mine)):
            late = self._done(mine) if sure[0] != "satisfied" else None
            return [self._verdict(*sure), *([self._verdict("satisfied", *late)] if late else [])]
        guess = self._outcome(maybe, now_ms, ended) if len(maybe) > len(mine) else None
        if guess and (ended or now_ms >= guess[2].turn.end_ms + self._patience(guess[2])):
            return [self._verdict("undecided", guess[1], guess[2])]
        return []

    def _patience(self, heard: Heard) -> int:
        return ROLE_WAIT_MS if self._history.leg(heard) == "unknown" else 0

    def _turns(self, wanted: Callable[[str], bool]) -> list[Heard]:
        mine = [heard for heard in self._history.heard if wanted(self._history.leg(heard))]
        return sorted(mine, key=lambda heard: heard.turn.start_ms)

    def _outcome(self, turns: list[Heard], now_ms: int, ended: bool) -> tuple[Outcome, Mark, Heard] | None:
        if not turns or not self._owed(turns):
            return None
        excerpt = self._context.segment == "mid"
        since_ms = self._since_ms(turns)
        deadline = inf if excerpt or since_ms is None else self._deadline(since_ms, now_ms)
        due = [heard for heard in turns if heard.turn.start_ms < deadline]
        filled: dict[str, tuple[Mark, Heard]] = {}
        for heard in due:
            self._fill(filled, heard)
            if done := self._complete(filled):
                return "satisfied", *done
            if self._duty.before and not excerpt and (mark := self._history.meant(heard, self._duty.before)):
                return self._neglected(heard.turn.start_ms), mark, heard
        if excerpt or self._duty.elsewhere or since_ms is None:
            return None
        late = len(turns) > len(due) or now_ms >= deadline + GRACE_MS
        if (late or (ended and self._substance(turns))) and not self._let_off(turns[-1]):
            last = due[-1]
            return self._neglected(deadline), Mark(0, len(last.turn.text), 1.0), last
        return None

    def _neglected(self, by_ms: float) -> Outcome:
        """Of what was not heard: nobody knows whether it was said where words that began until then were lost, nor, of
        what is owed in a state alone, whether anybody's changed that."""
        whose: CheckLeg = "any" if self._duty.once or self._duty.unless else self._duty.leg
        return "undecided" if self._history.lost_by(whose, by_ms) else "violation"

    def _since_ms(self, turns: list[Heard]) -> int | None:
        """From when its seconds run; nothing before the call is in a state that makes it owed."""
        spoke_ms = turns[0].turn.start_ms
        if not self._duty.once:
            return spoke_ms
        found = (held_since(load_states()[name], self._history, turns[-1], sure=True) for name in self._duty.once)
        reached = [heard.turn.start_ms for heard in found if heard]
        return max(spoke_ms, min(reached)) if reached else None

    def _deadline(self, spoke_ms: int, now_ms: int) -> float:
        """By when it has to be done; infinite where no seconds are set, and while the other side has said nothing,
        where it is known to have a stream of its own: it rings, or the line is silent, and nobody can be told."""
        if not self._duty.within_s:
            return inf
        other = "customer" if self._duty.leg == "agent" else "agent"
        if other in self._history.legs.values():
            words = [heard.turn.start_ms for heard in self._history.heard if self._history.leg(heard) == other]
            if not words:
                return inf
            spoke_ms = max(spoke_ms, min(words))
        return self._history.holds.put_off(spoke_ms + self._duty.within_s * 1000, spoke_ms, now_ms)

    def _owed(self, turns: list[Heard]) -> bool:
        when = self._duty.when
        return not when or any(self._history.meant(heard, when) for heard in turns)

    def _let_off(self, last: Heard) -> bool:
        state = self._duty.unless
        return bool(state) and holds(load_states()[state], self._history, last)

    def _fill(self, filled: dict[str, tuple[Mark, Heard]], heard: Heard) -> None:
        for act in {act for way in self._duty.ways for act in way} - filled.keys():
            if mark := self._history.find(heard, act):
                filled[act] = mark, heard

    def _done(self, turns: list[Heard]) -> tuple[Mark, Heard] | None:
        filled: dict[str, tuple[Mark, Heard]] = {}
        for heard in turns:
            self._fill(filled, heard)
            if done := self._complete(filled):
                return done
        return None

    def _complete(self, filled: dict[str, tuple[Mark, Heard]]) -> tuple[Mark, Heard] | None:
        for way in self._duty.ways:
            if all(act in filled for act in way):
                last = max((filled[act][1] for act in way), key=lambda heard: heard.turn.start_ms)
                marks = [filled[act][0] for act in way if filled[act][1] is last]
                start, end = min(mark.start for mark in marks), max(mark.end for mark in marks)
                return Mark(start, end, min(filled[act][0].score for act in way)), last
        return None

    def _substance(self, turns: list[Heard]) -> bool:
        """Whether there was a conversation: a call that nobody took or that broke off at once owes nothing."""
        others = {heard.turn.stream for heard in self._history.heard} - {heard.turn.stream for heard in turns}
        return len(turns) >= _SUBSTANCE and bool(others or len({heard.turn.stream for heard in turns}) > 1)

    def _verdict(self, outcome: Outcome, mark: Mark, heard: Heard) -> Verdict:
        action = self._duty.action if outcome == "violation" else ""
        key = f"{self.name}!{outcome}"
        return self._history.verdict(self._rule, outcome, action, mark, heard, key)
