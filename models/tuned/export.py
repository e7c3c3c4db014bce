"""Builds the tuned encoders' files when they are installed: a graph, and what cuts texts for it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from engine.errors import WeightsMissing
from models.tuned.adapter import BUNDLED, NEEDS, Adapter, adapted, load_adapter
from models.tuned.encoder import GRAPH, NEEDS_GRAPH, PIECES, Logits, NeedEncoder, TunedEncoder, sigmoid
from models.tuned.graph import HeadWeights, build_graph
from models.tuned.pieces import cutter, kept
from models.tuned.source import Array, Source, read_source

WEIGHTS = "e5-small-q4.bin"
_MOST = 0.1
"""How far probabilities may be from those that training saw, see `difference`; what 8 bits cost is a few hundredths."""
_MOST_APART = 0.05
"""One less the cosine, of the probe that is furthest from what training saw; what 8 bits cost is a hundredth."""

PROBES = (
    "Por favor no me llamen más a este número.",
    "Esta llamada puede ser grabada por calidad.",
    "Me regala los dieciséis números de la tarjeta?",
    "Se não pagar hoje, o senhor vai preso.",
    "Quero falar com o seu supervisor agora.",
    "Muito obrigada, resolveu tudo.",
    "My bill went up and nobody told me why.",
    "What are the three digits on the back?",
    "ok",
    "",
)
"""Texts that the exported graph must judge as training did; their logits lie in the adapter as `probe.HEAD`."""

WORDED = tuple(probe for probe in PROBES if probe)
"""What the need encoder must see as training did; how it did lies in the adapter as `probe`. Nobody searches
for nothing."""


def export_turns(package: Path, folder: Path) -> Sequence[Path]:
    """Write both files into a folder. Raises `WeightsMissing` when the graph does not judge `PROBES` as tuning did."""
    return export(read_source(package / WEIGHTS), load_adapter(BUNDLED), folder)


def export_needs(package: Path, folder: Path) -> Sequence[Path]:
    """The same of the need encoder. Raises `WeightsMissing` when the graph does not see `WORDED` as tuning did."""
    source, adapter = read_source(package / WEIGHTS), load_adapter(BUNDLED, NEEDS)
    cut = _write(source, adapter, folder, NEEDS_GRAPH)
    off = 1 - float(
        (NeedEncoder.of(folder / NEEDS_GRAPH, cut).embed(WORDED) * _array(adapter, "probe")).sum(axis=1).min()
    )
    if off > _MOST_APART:
        raise WeightsMissing(f"the exported need encoder differs from the one that was tuned (by {off:.3f})")
    return folder / NEEDS_GRAPH, folder / PIECES


def export(source: Source, adapter: Adapter, folder: Path) -> Sequence[Path]:
    cut = _write(source, adapter, folder, GRAPH)
    off = difference(TunedEncoder.of(folder / GRAPH, cut, adapter.card).logits(PROBES), adapter)
    if off > _MOST:
        raise WeightsMissing(f"the exported turn encoder differs from the one that was tuned (by {off:.3f})")
    return folder / GRAPH, folder / PIECES


def _write(source: Source, adapter: Adapter, folder: Path, graph: str) -> Tokenizer:
    """The graph and what cuts texts for it, which is returned too."""
    ids = kept(source)
    cut = cutter(source, ids)
    cut.save(str(folder / PIECES))
    tensors = adapted(source.tensors, adapter)
    tensors["emb.word"] = tensors["emb.word"][ids]
    heads = {
        name: HeadWeights(*(_array(adapter, f"head.{name}.{part}") for part in ("look", "w", "b")))
        for name in adapter.card.heads
    }
    (folder / graph).write_bytes(build_graph(source.shape, tensors, heads).SerializeToString())
    return cut


def difference(logits: Logits, adapter: Adapter) -> float:
    """How far, of each text of `PROBES`, the probability that is furthest off is from training's; on average."""
    off = [
        np.abs(sigmoid(logits[name]) - sigmoid(_array(adapter, f"probe.{name}"))).max(axis=1)
        for name in adapter.card.heads
    ]
    return float(np.max(off, axis=0).mean())


def _array(adapter: Adapter, name: str) -> Array:
    return adapter.arrays[name].astype(np.float32)
