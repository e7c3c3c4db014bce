"""Says in plain words what a rule looks for, and why it did or did not speak."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from models.compliance.checks import Check, acts_of, leg_of
from models.compliance.detectors import Detectors, load_detectors
from models.compliance.hearing import CallContext, JudgedTurn, Verdict
from models.compliance.judge import Judge
from models.compliance.opening import known_against
from models.compliance.rules import Rule


def describe(rule: Rule) -> Iterator[str]:
    """What the rule is and rests on, a line each."""
    where = ", ".join(rule.countries) or "everywhere"
    where += f" ({', '.join(rule.regions)})" if rule.regions else ""
    yield f"{rule.id}, version {rule.version}, {rule.severity}: {rule.title['en']}"
    yield f"  source      {rule.citation} <{rule.source}>, verified on {rule.verified_on}"
    yield f"  holds       {where}, from {rule.valid_from or 'always'} until {rule.valid_until or 'further notice'}"
    yield f"  campaigns   {', '.join(rule.campaigns) or 'all'}{''.join(f', not {one}' for one in rule.not_campaigns)}"
    if rule.directions:
        yield f"  direction   {', '.join(rule.directions)}"
    if rule.note:
        yield f"  note        {rule.note}"
    for check in rule.checks:
        kind, *rest = [f"{name} {value}" for name, value in _filled(check)]
        yield f"  check       {kind.removeprefix('kind ')}: {'; '.join(rest)}"


def _filled(check: Check) -> Iterator[tuple[str, object]]:
    for name, value in msgspec.to_builtins(check).items():
        if value not in ("", [], {}, 0, False):
            yield name, value


Chances = Mapping[str, tuple[float, float]]
"""What the turn encoder says: by act its probability, and from which on the act holds."""


def account(rule: Rule, text: str, chances: Chances | None = None, detectors: Detectors | None = None) -> Iterator[str]:
    """What the words of one sentence are to each act that the rule asks for, by phrases and by the turn encoder."""
    detectors = detectors or load_detectors()
    folded = detectors.fold(text)
    for act, leg in dict.fromkeys((act, leg_of(check)) for check in rule.checks for act in acts_of(check)):
        found = list(detectors[act].trace(folded))
        if not found:
            yield f"  {act} ({leg}): no phrase matches"
        for hit, guard in found:
            words = text[hit.start : hit.end]
            excused = f"excused by {guard!r}" if guard else "meant"
            yield f"  {act} ({leg}): {words!r} by {hit.by!r}: {excused}"
        if chances and act in chances:
            chance, least = chances[act]
            verdict = "meant" if chance >= least else "not meant"
            yield f"  {act} ({leg}): turn encoder {chance:.2f}, bar {least:.2f}: {verdict}"


def account_of_call(
    rules: Sequence[Rule],
    context: CallContext,
    turns: Sequence[JudgedTurn],
    end_ms: int,
    detectors: Detectors | None = None,
) -> Iterator[str]:
    """Rule by rule: why it does not hold for the call, what it said and of which words, or what kept it silent; in
    English, whatever the call's language."""
    context = msgspec.structs.replace(context, language="en")
    for rule in rules:
        if why := rule.not_here(context):
            yield f"{rule.id}: does not apply ({why})"
            continue
        verdicts = _judged(rule, context, turns, end_ms, detectors)
        for verdict in verdicts:
            because = f" because {verdict.because}" if verdict.because else ""
            yield f"{rule.id}: {verdict.outcome} on turn {verdict.turn} ({verdict.leg}){because}: {verdict.quote!r}"
        if not verdicts:
            yield f"{rule.id}: silent"
            yield from _silence(rule, context, turns, detectors or load_detectors())


def _judged(
    rule: Rule, context: CallContext, turns: Sequence[JudgedTurn], end_ms: int, detectors: Detectors | None
) -> list[Verdict]:
    judge = Judge([rule], context, detectors)
    verdicts: dict[str, Verdict] = {}
    for turn in turns:
        said = [*judge.tick(turn.start_ms), *judge.hear(turn)]
        for key in judge.taken_back():
            verdicts.pop(key, None)
        verdicts |= {verdict.key: verdict for verdict in said}
    verdicts |= {verdict.key: verdict for verdict in judge.end(end_ms)}
    return list(verdicts.values())


def _silence(rule: Rule, context: CallContext, turns: Sequence[JudgedTurn], detectors: Detectors) -> Iterator[str]:
    """Near misses: acts that somebody else performed, and phrases that a guard excused."""
    for check in rule.checks:
        if known_against(check, context):
            yield "  what is known of the call speaks against it, but nobody spoke"
        for act in acts_of(check):
            for turn in turns:
                for hit, guard in detectors[act].trace(detectors.fold(turn.text)):
                    words = turn.text[hit.start : hit.end]
                    why = f"excused by {guard!r}" if guard else f"said by {turn.leg}, the rule is about {leg_of(check)}"
                    if guard or leg_of(check) not in ("any", turn.leg):
                        yield f"  turn {turn.turn}: {act} in {words!r}, {why}"
