"""The rules on one call: verdicts become alerts, and alerts that no longer hold are withdrawn."""

from collections.abc import Iterable, Sequence

from engine.facts import CallEvent, Evidence, Fact
from engine.ports.intake import RoleDecision
from models.compliance import Judge, Verdict
from models.privacy import Judged
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.turn import Turn, Turns


class ComplianceWatch:
    """Each method gives facts in order of `seq`."""

    def __init__(self, judge: Judge, ledger: Ledger, roster: Roster, turns: Turns) -> None:
        self._judge = judge
        self._ledger = ledger
        self._roster = roster
        self._turns = turns
        self._alerts: dict[str, list[int]] = {}
        """`seq` of the facts made of a verdict, by the verdict's key."""
        self._done: set[str] = set()
        """Rules whose duty was done by a notice that was played."""

    def hear(self, turn: Turn, judged: Judged) -> list[Fact]:
        """A turn as read, and earlier ones of which it settled the digits."""
        verdicts = list(self._judge.hear(turn.judged(self._roster.leg_of(turn.utterance))))
        taken_back = self._withdraw(self._judge.taken_back(), turn.utterance.end_ms, "went_on")
        for number in sorted(_touched(judged) - {turn.turn}):
            verdicts += self._settle(number)
        return taken_back + self._alerts_of(verdicts)

    def settle(self, judged: Judged) -> list[Fact]:
        """Turns whose digits were judged without a new turn: by the clock or at the end."""
        facts: list[Fact] = []
        for number in sorted(_touched(judged)):
            facts += self._alerts_of(self._settle(number))
        return facts

    def noticed(self, played: CallEvent) -> list[Fact]:
        """The far end was played that the call is recorded: duties that ask for no more are done, whatever is said."""
        rules = [(rule, title) for rule, title in self._judge.notices() if rule.id not in self._done]
        self._done.update(rule.id for rule, _ in rules)
        evidence = Evidence(turn=played.seq, leg="customer", quote=played.name, start=0, end=0, end_ms=played.start_ms)
        return [
            self._ledger.insight(
                "compliance",
                played.seq,
                stream=played.stream,
                start_ms=played.start_ms,
                end_ms=played.end_ms,
                value=title,
                score=1.0,
                evidence=(evidence,),
                rule=rule.id,
                rule_version=rule.version,
                outcome="satisfied",
                severity=rule.severity,
                source=rule.source,
            )
            for rule, title in rules
        ]

    def lost(self, stream: str, start_ms: int) -> None:
        """Words were said there that nobody heard. What changes by that is told with the next tick."""
        self._judge.lost(stream, start_ms)

    def tick(self, now_ms: int) -> list[Fact]:
        verdicts = self._judge.tick(now_ms)
        return self._withdraw(self._judge.taken_back(), now_ms, "went_on") + self._alerts_of(verdicts)

    def speak(self, language: str) -> None:
        """The call's language is known now: alerts are titled in it."""
        self._judge.speak(language)

    def held(self, at_ms: int) -> None:
        self._judge.held(at_ms)

    def resumed(self, at_ms: int) -> None:
        self._judge.resumed(at_ms)

    def end(self, now_ms: int, *, cut_off: bool = False) -> list[Fact]:
        """Duties that never came are said, unless the call was cut off."""
        verdicts = self._judge.end(now_ms, cut_off=cut_off)
        return self._withdraw(self._judge.taken_back(), now_ms, "went_on") + self._alerts_of(verdicts)

    def roles_changed(self, decisions: Sequence[RoleDecision], now_ms: int) -> list[Fact]:
        """What was said is judged anew by all of them at once: between two of them nobody was who they are."""
        legs = {decision.stream: decision.role for decision in decisions}
        verdicts, withdrawn = self._judge.roles_changed(legs, now_ms)
        return self._withdraw(withdrawn, now_ms, "role_changed") + self._alerts_of(verdicts)

    def duties(self) -> list[dict[str, str]]:
        """What the call owes from its start, for the desk's checklist."""
        return [{"rule": rule, "title": title} for rule, title in self._judge.duties()]

    def _settle(self, number: int) -> list[Verdict]:
        turn = self._turns.get(number)
        return list(self._judge.settle(turn.judged(self._roster.leg_of(turn.utterance)))) if turn else []

    def _alerts_of(self, verdicts: Iterable[Verdict]) -> list[Fact]:
        facts: list[Fact] = []
        for verdict in verdicts:
            if verdict.rule in self._done and verdict.outcome != "event":
                continue
            alert = self._alert(verdict)
            self._alerts.setdefault(verdict.key, []).append(alert.seq)
            facts.append(alert)
            if verdict.action == "dnc.requested" and verdict.outcome == "event":
                data = {"rule": verdict.rule, "of": alert.seq}
                facts.append(self._ledger.event("dnc.requested", verdict.end_ms, data, leg=verdict.leg))
        return facts

    def _alert(self, verdict: Verdict) -> Fact:
        turn = self._turns.get(verdict.turn)
        return self._ledger.insight(
            "compliance",
            verdict.turn,
            stream=turn.utterance.stream if turn else "",
            leg=verdict.leg,
            start_ms=verdict.start_ms,
            end_ms=verdict.end_ms,
            value=verdict.title,
            score=round(verdict.score, 4),
            evidence=(_evidence(verdict),),
            rule=verdict.rule,
            rule_version=verdict.version,
            outcome=verdict.outcome,
            severity=verdict.severity,
            action=verdict.action,
            source=verdict.source,
            start=verdict.start,
            end=verdict.end,
            because=verdict.because,
            measured=self._ledger.measured_turn(turn) if turn else None,
        )

    def _withdraw(self, keys: Iterable[str], now_ms: int, reason: str) -> list[Fact]:
        taken = [seqs for key in keys if (seqs := self._alerts.pop(key, None))]
        return [self._ledger.event("withdrawn", now_ms, {"of": seqs, "reason": reason}) for seqs in taken]


def _touched(judged: Judged) -> set[int]:
    """Turns whose text or entities are other than before."""
    return {text.turn for text in judged.texts} | {entity.turn for entity in judged.entities}


def _evidence(verdict: Verdict) -> Evidence:
    return Evidence(
        turn=verdict.turn,
        leg=verdict.leg,
        quote=verdict.quote,
        start=verdict.start,
        end=verdict.end,
        start_ms=verdict.start_ms,
        end_ms=verdict.end_ms,
    )
