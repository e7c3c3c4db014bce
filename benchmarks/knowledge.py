"""How often the right article appears on the turn that calls for it, on bases that nothing was fitted on.

    python -m benchmarks accuracy.knowledge

Each base (`benchmarks/knowledge_bases/*.yaml`) is plain Markdown without question lists. What customers say is tried
as written and misheard (`benchmarks.mishearing`: not with the noise that the search was fitted on). `first`: the right
article is found first. `card`: it is shown, as a call would show it (`pipelines.suggest` decides, as on the first turn
of a call). `wrong`: another one is. `other language`: needs said in another language than the articles'. False
cards are counted per hundred turns that call for nothing (`customer`, `agent_like`), and per hundred needs that
no article of the base answers (`outside`). Needs that nearly stand in the training data are left out and counted
(`left_out`): it has bases of shops, clinics and utilities, too, of other authors.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.mishearing import Mishearing
from engine.ports.reading import Passage
from models.embed import Encoder, SentenceEncoder
from models.knowledge import Encoders, Knowledge, load_weights
from models.reader import OnnxTextReader
from models.training.knowledge_data import Base, Said, read_base, read_bases
from models.tuned.encoder import NeedEncoder
from pipelines.suggest import Governor

BASES = Path(__file__).parent / "knowledge_bases"
MODELS = Path("data/models")
_ALIKE = 0.8
"""Cosine of sentences that say the same in nearly the same words."""


def cell() -> dict[str, Any]:
    reader, weights = OnnxTextReader(MODELS), load_weights()
    encoders = Encoders(Encoder(MODELS), NeedEncoder(MODELS))
    counts: dict[str, Counter[str]] = {}
    spent: list[float] = []
    bases = unlike_taught(_bases(), encoders.sentence)
    mishearing = Mishearing((said.language, said.text) for base in bases for said in base.queries)
    for base in bases:
        knowledge = Knowledge(base.articles, encoders, weights)
        for said, kind in [*_needs(base, mishearing), *[(one, "outside") for one in base.outside], *_idle()]:
            reading = reader.read(said.text)
            started = time.perf_counter()
            vectors = reading.vector if reading.views is None else reading.views
            found = knowledge.search(said.text, vectors, language=said.language)
            spent.append((time.perf_counter() - started) * 1000)
            governor = Governor()
            trigger = governor.needs_help("customer", said.text, reading)
            shown = governor.choose(trigger, found, 0).passage
            for group in _groups(base, said, kind):
                counts.setdefault(group, Counter()).update(_outcome(base, said, found, shown))
    result = {group: _rates(count) for group, count in counts.items()}
    Console().print(_table(result))
    spent.sort()
    return {
        **result,
        "left_out": sum(len(base.queries) for base in _bases()) - sum(len(base.queries) for base in bases),
        "search_ms": {"p50": round(spent[len(spent) // 2], 2), "p99": round(spent[-len(spent) // 100], 2)},
    }


def unlike_taught(bases: Sequence[Base], encoder: SentenceEncoder) -> list[Base]:
    """The bases without the needs that the search was taught nearly so."""
    taught = encoder.embed([said.text for base in read_bases() for said in base.queries])

    def nearest(said: Said) -> float:
        return float((encoder.embed([said.text]) @ taught.T).max())

    return [
        msgspec.structs.replace(base, queries=tuple(said for said in base.queries if nearest(said) < _ALIKE))
        for base in bases
    ]


def _bases() -> list[Base]:
    return [read_base(path) for path in sorted(BASES.glob("*.yaml")) if path.stem != "no_need"]


def _needs(base: Base, mishearing: Mishearing) -> Iterator[tuple[Said, str]]:
    for said in base.queries:
        yield said, "need"
        yield Said(said.language, mishearing.of(said.text, said.language), said.about), "heard"


def _idle() -> list[tuple[Said, str]]:
    groups = yaml.safe_load((BASES / "no_need.yaml").read_text("utf-8"))
    return [
        (Said(language, text), kind)
        for kind, by_language in groups.items()
        for language, texts in by_language.items()
        for text in texts
    ]


def _groups(base: Base, said: Said, kind: str) -> list[str]:
    """Rows of the table that a turn counts for."""
    if kind not in ("need", "heard"):
        return [f"{kind} {said.language}", kind]
    groups = [base.name, said.language, "as written" if kind == "need" else "misheard", "all"]
    return [*groups, "same language" if said.language == base.language else "other language"]


def _outcome(base: Base, said: Said, found: Sequence[Passage], shown: Passage | None) -> dict[str, int]:
    right = base.articles[said.about].article if said.about >= 0 else ""
    return {
        "turns": 1,
        "first": int(bool(right) and found[0].article == right),
        "card": int(shown is not None and shown.article == right),
        "wrong": int(shown is not None and shown.article != right),
    }


def _rates(count: Counter[str]) -> dict[str, float]:
    turns = count["turns"]
    rates = {name: round(100 * count[name] / turns, 1) for name in ("first", "card", "wrong")}
    return {"turns": turns, **rates}


def _table(result: dict[str, dict[str, float]]) -> Table:
    table = Table(title="Cards, % of turns")
    for name in ("", "turns", "right first", "right card", "wrong card"):
        table.add_column(name, justify="right" if name else "left")
    for group, rates in result.items():
        needs = not group.startswith(("outside", "customer", "agent_like"))
        first, card = (str(rates["first"]), str(rates["card"])) if needs else ("–", "–")
        table.add_row(group, str(rates["turns"]), first, card, str(rates["wrong"]))
    return table


CELLS = {"accuracy.knowledge": cell}
