"""One table of all results: each figure of each cell on a line, by its path in the cell's JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_ROWS = 60
"""Figures of one cell; its file has the rest."""


def table(folder: Path) -> Iterator[str]:
    """Lines to print, cell by cell, with the machine that gave them and what else it was doing (load averages)."""
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        machine = record["hardware"]
        load = "/".join(machine.get("load", ()))
        yield f"── {record['cell']}  {record['seconds']} s on {machine['cores']} × {machine['cpu']}, load {load}"
        rows = list(figures(record["result"]))
        width = max((len(name) for name, _ in rows[:MOST_ROWS]), default=0)
        for name, value in rows[:MOST_ROWS]:
            yield f"   {name:<{width}}  {value}"
        if len(rows) > MOST_ROWS:
            yield f"   … and {len(rows) - MOST_ROWS} more in {path.name}"


def figures(result: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, value) of every number, text and truth value. Rows of a list go by what is text in them, where they have
    any, else by their place."""
    if isinstance(result, dict):
        for key, value in result.items():
            yield from figures(value, f"{path}.{key}" if path else str(key))
    elif isinstance(result, list):
        for at, value in enumerate(result):
            yield from figures(value, f"{path}[{_name(value) or at}]")
    elif result is not None:
        yield path, str(result)


def _name(row: Any) -> str:
    texts = [str(value) for value in row.values() if isinstance(value, str)] if isinstance(row, dict) else []
    sizes = [f"{row[key]}" for key in ("streams", "calls") if isinstance(row, dict) and key in row]
    return " ".join([*texts[:2], *sizes])
