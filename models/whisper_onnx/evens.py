"""What the inputs of Whisper base's matrices are divided by before they are put in 8 bits: a few are ten times as
large as the others (`models.tuned.adapter.evened`)."""

from pathlib import Path

import numpy as np

from models.whisper_onnx.source import Array

BUNDLED = Path(__file__).parent / "data" / "evens.npz"


def load_evens(path: Path = BUNDLED) -> dict[str, Array]:
    """`lN.{qkv,ao,fi}[inputs]`."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name].astype(np.float32) for name in archive.files}


def save_evens(evens: dict[str, Array], path: Path = BUNDLED) -> None:
    """In half precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{name: even.astype(np.float16) for name, even in evens.items()})  # type: ignore[arg-type]
