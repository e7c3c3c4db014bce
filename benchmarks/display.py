"""How well the form for readers is written: authored rows a language, and sentences in which little is to be written.

Precision: of the rows that were changed, those changed as expected. Recall: of the rows that ought to change, those
that did as expected. False: rewrites in the training sentences that nobody has read and found right (`reviewed.tsv`),
over those sentences. The rows are authored with the rules in sight, so they guard rather than prove.
"""

from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from models.display import write

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "display"
TRAINING = ROOT / "models" / "training"
COUNTRIES = {"es": "CO", "pt": "BR", "en": "US"}


def cell() -> dict[str, Any]:
    """Figures a language, for `python -m benchmarks`."""
    result = {language: _rows(language) | _sentences(language) for language in COUNTRIES}
    Console().print(_table(result))
    return result


CELLS = {"accuracy.display": cell}


def _rows(language: str) -> dict[str, Any]:
    changed = right = due = found = total = 0
    wrong = []
    for line in (DATA / f"{language}.tsv").read_text("utf-8").splitlines():
        _, country, spoken, read = line.split("\t")
        read = spoken if read == "=" else read
        written = write(spoken, language, country).text
        total += 1
        changed += written != spoken
        due += read != spoken
        right += written != spoken and written == read
        found += read != spoken and written == read
        if written != read:
            wrong.append([spoken, read, written])
    rates = {"precision": round(right / changed, 4), "recall": round(found / due, 4)}
    return {"rows": total, **rates, "wrong": wrong}


def _sentences(language: str) -> dict[str, Any]:
    """Rewrites in ordinary sentences; sentence ends and capitals are none."""
    table = (line.split("\t") for line in (DATA / "reviewed.tsv").read_text("utf-8").splitlines())
    reviewed = {(spoken, read) for name, spoken, read in table if name == language}
    sentences = training_sentences(language)
    rewrites = []
    for text in sentences:
        shown = write(text, language, COUNTRIES[language])
        rewrites += [(text[a:b], shown.text[c:d]) for a, b, c, d in shown.spans]
    unread = [rewrite for rewrite in rewrites if rewrite not in reviewed]
    return {
        "sentences": len(sentences),
        "rewrites": len(rewrites),
        "false_percent": round(100 * len(unread) / len(sentences), 3),
        "unread": unread,
    }


def training_sentences(language: str) -> list[str]:
    """What the heads and the search are trained on: callers' and agents' sentences, each once."""
    found: dict[str, None] = {}
    for path in sorted(TRAINING.glob("data*/**/*.yaml")):
        _collect(yaml.safe_load(path.read_text("utf-8")), language, found)
    return list(found)


def _collect(node: Any, language: str, found: dict[str, None]) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == language and isinstance(value, list):
                found.update(dict.fromkeys(one for one in value if isinstance(one, str)))
            else:
                _collect(value, language, found)
    elif isinstance(node, list):
        for value in node:
            _collect(value, language, found)


def _table(result: dict[str, Any]) -> Table:
    table = Table(title="The form for readers")
    names = ("rows", "precision", "recall", "sentences", "rewrites", "false_percent")
    for name in ("language", *names):
        table.add_column(name.replace("_", " "), justify="left" if name == "language" else "right")
    for language, figures in result.items():
        table.add_row(language, *(str(figures[name]) for name in names))
    return table
