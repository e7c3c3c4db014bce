"""Card payments read aloud, as live calls through SIPREC and G.711: what can be read, found and heard of them.

    python -m benchmarks.read_payments es [--payments N] [--first N] [--misses]
    python -m benchmarks.read_payments es --joined

The payments are those of `benchmarks.payments`, as they are said: nothing is garbled but by recognition. An open voice
with an accent reads them (`benchmarks.voices`), four calls at once are played in real time into a whole engine that
records, keeps what calls are made of and writes all its logs, and a supervisor follows them. What is compared with
what was said, by whom and when: every draft and final of the span, every fact, each file of the engine's (database,
broker, recordings, inputs), its log, and the recording, 20 ms by 20 ms.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.card_tally import Note
from benchmarks.from_audio import added
from benchmarks.heard_payment import play
from benchmarks.payments import FRESH, payments
from benchmarks.read_tally import Tally, count, count_files
from benchmarks.spoken_payment import sentences, spoken
from benchmarks.tellers import LANGUAGES
from benchmarks.voices import read_aloud

PAYMENTS = 12
"""In a part, which is a cell: about as much as ten minutes can read and play."""
PARTS = 5
RESULTS = Path(__file__).parent / "results"


def measure(language: str, number: int, first: int, note: Note = lambda _: None) -> dict[str, Any]:
    """Of so many payments of a language, from number `first` on. Blocking."""
    paid = list(payments(language, number, first, aloud=True))
    wanted = [one for at, each in enumerate(paid, first) for line in sentences(each, at) for one, _ in line]
    read_aloud(wanted)
    calls = [spoken(each, at) for at, each in enumerate(paid, first)]
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as name:
        folder = Path(name)
        with _stderr_in(folder / "log"):
            heard = asyncio.run(play(calls, folder))
        log = (folder / "log").read_text("utf-8", "replace")
        for one in heard:
            count(one, tally, note)
        count_files(heard, folder, log, tally, note)
    counted: dict[str, Any] = msgspec.to_builtins(tally)
    return counted


@contextmanager
def _stderr_in(path: Path) -> Iterator[None]:
    """What this process and its children write there goes into the file instead."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)


# ─── cells ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def cell(language: str, part: int) -> dict[str, Any]:
    return measure(language, PAYMENTS, FRESH + (part - 1) * PAYMENTS)


CELLS = {
    f"accuracy.read_payments.{language}.{part}": partial(cell, language, part)
    for language in LANGUAGES
    for part in range(1, PARTS + 1)
}


def results(language: str) -> list[dict[str, Any]]:
    """Of the language's parts that have run as cells."""
    paths = (RESULTS / f"accuracy.read_payments.{language}.{part}.json" for part in range(1, PARTS + 1))
    return [json.loads(path.read_text("utf-8"))["result"] for path in paths if path.exists()]


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts of all parts as one; what is of each payment, one after the other."""
    return reduce(added, parts)


def table(title: str, counted: Mapping[str, Any]) -> Table:
    found = Table("", title, title=f"{counted['payments']} card payments read aloud")
    for name, value in counted.items():
        found.add_row(name.replace("_", " "), _told(value))
    return found


def _told(value: Any) -> str:
    if isinstance(value, list):
        shares = " ".join(f"p{share} {np.percentile(value, share):.2f}" for share in (50, 95))
        return f"mean {np.mean(value):.2f} {shares} worst {max(value):.2f}"
    if isinstance(value, dict):
        return "\n".join(f"{name} {one['found']} of {one['wanted']}" for name, one in sorted(value.items()))
    return str(value)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.read_payments", description=__doc__.splitlines()[0])
    parser.add_argument("language", choices=LANGUAGES)
    parser.add_argument("--payments", type=int, default=PAYMENTS)
    parser.add_argument("--first", type=int, default=0, help=f"number of the first; from {FRESH} on they are fresh")
    parser.add_argument("--misses", action="store_true", help="print what leaked, was missed or was cut in vain")
    parser.add_argument("--joined", action="store_true", help="add up the parts that have run as cells")
    given = parser.parse_args()
    note: Note = (lambda line: print(line, file=sys.stderr)) if given.misses else lambda _: None
    if not given.joined:
        Console().print(table(given.language, measure(given.language, given.payments, given.first, note)))
    elif parts := results(given.language):
        Console().print(table(f"{given.language}, {len(parts)} of {PARTS} parts", joined(parts)))
    else:
        parser.error(f"no part has run: `python -m benchmarks accuracy.read_payments.{given.language}.1` is the first")


if __name__ == "__main__":
    main()
