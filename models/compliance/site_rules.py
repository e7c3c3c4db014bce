"""The rules that calls are judged by: those that come with us, and a site's own (setting `RULES`)."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import StartupError
from models.compliance.rules import Rule, Trial, files_of, load_rules
from models.compliance.validation import check_rules
from models.yaml_file import load_yaml


def open_rules(setting: str) -> tuple[Rule, ...]:
    """By the setting `RULES`. Raises `StartupError` as `own_rules`."""
    return with_own(load_rules(), own_rules(setting))


def own_rules(setting: str) -> tuple[Rule, ...]:
    """A site's own alone, without their tests, with a digest behind their versions. Raises `StartupError` that names
    the setting, the file and the line."""
    if not setting:
        return ()
    place = Path(setting)
    if not place.exists():
        raise StartupError(f"RULES: {place} is not there")
    if problems := check_rules([place]):
        raise StartupError(f"RULES: {problems[0]}")
    if not (own := load_rules([place])):
        raise StartupError(f"RULES: there are no rules in {place}, where files end in .yaml")
    return tuple(_versioned(rule, written) for rule, written in zip(own, _written(place), strict=True))


def _written(place: Path) -> Iterator[dict[str, Any]]:
    """Each rule as its file has it, in the order in which they are loaded."""
    for path in files_of([place]):
        yield from load_yaml(path.read_text("utf-8"))["rules"]


def _versioned(rule: Rule, written: Mapping[str, Any]) -> Rule:
    """An alert names its rule's version. Ours never change under theirs; a site may edit its file and leave the version
    as it was, so what is written, but for its tests, is told as well: by the file of that day an alert is proved."""
    said = {name: value for name, value in written.items() if name != "tests"}
    digest = hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:12]
    return msgspec.structs.replace(rule, version=f"{rule.version}+{digest}", tests=Trial({}, {}))


def with_own(bundled: Sequence[Rule], own: Iterable[Rule]) -> tuple[Rule, ...]:
    """Own rules take the place of all bundled ones of their id, also in these' pack: a campaign that names packs keeps
    them."""
    packs = {rule.id: rule.pack for rule in bundled}
    placed = [msgspec.structs.replace(rule, pack=packs.get(rule.id, rule.pack)) for rule in own]
    replaced = {rule.id for rule in placed}
    return (*(rule for rule in bundled if rule.id not in replaced), *placed)
