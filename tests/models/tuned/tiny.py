"""A transformer small enough for a test, with random weights, and the file that it would lie in."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.tuned.source import Shape, Source

SHAPE = Shape(width=32, layers=2, heads=2, inner=64, positions=160, epsilon=1e-12)
WORDS = "▁quiero ▁comprar ▁no ▁llamen ▁mas ▁una ▁casa ▁el ▁rojo ▁verde ▁azul ▁negro ▁gris ▁blanco ▁veo ▁stop ▁calling"
PIECES = ("<s>", "<pad>", "</s>", "<unk>", *WORDS.split(), "▁", "▁при", "вет", *"abcdefghijklmnopqrstuvwxyz[]_.,")
MATRICES = {"q": (32, 32), "k": (32, 32), "v": (32, 32), "ao": (32, 32), "fi": (64, 32), "fo": (32, 64)}


def tensors(seed: int = 3) -> dict[str, NDArray[np.float32]]:
    chance = np.random.default_rng(seed)

    def drawn(*shape: int, size: float) -> NDArray[np.float32]:
        return chance.normal(0, size, shape).astype(np.float32)

    out = {
        "emb.word": drawn(len(PIECES) + 4, 32, size=1.0),
        "emb.pos": drawn(SHAPE.positions, 32, size=0.1),
        "emb.type": drawn(2, 32, size=0.1),
        "emb.ln.w": np.ones(32, np.float32),
        "emb.ln.b": np.zeros(32, np.float32),
    }
    for layer in range(SHAPE.layers):
        for name, (rows, columns) in MATRICES.items():
            out[f"l{layer}.{name}.w"] = drawn(rows, columns, size=columns**-0.5)
            out[f"l{layer}.{name}.b"] = drawn(rows, size=0.1)
        for name in ("aln", "oln"):
            out[f"l{layer}.{name}.w"], out[f"l{layer}.{name}.b"] = np.ones(32, np.float32), np.zeros(32, np.float32)
    return out


def source() -> Source:
    scores = tuple(-2.0 if len(piece) > 2 else -8.0 for piece in PIECES)
    return Source(SHAPE, PIECES, scores, tensors())


def write_file(path: Path, given: Source) -> None:
    """In the format that `models.tuned.source` reads."""
    blob = [piece.encode() for piece in given.pieces]
    ends = np.cumsum([0, *map(len, blob)]).astype("<u4")
    head = struct.pack("<4sI7ifi", b"E5S1", 1, 32, 2, 2, 64, len(given.tensors["emb.word"]), 160, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(blob), 0, 2, 1, 3, int(ends[-1]))
    head += ends.tobytes() + np.asarray(given.scores, "<f4").tobytes() + b"".join(blob)
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(given.tensors))
    bodies = [(name, *_packed(array)) for name, array in given.tensors.items()]
    start = len(head) + sum(2 + len(name) + 21 for name, *_ in bodies)
    body = b""
    for name, kind, numbers, data in bodies:
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", kind, numbers, start + len(body), len(data))
        body += data
    path.write_bytes(head + body)


def _packed(array: NDArray[np.float32]) -> tuple[int, int, bytes]:
    """Kind, numbers, bytes: a matrix in Q4_0, anything else as it is."""
    if array.ndim < 2 or array.shape[1] % 32 or len(array) in (2, SHAPE.positions):
        return 0, array.size, array.astype("<f4").tobytes()
    blocks = array.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1, keepdims=True) / 7).astype("<f2")
    nibbles = np.clip(np.rint(blocks / scales.astype(np.float32)) + 8, 0, 15).astype(np.uint8)
    packed = np.concatenate([scales.view(np.uint8), nibbles[:, :16] | nibbles[:, 16:] << 4], axis=1)
    return 1, array.size, packed.tobytes()
