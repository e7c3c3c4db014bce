"""A site's own rules (`RULES`): in whose place they stand, and what is wrong with them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.errors import StartupError
from models.compliance import load_rules, open_rules, own_rules
from models.compliance.rules import RULES

CONSENT, ROBOCALLS = yaml.safe_load((RULES / "us.yaml").read_text("utf-8"))["rules"][:2]


def written(folder: Path, *rules: dict[str, Any], name: str = "site.yaml") -> str:
    (folder / name).write_text(yaml.safe_dump({"rules": rules}), "utf-8")
    return str(folder)


@pytest.mark.parametrize("first_day", [{}, {"valid_from": "2026-01-01"}])
def test_a_rule_takes_the_place_of_the_bundled_ones_of_its_id_and_stays_in_their_pack(
    tmp_path: Path, first_day: dict[str, str]
) -> None:
    folder = written(tmp_path, CONSENT | {"regions": ["MI"], "version": "site"} | first_day, ROBOCALLS | {"id": "MINE"})
    rules = open_rules(folder)
    assert [(rule.regions, rule.pack) for rule in rules if rule.id == CONSENT["id"]] == [(["MI"], "us")]
    assert [rule.pack for rule in rules if rule.id == "MINE"] == ["site"]
    bundled = load_rules()
    assert len(rules) == len(bundled) + 1
    assert {rule.id for rule in bundled} < {rule.id for rule in rules}
    assert open_rules(str(tmp_path / "site.yaml")) == rules
    assert open_rules("") == bundled


@pytest.mark.parametrize("name", ["site.yaml", "us.yaml"])
def test_a_version_that_a_bundled_rule_has_as_well_keeps_no_engine_from_starting(tmp_path: Path, name: str) -> None:
    (rule,) = own_rules(written(tmp_path, CONSENT, name=name))
    assert rule.id == CONSENT["id"]


def test_what_is_wrong_with_the_setting_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"^RULES: .*nowhere is not there$"):
        own_rules(str(tmp_path / "nowhere"))
    with pytest.raises(StartupError, match=r"^RULES: there are no rules in "):
        own_rules(str(tmp_path))
    with pytest.raises(StartupError, match=r"^RULES: site\.yaml:\d+: MINE: source is no web address$"):
        own_rules(written(tmp_path, CONSENT | {"id": "MINE", "source": "nowhere"}))


def test_what_the_file_says_is_told_by_the_version_though_its_number_stays(tmp_path: Path) -> None:
    def version(rule: dict[str, Any]) -> str:
        (own,) = own_rules(written(tmp_path, rule))
        return own.version

    first, turned_round = version(CONSENT), version(dict(reversed(CONSENT.items())))
    edited = version(CONSENT | {"title": CONSENT["title"] | {"en": "Consent, as we understand it"}})
    assert re.fullmatch(re.escape(str(CONSENT["version"])) + r"\+[0-9a-f]{12}", first)
    assert turned_round == first
    assert edited != first
    assert version(CONSENT) == first
    assert CONSENT["version"] in {rule.version for rule in load_rules() if rule.id == CONSENT["id"]}
