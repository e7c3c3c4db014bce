"""The rules that calls are judged by: those that come with us, and a site's own (setting `RULES`)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from engine.errors import StartupError
from models.compliance.rules import Rule, Trial, load_rules
from models.compliance.validation import check_rules


def open_rules(setting: str) -> tuple[Rule, ...]:
    """By the setting `RULES`. Raises `StartupError` as `own_rules`."""
    return with_own(load_rules(), own_rules(setting))


def own_rules(setting: str) -> tuple[Rule, ...]:
    """A site's own alone, without their tests. Raises `StartupError` that names the setting, the file and the line."""
    if not setting:
        return ()
    place = Path(setting)
    if not place.exists():
        raise StartupError(f"RULES: {place} is not there")
    if problems := check_rules([place]):
        raise StartupError(f"RULES: {problems[0]}")
    if not (own := load_rules([place])):
        raise StartupError(f"RULES: there are no rules in {place}, where files end in .yaml")
    return tuple(msgspec.structs.replace(rule, tests=Trial({}, {})) for rule in own)


def with_own(bundled: Sequence[Rule], own: Iterable[Rule]) -> tuple[Rule, ...]:
    """Own rules take the place of all bundled ones of their id, also in these' pack: a campaign that names packs keeps
    them."""
    packs = {rule.id: rule.pack for rule in bundled}
    placed = [msgspec.structs.replace(rule, pack=packs.get(rule.id, rule.pack)) for rule in own]
    replaced = {rule.id for rule in placed}
    return (*(rule for rule in bundled if rule.id not in replaced), *placed)
