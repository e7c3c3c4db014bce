"""Everything that may be wrong with a rule file, each fault with its line."""

import datetime
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.compliance.checks import Bears, Check, Duty, Order, Window, acts_of, is_spoken
from models.compliance.detectors import Detectors, load_detectors
from models.compliance.metadata import DAYS, hours_on, public_holidays
from models.compliance.places import line_of
from models.compliance.rules import ANY, LANGUAGES, RULES, Rule, files_of, read_file
from models.compliance.states import load_states
from models.privacy.entities import MASK_OF

Fault = tuple[list[str | int], str]
"""Where in the rule, and what."""
_COUNTRY = re.compile("[A-Z]{2}")
_DIRECTIONS = ("inbound", "outbound")


def check_rules(paths: Sequence[Path] = (RULES,), detectors: Detectors | None = None) -> list[str]:
    """One `FILE:LINE: RULE: what` a problem; empty when the files are good. Runs no rule's tests."""
    detectors = detectors or load_detectors()
    problems = [
        f"there are no rules in {path}, where files end in .yaml"
        for path in paths
        if path.is_dir() and not files_of([path])
    ]
    seen: dict[tuple[str, str], Path] = {}
    for path in files_of(paths):
        try:
            rules = read_file(path)
        except ValueError as error:
            problems.append(str(error))
            continue
        text = path.read_text("utf-8")
        for number, rule in enumerate(rules):
            faults = list(_faults(rule, detectors))
            if (other := seen.setdefault((rule.id, rule.version), path)) != path:
                faults.append((["version"], f"version {rule.version} is also in {other.name}"))
            problems += [
                f"{path.name}:{line_of(text, ['rules', number, *place])}: {rule.id}: {what}" for place, what in faults
            ]
    return problems


def _faults(rule: Rule, detectors: Detectors) -> Iterator[Fault]:
    if not rule.checks:
        yield ["checks"], "has no checks"
    if missing := [language for language in LANGUAGES if not rule.title.get(language)]:
        yield ["title"], f"title is missing in {', '.join(missing)}"
    languages = LANGUAGES if any(is_spoken(check) for check in rule.checks) else (ANY,)
    for side in ("fire", "quiet"):
        if missing := [language for language in languages if not getattr(rule.tests, side).get(language)]:
            yield ["tests", side], f"tests.{side} is missing in {', '.join(missing)}"
    for one in rule.countries:
        if not _COUNTRY.fullmatch(one):
            yield ["countries"], f"country {one} is not two capital letters"
    for one in rule.directions:
        if one not in _DIRECTIONS:
            yield ["directions"], f"no direction {one}"
    for what in _region_faults(rule.regions, rule.countries):
        yield ["regions"], what
    if rule.valid_from and rule.valid_until and rule.valid_until <= rule.valid_from:
        yield ["valid_until"], f"valid_until {rule.valid_until} is not after valid_from {rule.valid_from}"
    if not rule.source.startswith(("https://", "http://")):
        yield ["source"], "source is no web address"
    for number, check in enumerate(rule.checks):
        for what in _check_faults(check, detectors, rule.countries):
            yield ["checks", number], what


def _check_faults(check: Check, detectors: Detectors, countries: Sequence[str]) -> Iterator[str]:
    for act in acts_of(check):
        if act not in detectors:
            yield f"no act {act}"
    match check:
        case Bears(entity=entity) if entity not in MASK_OF:
            yield f"no entity {entity}"
        case Order(until=until, since=since):
            if bool(until) is bool(since):
                yield "an order has either `until` or `since`"
            elif (until or since) not in load_states():
                yield f"no state {until or since}"
        case Duty(once=once, unless=unless):
            yield from (f"no state {state}" for state in (*once, unless) if state and state not in load_states())
        case Window(open=open_hours, holidays=calendar, regions=regions):
            yield from _region_faults(regions, countries)
            yield from _window_faults(open_hours, calendar)


def _region_faults(regions: Sequence[str], countries: Sequence[str]) -> Iterator[str]:
    for one in regions:
        if one != one.upper() or one.startswith(tuple(f"{country}-" for country in countries)):
            yield f"region {one} is met by no call: it is written in capitals, without its country"


def _window_faults(open_hours: dict[str, str], calendar: str) -> Iterator[str]:
    try:
        for days in open_hours:
            first, _, last = days.partition("-")
            if DAYS.index(first) > DAYS.index(last or first):
                yield f"days {days} end before they begin: a week is mon to sun"
        for weekday in range(7):
            first, last = (
                hours_on(open_hours, weekday).split("-") if hours_on(open_hours, weekday) else ("00:00", "23:59")
            )
            if datetime.time.fromisoformat(first) >= datetime.time.fromisoformat(last):
                yield f"hours {first}-{last} end before they begin"
        if calendar:
            public_holidays(calendar, 2026)
    except (ValueError, NotImplementedError) as error:
        yield f"open: {error}"
