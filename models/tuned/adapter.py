"""What tuning changed of the encoder, and the heads on it: one small file beside the card that says what it does.

A matrix changes by a product of two thin ones (LoRA, Hu et al. 2021, arXiv:2106.09685), biases and layer norms as they
are. Kept in half precision.
"""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsMissing
from models.tuned.source import Array

BUNDLED = Path(__file__).parent / "data"
NAME = "turns"
MATRICES = ("q", "k", "v", "ao", "fi", "fo")
"""Of a layer, as the source names them: query, key, value, attention's output, the inner layer's two."""


class HeadCard(msgspec.Struct, frozen=True, omit_defaults=True):
    """A head's outputs."""

    labels: tuple[str, ...]
    thresholds: tuple[float, ...] = ()
    """A label holds at or over its own; empty: the likeliest of them holds."""


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """What lies beside the adapter."""

    heads: dict[str, HeadCard]
    sha256: str
    """Of the adapter's file."""
    trained_on: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    """By head and language, on ideas that the training did not see; see `models/training/README.md`."""


class Adapter(msgspec.Struct, frozen=True):
    card: Card
    arrays: dict[str, NDArray[Any]]
    """`lN.q.w.down[rank, inputs]`, `lN.q.w.up[outputs, rank]`, `lN.q.b`, `lN.aln.w`…; `head.NAME.w[labels, width]` and
    `head.NAME.b`, calibrated."""


def load_adapter(directory: Path = BUNDLED) -> Adapter:
    """Raises `WeightsMissing` when the files are absent or do not belong together."""
    path, beside = directory / f"{NAME}.npz", directory / f"{NAME}.json"
    try:
        data = path.read_bytes()
        card = msgspec.json.decode(beside.read_bytes(), type=Card)
    except (OSError, msgspec.MsgspecError) as error:
        raise WeightsMissing(f"the tuned encoder's {path.name} and {beside.name} are not whole: {error}") from None
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsMissing(f"{path.name} and {beside.name} do not belong together")
    with np.load(BytesIO(data), allow_pickle=False) as archive:
        return Adapter(card, {name: archive[name] for name in archive.files})


def save_adapter(adapter: Adapter, directory: Path) -> None:
    """Both files; the card's sha256 is set here."""
    buffer = BytesIO()
    halved: dict[str, Any] = {name: array.astype(np.float16) for name, array in adapter.arrays.items()}
    np.savez_compressed(buffer, **halved)
    card = msgspec.structs.replace(adapter.card, sha256=hashlib.sha256(buffer.getvalue()).hexdigest())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{NAME}.npz").write_bytes(buffer.getvalue())
    (directory / f"{NAME}.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def adapted(tensors: dict[str, Array], adapter: Adapter) -> dict[str, Array]:
    """The encoder's tensors as tuning left them."""
    out = dict(tensors)
    for name, array in adapter.arrays.items():
        if name.endswith(".up"):
            whole = name.removesuffix(".up")
            down = adapter.arrays[f"{whole}.down"].astype(np.float32)
            out[whole] = tensors[whole] + array.astype(np.float32) @ down
        elif name in tensors:
            out[name] = array.astype(np.float32)
    return out
