"""What `docs/rules.md` says is true."""

from models.compliance import load_rules
from models.compliance.coverage import load_coverage
from tests.rules_page import PAGE, render

TEXT = PAGE.read_text("utf-8")


def test_the_generated_tables_are_as_the_rules_are() -> None:
    assert render(TEXT) == TEXT, "run `python -m tests.rules_page`"


def test_every_row_is_served_or_says_why_not() -> None:
    assert all(row.served_by() or row.open for row in load_coverage())


def test_every_rule_serves_a_row() -> None:
    served = {name for row in load_coverage() for name in row.served_by()}
    assert {rule.id for rule in load_rules()} <= served
