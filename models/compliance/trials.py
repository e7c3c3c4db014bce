"""Runs the tests that stand beside each rule."""

import datetime
from collections.abc import Iterable, Sequence

from engine.facts import Leg
from models.compliance.checks import Duty, leg_of
from models.compliance.detectors import Detectors, Hit, load_detectors
from models.compliance.hearing import CallContext, JudgedTurn, Verdict
from models.compliance.judge import Judge
from models.compliance.metadata import Metadata
from models.compliance.rules import ANY, LANGUAGES, Case, Rule, Situation, default_direction

_TURN_MS, _GAP_MS = 2_000, 500


def run_trials(rule: Rule, detectors: Detectors | None = None) -> list[str]:
    """What the rule gets wrong of its own tests, one line each."""
    failures: list[str] = []
    for language in (*LANGUAGES, ANY):
        for side, wanted, said in ((rule.tests.fire, True, "must fire"), (rule.tests.quiet, False, "must not fire")):
            failures += [
                f"{rule.id} ({language}) {said}: {case}"
                for case in side.get(language, [])
                if fires(rule, case, language, detectors) is not wanted
            ]
    return failures


def explain(text: str, detectors: Detectors | None = None) -> list[tuple[str, Hit]]:
    """Every act that the words alone perform, with where and by which phrase."""
    detectors = detectors or load_detectors()
    folded = detectors.fold(text)
    found = ((act, detectors[act].find(folded)) for act in detectors)
    return [(act, hit) for act, hit in found if hit]


def context_for(rule: Rule, language: str, case: Case = "") -> CallContext:
    """A call that the rule applies to."""
    metadata: Metadata = case if isinstance(case, Situation) else Metadata(voice=rule.voice)
    campaign = rule.campaigns[0] if rule.campaigns else "care" if "sales" in rule.not_campaigns else "sales"
    direction = default_direction(campaign)
    return CallContext(
        country=rule.countries[0] if rule.countries else "US",
        region=rule.regions[0] if rule.regions else "",
        campaign=campaign,
        direction=direction if direction in rule.directions or not rule.directions else "inbound",
        language=language,
        day=metadata.at.date() if metadata.at else _some_day(rule),
        metadata=metadata,
    )


def _some_day(rule: Rule) -> datetime.date:
    """On which the rule holds: that on which it was verified where it did then, so that what a case has on file may be
    from before."""
    day = rule.verified_on
    began = not rule.valid_from or rule.valid_from <= day
    return day if began and (not rule.valid_until or day < rule.valid_until) else rule.valid_from or day


def hear(rule: Rule, case: Case, language: str, detectors: Detectors | None = None) -> list[Verdict]:
    """Everything that the rule says of a case before the call's end."""
    judge = Judge([rule], context_for(rule, language, case), detectors)
    verdicts: list[Verdict] = []
    for turn in turns_of(rule, case, language):
        verdicts += judge.hear(turn)
    return verdicts


def turns_of(rule: Rule, case: Case, language: str) -> Iterable[JudgedTurn]:
    own = next((leg_of(check) for check in rule.checks if leg_of(check) != "any"), "customer")
    lines = (
        (case.said or ("customer: …",)) if isinstance(case, Situation) else [case] if isinstance(case, str) else case
    )
    for number, line in enumerate(lines):
        if not line:
            continue  # silence is nobody's turn
        who, colon, words = line.partition(": ")
        leg: Leg = "agent" if (who if colon and who in ("agent", "customer") else own) == "agent" else "customer"
        text = words if colon and who in ("agent", "customer") else line
        start = 1_000 + number * (_TURN_MS + _GAP_MS)
        yield JudgedTurn(number, leg, leg, text, start, start + _TURN_MS, language)


def fires(rule: Rule, case: Case, language: str, detectors: Detectors | None = None) -> bool:
    """Whether the rule has an alert for a case, or, when it is a duty, takes it as done."""
    duty = any(isinstance(check, Duty) for check in rule.checks)
    wanted = ("satisfied",) if duty else ("event", "violation")
    return any(verdict.outcome in wanted for verdict in hear(rule, case, language, detectors))


def _lines(case: Case) -> Sequence[str]:
    if isinstance(case, Situation):
        return case.said or ("customer: …",)
    return [case] if isinstance(case, str) else case
