"""`python -m models.training.wide`: fits the wide part beside the turn encoder that is installed, and writes its card.

    pip install 'welcomedly[train]'
    python -m models.training.wide                          # writes models/wide/data/wide.{onnx,json}; 15 minutes

Learnt on the same nine tenths of the ideas as the turn encoder; blended with it, given thresholds and measured on the
rest. To be run again whenever the turn encoder was tuned.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.settings import load_settings
from models.embed import DIMENSIONS, Encoder, SentenceEncoder
from models.reading import parts_of
from models.training.corpus import DATA, EVERY, HELD_BACK, Plans, Row, read_plans, read_rows
from models.training.losses import loss_of, rarity
from models.training.noise import misheard
from models.training.rehearsal import fingerprints, parted, unlearnt
from models.training.verdicts import calibration, metrics_of, shared_calibration, thresholds_of
from models.tuned.adapter import HeadCard
from models.tuned.encoder import Logits, TunedEncoder
from models.weights import models_dir
from models.wide.grams import PLACES, places
from models.wide.graph import Layers, build_graph
from models.wide.model import BUNDLED, Blend, WideCard, WideModel, save_wide

HELD = 0
"""The fold that is not learnt from: the one that the turn encoder's training holds back."""
_WIDE_SHARE = 0.4
"""How much of the wide part's log-odds joins those of the deep one."""
_VECTOR_SIZE = float(DIMENSIONS**0.5)
"""Vectors have the length 1; this makes their numbers as large as those of the grams."""
_CHUNK = 512


class Settings(msgspec.Struct, frozen=True):
    epochs: int = 4
    batch: int = 256
    width: int = 48
    """Of a gram's row."""
    units: int = 768
    rate: float = 1.5e-3
    table_rate: float = 1.2e-2
    dropout: float = 0.3
    seed: int = 7


class _Network(nn.Module):
    def __init__(self, plans: Plans, settings: Settings) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(PLACES, settings.width, mode="mean", sparse=True)
        nn.init.normal_(self.table.weight, std=0.3)
        self.inner = nn.Linear(DIMENSIONS + settings.width, settings.units)
        self.heads = nn.Linear(settings.units, sum(len(plan.labels) for plan in plans.values()))
        self._seen, self._units = nn.Dropout(settings.dropout / 3), nn.Dropout(settings.dropout)
        self._sizes = {name: len(plan.labels) for name, plan in plans.items()}

    def forward(self, vectors: Tensor, grams: Tensor, starts: Tensor) -> dict[str, Tensor]:
        seen = torch.cat([vectors * _VECTOR_SIZE, self.table(grams, starts)], dim=1)
        found = self.heads(self._units(torch.relu(self.inner(self._seen(seen)))))
        return dict(zip(self._sizes, found.split(list(self._sizes.values()), dim=1), strict=True))

    def layers(self) -> Layers:
        """As the graph has them: vectors come with the length 1."""
        inner = self.inner.weight.detach().numpy().T.copy()
        inner[:DIMENSIONS] *= _VECTOR_SIZE
        rest = (self.inner.bias, self.heads.weight.T, self.heads.bias)
        return Layers(self.table.weight.detach().numpy(), inner, *(part.detach().numpy() for part in rest))


def learn(rows: Sequence[Row], plans: Plans, encoder: SentenceEncoder, settings: Settings) -> Layers:
    """Every row is seen as written or as recognition garbles it, by chance anew each time."""
    torch.manual_seed(settings.seed)
    chance = np.random.default_rng(settings.seed)
    texts = [text for row in rows for text in (row.text, misheard(row.text, row.language, random.Random(row.text)))]
    vectors, grams = embedded(texts, encoder), [places(text) for text in texts]
    targets = {name: _targets(rows, name, len(plan.labels)) for name, plan in plans.items()}
    rare = {name: rarity(rows, name, len(plan.labels)) for name, plan in plans.items()}
    network = _Network(plans, settings)
    dense = [*network.inner.parameters(), *network.heads.parameters()]
    optimisers = (
        torch.optim.AdamW(dense, lr=settings.rate, weight_decay=0.01),
        torch.optim.SparseAdam(list(network.table.parameters()), lr=settings.table_rate),
    )
    steps = settings.epochs * -(-len(rows) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimisers[0], settings.rate, total_steps=steps)
    network.train()
    for epoch in range(settings.epochs):
        mean = 0.0
        order = chance.permutation(len(rows))
        for at in np.split(order, range(settings.batch, len(order), settings.batch)):
            forms = 2 * at + chance.integers(0, 2, len(at))
            found = network(torch.from_numpy(vectors[forms]), *_bags([grams[form] for form in forms]))
            losses = [loss_of(plans[name], found[name], targets[name][at], rare[name]) for name in plans]
            loss = torch.stack(losses).sum()
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()
            for optimiser in optimisers:
                optimiser.step()
            schedule.step()
            mean += float(loss.detach()) * len(at) / len(rows)
        print(f"epoch {epoch + 1} of {settings.epochs}, loss {mean:.3f}", flush=True)
    learnt: Layers = network.eval().layers()
    return learnt


def _bags(grams: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    starts = np.cumsum([0, *map(len, grams[:-1])])
    return torch.from_numpy(np.concatenate(grams)), torch.from_numpy(starts)


def _targets(rows: Sequence[Row], head: str, labels: int) -> Tensor:
    unknown = np.full(labels, np.nan, np.float32)
    return torch.from_numpy(np.stack([row.targets.get(head, unknown) for row in rows]))


def embedded(texts: Sequence[str], encoder: SentenceEncoder) -> NDArray[np.float32]:
    """float32[len(texts), 512], with all cores."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        return np.concatenate(list(pool.map(encoder.embed, _chunks(texts))))


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[at : at + _CHUNK] for at in range(0, len(texts), _CHUNK))


def fit(
    rows: Sequence[Row], plans: Plans, encoder: SentenceEncoder, deep: TunedEncoder, settings: Settings
) -> tuple[bytes, WideCard]:
    """The graph and its card; what the deep part says of the held rows is asked here."""
    held = [row for row in rows if row.fold == HELD]
    taught = [row for row in rows if row.fold != HELD]
    every = deep.card.trained_on.get("protocol") == EVERY
    if not every:
        held = unlearnt(held, taught, fingerprints(rows, plans), parted(deep.card.taught))
    layers = learn(taught, plans, encoder, settings)
    texts = list(dict.fromkeys(part for row in held for part in parts_of(row.text)))
    lookup = {text: place for place, text in enumerate(texts)}
    whole = {name: [row for row in held if name in row.targets] for name in plans}
    vectors, deeply = embedded(texts, encoder), _deep_logits(texts, deep)
    layers = _calibrated(layers, texts, vectors, whole, plans)
    graph = build_graph(layers).SerializeToString()
    card = WideCard({name: HeadCard(plan.labels) for name, plan in plans.items()}, {}, deep.card.sha256)
    widely = WideModel.of(graph, card).logits(texts, vectors)
    heads, blends, metrics = {}, {}, {}
    for name, plan in plans.items():
        both = deeply[name] + widely[name]
        scale, shift = shared_calibration(plan, both[[lookup[row.text] for row in whole[name]]], whole[name], name)
        fitted = both * scale + shift

        def read(texts: Sequence[str], fitted: NDArray[np.float32] = fitted) -> NDArray[np.float32]:
            return fitted[[lookup[text] for text in texts]]

        thresholds = thresholds_of(plan, read, whole[name], name)
        heads[name] = HeadCard(plan.labels, thresholds)
        blends[name] = Blend(_short(scale), tuple(map(_short, shift)))
        metrics[name] = metrics_of(plan, thresholds, read, whole[name], name)
    trained_on = {
        "data": "authored for this product",
        "rows": {one: sum(row.language == one for row in taught) for one in sorted({row.language for row in taught})},
        "ideas": len({row.idea for row in taught}),
        "protocol": EVERY if every else HELD_BACK,
        "settings": msgspec.to_builtins(settings),
        "torch": str(torch.__version__),
    }
    return graph, msgspec.structs.replace(card, heads=heads, blends=blends, trained_on=trained_on, metrics=metrics)


def _short(number: float) -> float:
    return round(float(number), 4)


def _calibrated(
    layers: Layers,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    held: dict[str, list[Row]],
    plans: Plans,
) -> Layers:
    """Its log-odds as they are to join the deep part's: those of likelihoods, times `_WIDE_SHARE`."""
    lookup = {text: place for place, text in enumerate(texts)}
    card = WideCard({name: HeadCard(plan.labels) for name, plan in plans.items()}, {}, "")
    found = WideModel.of(build_graph(layers).SerializeToString(), card).logits(texts, vectors)
    fitted = [
        calibration(plan, found[name][[lookup[row.text] for row in held[name]]], held[name], name)
        for name, plan in plans.items()
    ]
    scale, shift = (np.concatenate(parts) * np.float32(_WIDE_SHARE) for parts in zip(*fitted, strict=True))
    return msgspec.structs.replace(layers, heads=layers.heads * scale, heads_bias=layers.heads_bias * scale + shift)


def _deep_logits(texts: Sequence[str], deep: TunedEncoder) -> Logits:
    with ThreadPoolExecutor(cpu_count()) as pool:
        found = list(pool.map(deep.logits, _chunks(texts)))
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training.wide", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--feedback", type=Path, action="append", default=[], help="rows that people judged (JSON lines)"
    )
    parser.add_argument("--models", type=Path, default=models_dir(load_settings()), help="where the encoders lie")
    parser.add_argument("--into", type=Path, default=BUNDLED, help="where the two files go")
    given = parser.parse_args()
    torch.set_num_threads(1)  # its steps are too small to be shared
    plans = read_plans(given.data)
    graph, card = fit(
        read_rows(plans, given.data, given.feedback),
        plans,
        Encoder(given.models),
        TunedEncoder(given.models),
        Settings(),
    )
    save_wide(graph, card, given.into)
    for head, by_language in card.metrics.items():
        for language, figures in by_language.items():
            print(f"{head} {language}: macro-F1 {figures['macro_f1']}")


if __name__ == "__main__":
    main()
