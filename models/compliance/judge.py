"""One call before its rules: a state machine of what was said, by whom, and what is still owed.

Pure: time comes as an argument, in milliseconds of media time. Verdicts depend on the turns, the roles and the holds
alone, so a replay judges as the live call did.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from engine.facts import Leg, Outcome
from models.compliance.checks import Consent, Duty, Order, Pickup, Says, Spoken, is_spoken
from models.compliance.detectors import Detectors, load_detectors
from models.compliance.duties import ROLE_WAIT_MS, DutyWatch
from models.compliance.grounds import ConsentsUnknown, Ground
from models.compliance.hearing import CallContext, JudgedTurn, Verdict
from models.compliance.history import Heard, History, Mark
from models.compliance.metadata import consent_missing
from models.compliance.opening import known_against, slow_pickup
from models.compliance.rules import Rule, select
from models.compliance.states import holds, load_states, reached_ms

_OF_CALL = "!call"
"""Ends the keys of verdicts on what is known of a call: roles do not change them."""
_ONCE = "!once"
"""Ends the keys of verdicts that rest on what both legs said."""
_ONCE_UNDECIDED = f"!undecided{_ONCE}"
"""Likewise, where words of theirs were lost."""


RECORDING_NOTICE = "recording_notice"


class Judge:
    """One per call. Not thread-safe; each method takes about a millisecond."""

    def __init__(self, rules: Sequence[Rule], context: CallContext, detectors: Detectors | None = None) -> None:
        """`rules` may be all there are: those that apply to the call are picked here."""
        self._context = context
        self._rules = select(rules, context)
        self._history = History(detectors or load_detectors(), context.language)
        self._states = load_states()
        self._duties = [
            DutyWatch(rule, check, context, self._history)
            for rule in self._rules
            for check in rule.checks
            if isinstance(check, Duty)
        ]
        self._said: dict[str, Verdict] = {}
        self._taken_back: list[str] = []
        self._lost_ms = inf
        """From where on words were lost since the last tick: what was said behind them is told anew with the next."""
        self._waiting: dict[str, tuple[int, str, Verdict]] = {}
        """Undecided verdicts that wait for a role: key → (due, stream, verdict)."""

    def duties(self) -> list[tuple[str, str]]:
        """(rule, title in the call's language) of what this call owes from its start: nothing where it is heard from
        its middle on."""
        if self._context.segment == "mid":
            return []
        duties = [rule for rule in self._rules if any(isinstance(check, Duty) for check in rule.checks)]
        return [(rule.id, self._history.title(rule)) for rule in duties]

    def notices(self) -> list[tuple[Rule, str]]:
        """Rules that are content with a notice that the call is recorded, each with its title in the call's language:
        one that was played does what they ask."""
        wanted = [
            rule
            for rule in self._rules
            if any(isinstance(check, Duty) and [RECORDING_NOTICE] in check.ways for check in rule.checks)
        ]
        return [(rule, self._history.title(rule)) for rule in wanted]

    def hear(self, turn: JudgedTurn) -> list[Verdict]:
        """A final, once."""
        heard = self._history.add(turn)
        self._taken_back += self._unsaid(heard)
        found = [*self._of_call(heard), *self._of_turn(heard), *self._of_later(turn.start_ms), *self._of_pickup()]
        found += self._of_duties(turn.end_ms)
        return self._emit(found) + self.tick(turn.end_ms)

    def lost(self, stream: str, start_ms: int) -> None:
        """Words were said there that nobody heard: what they may have done or changed is held against nobody."""
        self._history.lost.append((stream, start_ms))
        self._of_later(start_ms)
        self._lost_ms = min(self._lost_ms, start_ms)

    def taken_back(self) -> list[str]:
        """Keys of verdicts that no longer hold since more was heard: their sentence went on, or words that began before
        them ended. Given once."""
        taken, self._taken_back = self._taken_back, []
        return taken

    def settle(self, turn: JudgedTurn) -> list[Verdict]:
        """A turn heard before whose text or entities changed, since its digits were judged."""
        return self._emit([*self._of_turn(self._history.add(turn)), *self._of_duties(turn.end_ms)])

    def tick(self, now_ms: int) -> list[Verdict]:
        """The audio clock went on: deadlines and waits are over where they are."""
        due = [key for key, (at, _, _) in self._waiting.items() if at <= now_ms]
        ripe = [*self._of_lost(), *(self._waiting.pop(key)[2] for key in due)]
        return self._emit([*ripe, *self._of_duties(now_ms, timed=True)])

    def speak(self, language: str) -> None:
        """The call's language is known now: what is told from here on is in it."""
        self._history.language = language

    def held(self, at_ms: int) -> None:
        """The call is on hold: the time in which something has to be said stands still."""
        self._history.holds.begin(at_ms)

    def resumed(self, at_ms: int) -> None:
        self._history.holds.end(at_ms)

    def roles_changed(self, legs: Mapping[str, Leg], now_ms: int) -> tuple[list[Verdict], list[str]]:
        """By stream, all that changed at once. What now holds, and the keys of verdicts that no longer do."""
        self._history.legs |= legs
        self._waiting = {key: wait for key, wait in self._waiting.items() if wait[1] not in legs}
        self._lost_ms = inf
        turns = [heard for heard in self._history.heard if heard.turn.stream in legs]
        now = [verdict for heard in self._history.heard for verdict in self._of_turn(heard)]
        now += self._of_pickup()
        duties = [verdict for watch in self._duties for verdict in watch.judge(now_ms)]
        hold = {verdict.key for verdict in (*now, *duties)}
        owed = {watch.name for watch in self._duties}
        numbers = {heard.turn.turn for heard in turns}
        withdrawn = [
            key
            for key, verdict in self._said.items()
            if key not in hold
            and not key.endswith(_OF_CALL)
            and (key.partition("!")[0] in owed or verdict.turn in numbers or key.endswith(_ONCE))
        ]
        for key in withdrawn:
            del self._said[key]
        return self._emit([*now, *duties]), withdrawn

    def end(self, now_ms: int, *, cut_off: bool = False) -> list[Verdict]:
        """The call is over: what was owed by then is judged, and what waited for a role stays undecided. `cut_off`: it
        may have gone on unheard, so nothing was owed by its end."""
        ripe = [*self._of_lost(), *(verdict for _, _, verdict in self._waiting.values())]
        self._waiting.clear()
        return self._emit([*ripe, *self._of_duties(now_ms, ended=not cut_off)])

    def _unsaid(self, heard: Heard) -> list[str]:
        acts = {check.act for rule in self._rules for check in rule.checks if isinstance(check, Says | Order | Consent)}
        parts = {act: self._history.unsaid(heard, act) for act in acts if act}
        unsaid = {act: [part.turn.turn for part in found] for act, found in parts.items()}
        # Another check of the rule may be met by the same turn: what it tells still holds.
        changed = {part.turn.turn: part for found in parts.values() for part in found}
        held = {verdict.key for part in changed.values() for verdict in self._of_turn(part)}
        taken: list[str] = []
        for rule in self._rules:
            gone: set[int] = set()
            keys: list[str] = []
            for number, check in enumerate(rule.checks):
                turns = unsaid.get(check.act, []) if isinstance(check, Says | Order | Consent) else []
                gone.update(turns)
                if isinstance(check, Says):
                    keys += [_key(rule, turn, check.action) for turn in turns]
                else:
                    once = [f"{rule.id}/{number}{_ONCE}", f"{rule.id}/{number}{_ONCE_UNDECIDED}"]
                    keys += [key for key in once if (told := self._said.get(key)) and told.turn in turns]
            undecided = f"{rule.id}!undecided"
            if (waits := self._waiting.get(undecided)) and waits[2].turn in gone:
                del self._waiting[undecided]
            if (told := self._said.get(undecided)) and told.turn in gone:
                keys.append(undecided)
            taken += [key for key in keys if key not in held and self._said.pop(key, None) is not None]
        return taken

    def _emit(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        fresh: list[Verdict] = []
        for verdict in verdicts:
            if verdict.key not in self._said:
                self._said[verdict.key] = verdict
                fresh.append(verdict)
        return fresh

    def _of_duties(self, now_ms: int, ended: bool = False, timed: bool = False) -> list[Verdict]:
        """What is done, and what is neglected, stands until roles change; what is neglected may be made good. `timed`:
        only those that time alone may decide."""
        found: list[Verdict] = []
        for watch in self._duties:
            neglected = f"{watch.name}!violation" in self._said
            if f"{watch.name}!satisfied" in self._said or (timed and (neglected or not watch.timed)):
                continue
            found += [one for one in watch.judge(now_ms, ended) if one.outcome == "satisfied" or not neglected]
        return found

    def _of_call(self, first: Heard) -> list[Verdict]:
        """What is known of the call, told with its first words: nobody was disturbed by one that nobody took."""
        if len(self._history.heard) > 1:
            return []
        found: list[Verdict] = []
        for rule in self._rules:
            for check in rule.checks:
                if ground := known_against(check, self._context):
                    key = f"{rule.id}{_OF_CALL}"
                    found.append(self._verdict(rule, check.action, "violation", Mark(0, 0, 1.0), first, key, ground))
                    break
        return found

    def _of_pickup(self) -> list[Verdict]:
        found: list[Verdict] = []
        for rule in self._rules:
            for check in rule.checks:
                if isinstance(check, Pickup) and (late := slow_pickup(check, self._history, self._context)):
                    heard, ground = late
                    mark, key = Mark(0, len(heard.turn.text), 1.0), f"{rule.id}{_ONCE}"
                    found.append(self._verdict(rule, check.action, "violation", mark, heard, key, ground))
        return found

    def _of_turn(self, heard: Heard) -> list[Verdict]:
        """Of a rule's checks that ask for the same action the first that is met: who disputes a debt and wants no more
        calls in one breath asks for two things."""
        found: list[Verdict] = []
        for rule in self._rules:
            asked: set[str] = set()
            for number, check in enumerate(rule.checks):
                if not isinstance(check, Spoken) or not is_spoken(check) or check.action in asked:
                    continue
                if verdict := self._check(rule, number, check, heard):
                    asked.add(check.action)
                    found.append(verdict)
        return found

    def _of_lost(self) -> list[Verdict]:
        """As things stand now: what was said there may have gone on since."""
        lost_ms, self._lost_ms = self._lost_ms, inf
        return self._of_later(lost_ms)

    def _of_later(self, start_ms: float) -> list[Verdict]:
        """Turns come as they end. Those that began behind this place and are judged already are judged again by what
        was said before them."""
        later = [one for one in self._history.heard if one.turn.start_ms > start_ms]
        if not later:
            return []
        anew = [verdict for one in later for verdict in self._of_turn(one)] + self._of_pickup()
        hold, turns = {(verdict.key, verdict.turn) for verdict in anew}, {one.turn.turn for one in later}
        for key, verdict in list(self._said.items()):
            if key.endswith(_ONCE) and verdict.turn in turns and (key, verdict.turn) not in hold:
                del self._said[key]
                self._taken_back.append(key)
        return anew

    def _check(self, rule: Rule, number: int, check: Spoken, heard: Heard) -> Verdict | None:
        leg = self._history.leg(heard)
        if check.leg not in ("any", leg) and leg not in ("unknown", "mixed"):
            return None
        name = f"{rule.id}/{number}"
        mark = self._history.mark(heard, check, name)
        if mark is None or (isinstance(check, Order) and not self._out_of_order(check, heard, mark)):
            return None
        if isinstance(check, Order) and check.leg in ("any", leg) and self._may_be_in_order(check, heard):
            return self._verdict(rule, check.action, "undecided", mark, heard, f"{name}{_ONCE_UNDECIDED}")
        outcome, ground = self._outcome(check)
        if check.leg in ("any", leg):
            key = f"{name}{_ONCE}" if isinstance(check, Order | Consent) else _key(rule, heard.turn.turn, check.action)
            return self._verdict(rule, check.action, outcome, mark, heard, key, ground)
        key = f"{rule.id}!undecided"
        self._postpone(self._verdict(rule, check.action, "undecided", mark, heard, key), heard, leg)
        return None

    def _outcome(self, check: Spoken) -> tuple[Outcome, Ground | None]:
        if not isinstance(check, Consent):
            return check.outcome, None
        missing = consent_missing(check.purposes, self._context.day, self._context.metadata)
        if missing is None:
            return "satisfied", None
        return "undecided" if isinstance(missing, ConsentsUnknown) else "violation", missing

    def _out_of_order(self, check: Order, heard: Heard, mark: Mark) -> bool:
        """An excerpt may have reached the state before it begins. Who is talked over has heard no more than was said
        by then."""
        if check.until:
            opening = self._context.segment != "mid"
            return opening and not holds(self._states[check.until], self._history, heard)
        by_ms = reached_ms(self._states[check.since], self._history, heard)
        return by_ms is not None and by_ms <= self._history.said_ms(heard, mark)[0]

    def _may_be_in_order(self, check: Order, heard: Heard) -> bool:
        """Whether words that nobody heard may have reached the state in time, or lost it."""
        changes = check.until or self._states[check.since].lost
        return bool(changes) and self._history.lost_by("any", heard.turn.start_ms)

    def _postpone(self, verdict: Verdict, heard: Heard, leg: Leg) -> None:
        wait = 0 if leg == "mixed" else ROLE_WAIT_MS
        if verdict.key not in self._said:
            self._waiting.setdefault(verdict.key, (heard.turn.end_ms + wait, heard.turn.stream, verdict))

    def _verdict(
        self,
        rule: Rule,
        action: str,
        outcome: Outcome,
        mark: Mark,
        heard: Heard,
        key: str,
        ground: Ground | None = None,
    ) -> Verdict:
        return self._history.verdict(rule, outcome, action, mark, heard, key, ground)


def _key(rule: Rule, turn: int, action: str) -> str:
    """Of what was said in a turn."""
    return f"{rule.id}!{turn}!{action}"
