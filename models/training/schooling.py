"""What a turn model sees while it is tuned: texts varied as recognition and talk do, in batches of like length."""

import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from models.training.corpus import HeadPlan, Row
from models.training.noise import varied
from models.tuned.pieces import PAD, cut

MOST_TOKENS = 128
_JOINED = 0.25
"""Share of rows that are said in one turn with another text of the language: the act is one sentence of several."""
_IDLE = 0.6
"""Of these, how many stand beside a text that performs no act."""
_JITTER = 6.0
"""Tokens by which lengths may differ in a batch, so that batches are not the same each time."""

Batch = tuple[Tensor, Tensor, dict[str, Tensor]]
"""ids int64[b, t], mask float[b, t], targets by head float32[b, labels] with nan where nothing is known."""


class School:
    """Draws batches out of rows; everything random comes from the seed."""

    def __init__(
        self, rows: Sequence[Row], plans: dict[str, HeadPlan], tokenizer: Tokenizer, seed: int, joins: str = "acts"
    ) -> None:
        """`joins` is the head whose texts are joined: of its labels both hold then, and nothing is known for others."""
        self._rows, self._plans, self._tokenizer, self._joins = rows, plans, tokenizer, joins
        self._chance = random.Random(seed)
        known = [row for row in rows if joins in row.targets]
        languages = {row.language for row in rows}
        self._any = {one: [row for row in known if row.language == one] for one in languages}
        self._idle = {one: [row for row in self._any[one] if not row.targets[joins].any()] for one in languages}

    def batches(self, size: int) -> Iterator[Batch]:
        """Every row once, in another order and another form each time."""
        given = [self._varied(row) for row in self._rows]
        ids = [cut(self._tokenizer, text, MOST_TOKENS) for text, _ in given]
        order = sorted(range(len(given)), key=lambda i: len(ids[i]) + self._chance.random() * _JITTER)
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        self._chance.shuffle(groups)
        for group in groups:
            yield (*padded([ids[i] for i in group]), self._targets([given[i][1] for i in group]))

    def _varied(self, row: Row) -> tuple[str, dict[str, NDArray[np.float32]]]:
        text, targets = row.text, row.targets
        if self._joins in targets and self._chance.random() < _JOINED:
            others = self._idle if self._chance.random() < _IDLE else self._any
            if pool := others[row.language] or self._any[row.language]:
                other = self._chance.choice(pool)
                pair = (text, other.text) if self._chance.random() < 0.5 else (other.text, text)
                text = " ".join(pair)
                targets = {self._joins: np.maximum(targets[self._joins], other.targets[self._joins])}
        return varied(text, row.language, self._chance), targets

    def _targets(self, rows: list[dict[str, NDArray[np.float32]]]) -> dict[str, Tensor]:
        unknown = {name: np.full(len(plan.labels), np.nan, np.float32) for name, plan in self._plans.items()}
        return {
            name: torch.from_numpy(np.stack([row.get(name, unknown[name]) for row in rows])) for name in self._plans
        }


def padded(ids: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, ids))
    out = torch.full((len(ids), longest), PAD, dtype=torch.long)
    mask = torch.zeros(len(ids), longest)
    for row, one in enumerate(ids):
        out[row, : len(one)] = torch.tensor(one)
        mask[row, : len(one)] = 1
    return out, mask
