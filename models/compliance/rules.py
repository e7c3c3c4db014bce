"""Compliance rules as dated, versioned data: loaded, validated, and picked for a call."""

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from models.compliance.checks import Check
from models.compliance.hearing import CallContext, Severity
from models.compliance.metadata import Metadata
from models.compliance.places import where
from models.yaml_file import load_yaml, read_yaml

RULES = Path(__file__).parent / "data" / "rules"
LANGUAGES = ("es", "pt", "en")
Dialogue = list[str]
"""Turns as `agent: …` or `customer: …`, 2.5 s apart; an empty one is silence."""


class Situation(Metadata, frozen=True, forbid_unknown_fields=True):
    """A call of which something is known beside its words."""

    said: tuple[str, ...] = ()
    """Left out: somebody answers."""


Case = str | Dialogue | Situation
ANY = "any"
"""Stands for a language where no words are judged."""


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must and must not make the rule speak, by language (`any` where it judges no words). A plain string is said
    by the first check's leg."""

    fire: dict[str, list[Case]]
    """Makes an event or a violation; for a duty, satisfies it."""
    quiet: dict[str, list[Case]]
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
    voice: Literal["", "human", "synthetic"] = ""
    """`synthetic`: only where a machine speaks for the firm, by what is known of the call."""
    note: str = ""
    pack: str = ""
    """Set at load: stem of the file."""

    def applies(self, context: CallContext) -> bool:
        return not self.not_here(context)

    def not_here(self, context: CallContext) -> str:
        """Why the rule does not hold for a call, by the name of what differs; empty when it does."""
        differs = {
            "country": bool(self.countries) and context.country.upper() not in self.countries,
            "region": bool(self.regions) and context.place not in self.regions,
            "campaign": (bool(self.campaigns) and context.campaign not in self.campaigns)
            or context.campaign in self.not_campaigns,
            "direction": bool(self.directions) and context.direction not in self.directions,
            "voice": bool(self.voice) and context.metadata.voice != self.voice,
            "not yet in force": self.valid_from is not None and context.day < self.valid_from,
            "no longer in force": self.valid_until is not None and self.valid_until <= context.day,
        }
        return next((name for name, is_so in differs.items() if is_so), "")


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: list[Rule]


def load_rules(paths: Sequence[Path] = (RULES,)) -> tuple[Rule, ...]:
    """Rules of files and folders, in order. Raises `ValueError` that says where and what."""
    return tuple(msgspec.structs.replace(rule, pack=path.stem) for path in files_of(paths) for rule in read_file(path))


def read_file(path: Path) -> list[Rule]:
    """Raises `ValueError`, `FILE:LINE: what`."""
    try:
        text = read_yaml(path)
    except OSError as error:
        raise ValueError(f"{path.name}: {error}") from error
    try:
        return msgspec.convert(load_yaml(text), RuleFile).rules
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ValueError(f"{path.name}:{where(text, error)}") from error


def files_of(paths: Iterable[Path]) -> list[Path]:
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
