"""The README's generated tables: settings, metrics, rules. `python -m tests.readme_tables` writes them anew."""

import re
from pathlib import Path

from engine.settings import settings_table
from engine.telemetry import METRICS
from models.compliance import load_rules, render_table

README = Path(__file__).parent.parent / "README.md"


def tables() -> dict[str, str]:
    """By the name in the README's `<!-- generated: NAME -->` marks."""
    settings = ["| setting | default | what it does |", "|---|---|---|"]
    settings += [
        f"| `{name}` | {f'`{default}`' if default else '–'} | {text} |" for name, default, text in settings_table()
    ]
    metrics = ["| metric | kind | labels | what it says |", "|---|---|---|---|"]
    metrics += [
        f"| `welcomedly_{one.name}` | {one.kind} | {' '.join(one.labels) or '–'} | {one.help} |" for one in METRICS
    ]
    return {"settings": "\n".join(settings), "metrics": "\n".join(metrics), "rules": render_table(load_rules()).strip()}


def render(text: str) -> str:
    """The README with its tables as the code has them."""
    for name, table in tables().items():
        block = f"<!-- generated: {name} -->\n\n{table}\n\n<!-- end -->"
        pattern = rf"<!-- generated: {name} -->(\n.*?<!-- end -->)?"
        text = re.sub(pattern, lambda _, block=block: block, text, count=1, flags=re.DOTALL)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    README.write_text(render(README.read_text("utf-8")), "utf-8")
