"""What a head is to learn: how far its logits are from what holds of a batch's texts."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from models.training.corpus import HeadPlan, Row

_RARE = 4.0
"""A label's positive rows count more than the others by the root of how rare they are, up to this."""
_WEIGHTS = {"multilabel": 12.0, "multiclass": 0.7}
"""Of the heads' losses, which are of different size: one is a mean over mostly easy labels."""


def loss_of(plan: HeadPlan, logits: Tensor, targets: Tensor, rare: Tensor) -> Tensor:
    """Of a batch's logits float32[b, labels], where targets are nan nothing is known."""
    known = ~torch.isnan(targets)
    if not bool(known.any()):
        return logits.sum() * 0
    if plan.kind == "multiclass":
        rows = known.all(1)
        return nn.functional.cross_entropy(logits[rows], targets[rows]) * _WEIGHTS[plan.kind]
    each = nn.functional.binary_cross_entropy_with_logits(
        logits, torch.nan_to_num(targets), pos_weight=rare, reduction="none"
    )
    return each[known].mean() * _WEIGHTS[plan.kind]


def rarity(rows: Sequence[Row], head: str, labels: int) -> Tensor:
    """float32[labels]: how much more a label's positive rows count."""
    table = np.stack([row.targets[head] for row in rows if head in row.targets] or [np.zeros(labels, np.float32)])
    positive, known = np.nansum(table, axis=0), (~np.isnan(table)).sum(axis=0)
    return torch.tensor(np.clip(np.sqrt((known - positive) / np.maximum(positive, 1)), 1, _RARE), dtype=torch.float32)
