"""`docs/rules.md`, its tables generated. `python -m tests.rules_page` writes them anew."""

import re
from pathlib import Path

from models.compliance import load_rules, render_table
from models.compliance.coverage import load_coverage, render_coverage

PAGE = Path(__file__).parent.parent / "docs" / "rules.md"


def render(text: str) -> str:
    rules = load_rules()
    tables = {"coverage": render_coverage(load_coverage(), rules), "rules": render_table(rules)}
    for name, table in tables.items():
        block = f"<!-- generated: {name} -->\n\n{table}\n\n<!-- end -->"
        pattern = rf"<!-- generated: {name} -->.*?<!-- end -->"
        text, found = re.subn(pattern, lambda _, block=block: block, text, count=1, flags=re.DOTALL)  # type: ignore[misc]
        if not found:
            raise ValueError(f"the page has no `<!-- generated: {name} -->`")
    return text


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
