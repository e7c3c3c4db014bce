"""One call before its rules: a state machine of what was said, by whom, and what is still owed.

Pure: time comes as an argument, in milliseconds of media time. Verdicts depend on the turns and the roles alone, so a
replay judges as the live call did.
"""

from collections.abc import Iterable, Sequence

from engine.facts import Leg, Outcome
from models.compliance.detectors import Detectors, load_detectors
from models.compliance.duties import ROLE_WAIT_MS, DutyWatch
from models.compliance.hearing import CallContext, JudgedTurn, Verdict
from models.compliance.history import Heard, History, Mark
from models.compliance.rules import Bears, Duty, Rule, Says, select


class Judge:
    """One per call. Not thread-safe; each method takes about a millisecond."""

    def __init__(self, rules: Sequence[Rule], context: CallContext, detectors: Detectors | None = None) -> None:
        """`rules` may be all there are: those that apply to the call are picked here."""
        self._context = context
        self._rules = select(rules, context)
        self._history = History(detectors or load_detectors())
        self._duties = [
            DutyWatch(rule, check, context, self._history)
            for rule in self._rules
            for check in rule.checks
            if isinstance(check, Duty)
        ]
        self._said: dict[str, Verdict] = {}
        self._waiting: dict[str, tuple[int, str, Verdict]] = {}
        """Undecided verdicts that wait for a role: key → (due, stream, verdict)."""

    def duties(self) -> list[tuple[str, str]]:
        """(rule, title in the call's language) of what this call owes from its start."""
        duties = [rule for rule in self._rules if any(isinstance(check, Duty) for check in rule.checks)]
        return [(rule.id, rule.title.get(self._context.language) or rule.title["en"]) for rule in duties]

    def hear(self, turn: JudgedTurn) -> list[Verdict]:
        """A final, once."""
        heard = self._history.add(turn)
        return self._emit([*self._of_turn(heard), *self._of_duties(turn.end_ms)]) + self.tick(turn.end_ms)

    def settle(self, turn: JudgedTurn) -> list[Verdict]:
        """A turn heard before whose text or entities changed, since its digits were judged."""
        return self._emit([*self._of_turn(self._history.add(turn)), *self._of_duties(turn.end_ms)])

    def tick(self, now_ms: int) -> list[Verdict]:
        """The audio clock went on: deadlines and waits are over where they are."""
        due = [key for key, (at, _, _) in self._waiting.items() if at <= now_ms]
        ripe = [self._waiting.pop(key)[2] for key in due]
        return self._emit([*ripe, *self._of_duties(now_ms, timed=True)])

    def roles_changed(self, stream: str, leg: Leg, now_ms: int) -> tuple[list[Verdict], list[str]]:
        """What now holds, and the keys of verdicts that no longer do."""
        self._history.legs[stream] = leg
        self._waiting = {key: wait for key, wait in self._waiting.items() if wait[1] != stream}
        turns = [heard for heard in self._history.heard if heard.turn.stream == stream]
        now = [verdict for heard in turns for verdict in self._of_turn(heard)]
        duties = [verdict for watch in self._duties if (verdict := watch.judge(now_ms))]
        hold = {verdict.key for verdict in (*now, *duties)}
        owed = {watch.name for watch in self._duties}
        numbers = {heard.turn.turn for heard in turns}
        withdrawn = [
            key
            for key, verdict in self._said.items()
            if key not in hold and (key.partition("!")[0] in owed or verdict.turn in numbers)
        ]
        for key in withdrawn:
            del self._said[key]
        return self._emit([*now, *duties]), withdrawn

    def end(self, now_ms: int) -> list[Verdict]:
        """The call is over: what was owed by then is judged, and what waited for a role stays undecided."""
        ripe = [verdict for _, _, verdict in self._waiting.values()]
        self._waiting.clear()
        return self._emit([*ripe, *self._of_duties(now_ms, ended=True)])

    def _emit(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        fresh: list[Verdict] = []
        for verdict in verdicts:
            if verdict.key not in self._said:
                self._said[verdict.key] = verdict
                fresh.append(verdict)
        return fresh

    def _of_duties(self, now_ms: int, ended: bool = False, timed: bool = False) -> list[Verdict]:
        """`timed`: only those that time alone may decide."""
        open_ = [watch for watch in self._duties if not self._judged(watch) and (watch.timed or not timed)]
        return [verdict for watch in open_ if (verdict := watch.judge(now_ms, ended))]

    def _judged(self, watch: DutyWatch) -> bool:
        """`satisfied` or `violation` stands until roles change."""
        return f"{watch.name}!satisfied" in self._said or f"{watch.name}!violation" in self._said

    def _of_turn(self, heard: Heard) -> list[Verdict]:
        found: list[Verdict] = []
        for rule in self._rules:
            for number, check in enumerate(rule.checks):
                if not isinstance(check, Duty) and (verdict := self._check(rule, number, check, heard)):
                    found.append(verdict)
                    break
        return found

    def _check(self, rule: Rule, number: int, check: Says | Bears, heard: Heard) -> Verdict | None:
        leg = self._history.leg(heard)
        if check.leg not in ("any", leg) and leg not in ("unknown", "mixed"):
            return None
        name = f"{rule.id}/{number}"
        mark = self._history.mark(heard, check, name)
        if mark is None:
            return None
        if check.leg in ("any", leg):
            return self._verdict(rule, check, check.outcome, mark, heard, f"{rule.id}!{heard.turn.turn}")
        self._postpone(self._verdict(rule, check, "undecided", mark, heard, f"{rule.id}!undecided"), heard, leg)
        return None

    def _postpone(self, verdict: Verdict, heard: Heard, leg: Leg) -> None:
        wait = 0 if leg == "mixed" else ROLE_WAIT_MS
        if verdict.key not in self._said:
            self._waiting.setdefault(verdict.key, (heard.turn.end_ms + wait, heard.turn.stream, verdict))

    def _verdict(
        self, rule: Rule, check: Says | Bears, outcome: Outcome, mark: Mark, heard: Heard, key: str
    ) -> Verdict:
        return self._history.verdict(rule, outcome, check.action, mark, heard, key, self._context.language)
