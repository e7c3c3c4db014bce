"""Every rule's own tests, kept beside it."""

from datetime import date
from urllib.parse import urlsplit

import pytest

from models.compliance import (
    CallContext,
    Rule,
    check_rules,
    load_detectors,
    load_rules,
    render_table,
    run_trials,
    select,
)
from models.compliance.rules import RULES

DETECTORS = load_detectors()
ALL = load_rules()
OFFICIAL = (
    ".gov", ".gov.br", ".gov.co", ".gob.ar", ".gob.mx", ".gob.pe", ".europa.eu",
    "www.leg.state.fl.us", "www.bcn.cl", "www.boe.es", "busquedas.elperuano.pe",
    "www.pcisecuritystandards.org",
)  # fmt: skip
"""How the hosts of gazettes, legislatures and regulators end; and of the body that writes the card standard."""


def test_shipped_rules_are_in_order() -> None:
    assert check_rules([RULES], DETECTORS) == []


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: str(rule.id))
def test_rule_passes_its_own_tests(rule: Rule) -> None:
    assert run_trials(rule, DETECTORS) == []


def test_first_rule_pack_is_complete() -> None:
    assert {
        "US-REC-CONSENT",
        "CO-REC-NOTICE",
        "BR-REC-NOTICE",
        "BR-SAC-PROTOCOL",
        "US-TCPA-ID",
        "US-TCPA-DNC",
        "US-FDCPA-MIRANDA",
        "CO-2300-WHY",
        "PCI-PAN",
        "PCI-PAUSE",
        "PCI-CVV-ASK",
    } <= {rule.id for rule in ALL}


def test_table_has_a_row_a_rule() -> None:
    table = render_table(ALL)
    assert all(f"| `{rule.id}` |" in table for rule in ALL)
    assert len(table.splitlines()) == len(ALL) + 2


def test_rule_without_a_first_day_has_always_held() -> None:
    rule = next(rule for rule in ALL if rule.valid_from is None)
    country = rule.countries[0] if rule.countries else "US"
    context = CallContext(country, rule.regions[0] if rule.regions else "", "sales", "outbound", "en", date(1990, 1, 1))
    assert rule.applies(context) is (not rule.campaigns or "sales" in rule.campaigns)


@pytest.mark.parametrize("country", ["IS", "LI", "NO"])
def test_the_gdpr_holds_in_all_of_the_european_economic_area(country: str) -> None:
    def held(country: str) -> set[str]:
        context = CallContext(country, "", "sales", "outbound", "en", date(2026, 11, 24))
        return {rule.id for rule in select(ALL, context) if rule.id.startswith("EU-GDPR")}

    assert held(country) == held("DE") != set()


def test_a_source_is_official_or_said_to_be_a_report() -> None:
    hosts = {rule.id: urlsplit(rule.source).hostname or "" for rule in ALL}
    unofficial = {name for name, host in hosts.items() if not host.endswith(OFFICIAL)}
    assert unofficial == {rule.id for rule in ALL if "a report, not the law" in rule.citation}
