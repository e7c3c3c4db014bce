"""What tuning changed of the encoder, and the heads on it: one file beside the card that says what it does.

A matrix's change is kept in four bits a number with a scale for each row, which costs a fiftieth of what was learnt;
vectors and heads in half precision, as they are.
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
TURNS, NEEDS = "turns", "needs"
"""What an utterance does; which article answers it."""
EVEN = ".even"
_STEPS, _SIZE = ".steps", ".size"
_LIFT = 0.7
"""How much of the inputs' difference goes into the matrix: of 0.5 to 0.8, what cost least of the probabilities."""
_MOST = 7
"""Steps that a number may change by, either way."""


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
    taught: bytes = b""
    """Fingerprints of all ideas that were ever trained on (`models.training.rehearsal`), which only training needs."""


class Adapter(msgspec.Struct, frozen=True):
    card: Card
    arrays: dict[str, NDArray[Any]]
    """`lN.q.w.steps` uint8[outputs, inputs / 2] and `lN.q.w.size` [outputs, 1], see `packed`; `lN.q.b`, `lN.aln.w`…;
    `lN.fi.even` and `lN.fo.even` [inputs], see `evened`;
    `head.NAME.look` and `head.NAME.w` [labels, width] and `head.NAME.b`, calibrated."""


def load_adapter(directory: Path = BUNDLED, name: str = TURNS) -> Adapter:
    """Raises `WeightsMissing` when the files are absent or do not belong together."""
    path, beside = directory / f"{name}.npz", directory / f"{name}.json"
    try:
        data = path.read_bytes()
        card = msgspec.json.decode(beside.read_bytes(), type=Card)
    except (OSError, msgspec.MsgspecError) as error:
        raise WeightsMissing(f"the tuned encoder's {path.name} and {beside.name} are not whole: {error}") from None
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsMissing(f"{path.name} and {beside.name} do not belong together")
    with np.load(BytesIO(data), allow_pickle=False) as archive:
        return Adapter(card, {name: archive[name] for name in archive.files})


def save_adapter(adapter: Adapter, directory: Path, name: str = TURNS) -> None:
    """Both files; the card's sha256 is set here."""
    buffer = BytesIO()
    halved: dict[str, Any] = {
        key: array if key.endswith(_STEPS) else array.astype(np.float16) for key, array in adapter.arrays.items()
    }
    np.savez_compressed(buffer, **halved)
    card = msgspec.structs.replace(adapter.card, sha256=hashlib.sha256(buffer.getvalue()).hexdigest())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.npz").write_bytes(buffer.getvalue())
    (directory / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def adapted(tensors: dict[str, Array], adapter: Adapter) -> dict[str, Array]:
    """The encoder's tensors as tuning left them."""
    out = dict(tensors)
    for name, array in adapter.arrays.items():
        if name.endswith(_STEPS):
            whole = name.removesuffix(_STEPS)
            steps = np.stack([array & 15, array >> 4], axis=-1).reshape(tensors[whole].shape).astype(np.float32)
            out[whole] = tensors[whole] + (steps - _MOST) * adapter.arrays[whole + _SIZE].astype(np.float32)
        elif name in tensors or name.endswith(EVEN):
            out[name] = array.astype(np.float32)
    return out


def evened(matrix: Array, largest: Array) -> Array:
    """[inputs]: what each input is to be divided by, and its column multiplied with, before both are put in 8 bits.

    A few inputs are twenty times as large as the others, and one scale for all would leave these no bits (SmoothQuant,
    Xiao et al. 2023, arXiv:2211.10438). `largest` are the inputs' largest absolutes, as texts have them.
    """
    lift = np.maximum(largest, 1e-3) ** _LIFT / np.maximum(np.abs(matrix).max(axis=0), 1e-5) ** (1 - _LIFT)
    return np.asarray(lift / np.exp(np.log(lift).mean()), np.float32)


def packed(tensors: dict[str, Array], tuned: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What an adapter keeps of tuned arrays, by the source's names: of matrices only how they changed."""
    out: dict[str, NDArray[Any]] = {}
    for name, array in tuned.items():
        if name not in tensors or array.ndim < 2:
            out[name] = array
            continue
        change = array - tensors[name]
        size = (np.maximum(np.abs(change).max(axis=1, keepdims=True), 1e-6) / _MOST).astype(np.float16)
        steps = (np.clip(np.rint(change / size.astype(np.float32)), -_MOST, _MOST) + _MOST).astype(np.uint8)
        out[name + _STEPS], out[name + _SIZE] = steps[:, ::2] | steps[:, 1::2] << 4, size
    return out
