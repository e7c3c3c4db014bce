"""Compliance rules as dated, versioned data: loaded, validated, and picked for a call."""

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from engine.facts import Outcome
from models.compliance.detectors import Detectors, load_detectors
from models.compliance.hearing import CallContext, Severity

RULES = Path(__file__).parent / "data" / "rules"
LANGUAGES = ("es", "pt", "en")
CheckLeg = Literal["agent", "customer", "any"]
"""`agent` is also the leg on which an IVR or announcement is heard."""


class Says(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="says"):
    """Somebody performs a speech act: an event or a violation at once."""

    leg: CheckLeg
    act: str
    outcome: Outcome
    action: str


class Bears(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="entity"):
    """Private data of a type are spoken, found by the privacy stage or visible as its mask."""

    leg: CheckLeg
    entity: str
    outcome: Outcome
    action: str


class Duty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="duty"):
    """Something has to be said in time: satisfied when it is, a violation when it was not."""

    leg: CheckLeg
    ways: list[list[str]]
    """Any one of the lists does; of a list every act is needed, in any order, over any number of turns."""
    action: str
    """What to do when it was not done."""
    within_s: int = 0
    """Counted from the leg's first words; what begins before it ends is in time. 0: by the end of the call."""
    before: str = ""
    """An act of the same leg that must not come first."""


Check = Says | Bears | Duty
Dialogue = list[str]
"""Turns as `agent: …` or `customer: …`, 2.5 s apart."""


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must and must not make the rule speak, by language. A plain string is said by the first check's leg."""

    fire: dict[str, list[str | Dialogue]]
    """Makes an event or a violation; for a duty, satisfies it."""
    quiet: dict[str, list[str | Dialogue]]
    """Makes none; for a duty, does not satisfy it."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    """As in the list of rules in the README."""
    version: str
    title: dict[str, str]
    countries: list[str]
    """ISO 3166-1 alpha-2; empty: everywhere."""
    source: str
    citation: str
    verified_on: datetime.date
    severity: Severity
    checks: list[Check]
    tests: Trial
    valid_from: datetime.date | None = None
    """First day on which it holds; left out where nothing tells it: then it has always held."""
    valid_until: datetime.date | None = None
    """First day on which it no longer holds."""
    regions: list[str] = []
    """Only in these states or provinces; empty: all of the country."""
    campaigns: list[str] = []
    not_campaigns: list[str] = []
    directions: list[str] = []
    note: str = ""
    pack: str = ""
    """Set at load: stem of the file."""

    def applies(self, context: CallContext) -> bool:
        region = context.region.upper().removeprefix(f"{context.country.upper()}-")
        return (
            (not self.countries or context.country.upper() in self.countries)
            and (not self.regions or region in self.regions)
            and (not self.campaigns or context.campaign in self.campaigns)
            and context.campaign not in self.not_campaigns
            and (not self.directions or context.direction in self.directions)
            and (self.valid_from is None or self.valid_from <= context.day)
            and (self.valid_until is None or context.day < self.valid_until)
        )


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: list[Rule]


def load_rules(paths: Sequence[Path] = (RULES,)) -> tuple[Rule, ...]:
    """Rules of files and folders, in order. A rule of a later path replaces one of the same id and first day, so that a
    site can change a list of states or a window. Raises `ValueError` that says where and what."""
    known: dict[tuple[str, datetime.date | None], Rule] = {}
    for path in _files(paths):
        try:
            file = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), RuleFile)
        except (msgspec.ValidationError, yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise ValueError(f"{path.name}: {error}") from error
        for rule in file.rules:
            known[rule.id, rule.valid_from] = msgspec.structs.replace(rule, pack=path.stem)
    return tuple(known.values())


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return found


def select(rules: Iterable[Rule], context: CallContext) -> tuple[Rule, ...]:
    """The rules in force for a call. Packs that no file has are ignored; a call that names none gets all."""
    rules = tuple(rules)
    packs = {rule.pack for rule in rules} & set(context.rule_packs)
    return tuple(rule for rule in rules if (not packs or rule.pack in packs) and rule.applies(context))


def default_direction(campaign: str) -> Literal["inbound", "outbound"]:
    """Where nothing says who called: sales and collections call out, everybody else is called."""
    return "outbound" if campaign in ("sales", "collections") else "inbound"


def check_rules(paths: Sequence[Path] = (RULES,), detectors: Detectors | None = None) -> list[str]:
    """Everything wrong with rule files, one line a problem; empty when they are good. Runs no rule's tests."""
    detectors = detectors or load_detectors()
    problems: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for path in _files(paths):
        try:
            rules = load_rules([path])
        except ValueError as error:
            problems.append(str(error))
            continue
        for rule in rules:
            where = f"{path.name}: {rule.id}"
            problems += [f"{where}: {what}" for what in _faults(rule, detectors)]
            if (other := seen.setdefault((rule.id, rule.version), path.name)) != path.name:
                problems.append(f"{where}: version {rule.version} is also in {other}")
    return problems


def _faults(rule: Rule, detectors: Detectors) -> Iterable[str]:
    if not rule.checks:
        yield "has no checks"
    if missing := [language for language in LANGUAGES if not rule.title.get(language)]:
        yield f"title is missing in {', '.join(missing)}"
    for side in ("fire", "quiet"):
        if missing := [language for language in LANGUAGES if not getattr(rule.tests, side).get(language)]:
            yield f"tests.{side} is missing in {', '.join(missing)}"
    if rule.valid_from and rule.valid_until and rule.valid_until <= rule.valid_from:
        yield f"valid_until {rule.valid_until} is not after valid_from {rule.valid_from}"
    if not rule.source.startswith(("https://", "http://")):
        yield "source is no web address"
    for check in rule.checks:
        for act in _acts(check):
            if act not in detectors:
                yield f"no act {act}"


def _acts(check: Check) -> list[str]:
    if isinstance(check, Says):
        return [check.act]
    if isinstance(check, Duty):
        return [act for way in check.ways for act in way] + ([check.before] if check.before else [])
    return []


def render_table(rules: Iterable[Rule]) -> str:
    """Markdown table of rules for the README."""
    lines = ["| rule | where | campaigns | what is checked | severity | verified |", "|---|---|---|---|---|---|"]
    for rule in rules:
        where = ", ".join(rule.countries) or "everywhere"
        where += f" ({', '.join(rule.regions)})" if rule.regions else ""
        campaigns = ", ".join(rule.campaigns) or (
            "all but " + ", ".join(rule.not_campaigns) if rule.not_campaigns else "all"
        )
        campaigns += f", {'/'.join(rule.directions)}" if rule.directions else ""
        title = f"[{rule.title['en']}]({rule.source})"
        lines.append(f"| `{rule.id}` | {where} | {campaigns} | {title} | {rule.severity} | {rule.verified_on} |")
    return "\n".join(lines)
