"""Which rows of the catalogue of law are served, by which rules, from words or from metadata, and what is left out."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import yaml

from models.compliance.checks import is_spoken
from models.compliance.rules import Rule

COVERAGE = Path(__file__).parent / "data" / "coverage.yaml"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    row: str
    rules: list[str] | None = None
    open: str = ""

    def served_by(self) -> list[str]:
        return [self.row] if self.rules is None else self.rules


class _CoverageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: list[Row]


def load_coverage(path: Path = COVERAGE) -> list[Row]:
    return msgspec.convert(yaml.safe_load(path.read_text("utf-8")), _CoverageFile).rows


def render_coverage(rows: Iterable[Row], rules: Sequence[Rule]) -> str:
    """Markdown table, a line a row. Raises `KeyError` for a rule that does not exist."""
    by_id = {rule.id: rule for rule in rules}
    lines = ["| row | state | rules | what no rule checks |", "|---|---|---|---|"]
    for row in rows:
        served = [by_id[name] for name in row.served_by()]
        names = " ".join(f"`{rule.id}`" for rule in served)
        lines.append(f"| {row.row} | {_state(served)} | {names or '–'} | {row.open or '–'} |")
    return "\n".join(lines)


def _state(rules: Sequence[Rule]) -> str:
    checks = [check for rule in rules for check in rule.checks]
    live = any(is_spoken(check) for check in checks)
    known = any(not is_spoken(check) for check in checks)
    return "live and by metadata" if live and known else "live" if live else "by metadata" if known else "not a rule"
