"""What a text is about, in the terms of what people call a contact centre for.

An article says "claim for damaged appliances" and the customer "my fridge died when the lights came back": few words in
common, and an encoder of whole sentences sees them far apart. Both are likely under the same topic, though, and how far
their topics agree is what the search adds to the nearness of the vectors. The topics and what is said of each, in three
languages, lie in `training/data_knowledge`; `python -m models.training.knowledge` fits them.
"""

from importlib import resources

import msgspec
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Topics(msgspec.Struct, frozen=True):
    """Linear heads on the sentence embedding. Thread-safe."""

    weights: Vectors
    """float32[512, topics]."""
    bias: Vectors
    """float32[topics]."""
    need: Vectors
    """float32[512]: whether a turn calls for help at all."""
    need_bias: float

    def likely(self, vectors: Vectors) -> Vectors:
        """float32[rows, topics]: square roots of the topics' probabilities, so that the product of two rows is how far
        they agree, 0…1."""
        scores = vectors @ self.weights + self.bias
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        return np.asarray(np.sqrt(chances / chances.sum(axis=1, keepdims=True)), np.float32)

    def needs(self, vectors: Vectors) -> Vectors:
        """float32[rows]: log-odds that a turn calls for help, whatever with."""
        return np.asarray(vectors @ self.need + self.need_bias, np.float32)


def load_topics() -> Topics:
    with resources.as_file(resources.files("models").joinpath("heads/topics.npz")) as path, np.load(path) as file:
        return Topics(
            weights=file["weights"].astype(np.float32),
            bias=file["bias"].astype(np.float32),
            need=file["need"].astype(np.float32),
            need_bias=float(file["need_bias"]),
        )
