"""The README's generated tables: settings, metrics, spans. `python -m tests.readme_tables` writes them anew."""

import re
from pathlib import Path

from engine.settings import settings_table
from engine.telemetry import METRICS
from engine.tracing import SPANS

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
    spans = ["| span | what it lasts |", "|---|---|"]
    spans += [f"| `{one.name}` | {one.help} |" for one in SPANS]
    return {
        "settings": "\n".join(settings),
        "metrics": "\n".join(metrics),
        "spans": "\n".join(spans),
    }


def render(text: str) -> str:
    """The README with its tables as the code has them. Raises `ValueError` for a table that has no place in it."""
    for name, table in tables().items():
        block = f"<!-- generated: {name} -->\n\n{table}\n\n<!-- end -->"
        within = r"(?:(?!<!-- generated).)*?"  # a mark that has no end yet must not take the next table's
        pattern = rf"<!-- generated: {name} -->(?:\n{within}<!-- end -->)?"
        text, found = re.subn(pattern, lambda _, block=block: block, text, count=1, flags=re.DOTALL)  # type: ignore[misc]
        if not found:
            raise ValueError(f"the README has no `<!-- generated: {name} -->`")
    return text


if __name__ == "__main__":
    README.write_text(render(README.read_text("utf-8")), "utf-8")
