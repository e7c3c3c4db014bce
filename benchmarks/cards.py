"""What is left to read of a thousand card payments a language: digits in words, drafts, proofs, logs, stores, sound.

    python -m benchmarks.cards [es pt en] [--payments N] [--first N] [--misses]

The payments come as finals from `benchmarks.payments`, with pauses, corrections, read-backs and what recognition gets
wrong, through the conversation that a live call has: guard, rules, playbook, review. What may be seen at any moment is
compared with what was said, for however short a time: of a final's own text and of what quotes it every digit and
number word, elsewhere as much as `benchmarks.card_secrets` can tell from other numbers. `kept` are the first payments
once more, as they lie in a database and in the broker: decrypted facts, and the bytes of every file of both.
All of it is text: nothing is heard, and what a recording would hold goes by times drawn for the words, with the error
that `accuracy.word_times` finds of words that were heard right, and by exact ends of finals.

Payments are numbered. Mend by the first ones; the cells, whose figures are told, take those from `FRESH` on, which
nothing was mended by: other numbers, pauses and turns of the same grammar.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table
from structlog.testing import capture_logs

from benchmarks.card_call import CardCall, refuse_faults
from benchmarks.card_secrets import Secrets
from benchmarks.card_tally import Note, Tally, count, texts_with
from benchmarks.payments import FRESH, Payment, payments
from benchmarks.rules import interval
from benchmarks.tellers import LANGUAGES
from engine.bus import Bus
from engine.facts import decode
from engine.fanout import Hub
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.telemetry import Metrics
from engine.vault import Vault
from tests.leaks import stretches, strings

PAYMENTS = 1_000
"""A language."""
KEPT = 40
"""Payments that are written to a database, and sent to the broker."""
_SENT_S = 120
"""Until the broker has all of them."""
_CHARACTERS = 12
"""A final that is shorter is in some file by accident."""


def measure(language: str, number: int, note: Note = lambda _: None, first: int = 0) -> Tally:
    """Of so many payments of a language, from number `first` on. Raises `RuntimeError` where something failed."""
    tally, kept = Tally(), list[CardCall]()
    for paid in payments(language, number, first):
        call = CardCall(paid)
        asyncio.run(call.run())
        count(call, tally, note)
        if len(kept) < KEPT:
            kept.append(call)
    with capture_logs() as logs:
        tally.leaked_in_store = asyncio.run(_kept(kept, note))
    refuse_faults(logs)
    tally.log_lines += len(logs)
    tally.leaked_in_logs += _in_logs(kept, logs, note)
    return tally


async def _kept(calls: Sequence[CardCall], note: Note) -> int:
    """What can be read of the payments in what a database gives back, and in the bytes of its files."""
    leaked = 0
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        store = await Store.open(settings, Vault(bytes(range(32)), "a benchmark"))
        organisation = await store.people.add_organisation("Acme", 1.0)
        metrics = Metrics()
        bus = Bus(settings, store.outbox, metrics=metrics)
        hub = Hub(store, metrics=metrics, relay=bus.wake)
        await bus.start()
        for number, call in enumerate(calls):
            record = CallRecord(
                call_id=f"call-{number}", organisation_id=organisation, campaign_id="c", campaign="collections",
                direction="outbound", language=call.paid.language, country=call.paid.country,
            )  # fmt: skip
            await hub.opened(record)
            await hub.publish(record, call.facts)
            for _, body in await store.calls.facts_after(organisation, record.call_id, 0):
                found = texts_with(Secrets(call.paid), msgspec.to_builtins(decode(body)))
                leaked += len(found)
                if found:
                    note(f"store: {found}")
        async with asyncio.timeout(_SENT_S):
            await bus.empty.wait()
        await bus.stop()
        await store.close()
        leaked += _in_files(Path(folder), [call.paid for call in calls], note)
    return leaked


def _in_logs(calls: Sequence[CardCall], logs: Sequence[Any], note: Note) -> int:
    leaked = 0
    for call in calls:
        secrets = Secrets(call.paid)
        found = [text for text in strings(logs) if secrets.said_in(text)]
        leaked += len(found)
        if found:
            note(f"log: {found}")
    return leaked


def _in_files(folder: Path, paid: Sequence[Payment], note: Note) -> int:
    leaked = 0
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        text = data.decode("latin-1")
        for one in paid:
            finals = [line.text for line in one.lines if line.kinds and len(line.text) >= _CHARACTERS]
            said = [final for final in finals if final.encode() in data]
            if found := said + stretches(text, one.card, 8):  # shorter ones are in some time stamp or cipher
                leaked += len(found)
                note(f"file {path.name}: {found}")
    return leaked


def cell(language: str) -> dict[str, Any]:
    """One language's figures, for `python -m benchmarks`."""
    tally = measure(language, PAYMENTS, first=FRESH)
    figures: dict[str, Any] = msgspec.to_builtins(tally)
    return figures | {
        "first": FRESH,
        "leaking_at_most": round(_at_most(tally), 5),
        "over_muted_s": _shares(tally.over_muted_s),
        "cut_amid_s": _shares(tally.cut_amid_s),
    }


def _at_most(tally: Tally) -> float:
    """Upper end of the 95 % interval of the share of payments that leak: none of a thousand is not never."""
    return interval(tally.leaking, tally.payments)[1]


def _shares(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{share}": round(float(np.percentile(seconds, share)), 2) for share in (50, 95, 99)}


CELLS = {f"accuracy.cards.{language}": partial(cell, language) for language in LANGUAGES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", default=LANGUAGES)
    parser.add_argument("--payments", type=int, default=PAYMENTS, help="how many a language")
    parser.add_argument("--first", type=int, default=0, help=f"number of the first; from {FRESH} on they are fresh")
    parser.add_argument("--misses", action="store_true", help="print what leaked, was missed or was masked in vain")
    arguments = parser.parse_args()
    note: Note = (lambda line: print(line, file=sys.stderr)) if arguments.misses else lambda _: None
    table = Table(title=f"{arguments.payments} card payments a language from number {arguments.first} on, as text")
    tallies = {
        language: measure(language, arguments.payments, note, arguments.first) for language in arguments.languages
    }
    for name in ("", *tallies):
        table.add_column(name, justify="right" if name else "left")
    for name in Tally.__struct_fields__:
        table.add_row(name.replace("_", " "), *(_shown(getattr(tally, name)) for tally in tallies.values()))
    table.add_row("leaking at most (95 %)", *(f"{_at_most(tally):.2%}" for tally in tallies.values()))
    Console().print(table)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(f"p{share} {np.percentile(value, share):.1f}" for share in (50, 95, 99))
    if isinstance(value, dict):
        return "\n".join(f"{name} {found} of {wanted}" for name, (found, wanted) in sorted(value.items()))
    return str(value)


if __name__ == "__main__":
    main()
