"""Where in the sound each token of a text is said: cross-attention and dynamic time warping, as in OpenAI's `timing.py`
and CTranslate2's `Whisper.align`. Pure."""

import numpy as np
from numpy.typing import NDArray

from models.whisper_onnx.source import Array

_SMOOTHED = 7
_EXCHANGES = ((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4))
"""Pairs to put in order, after which the middle of seven is in the middle (Devillard, "Fast median search", 1998)."""

Numbers = NDArray[np.float64]


def begins(attention: Array, rows: slice) -> list[int]:
    """The first position of each of these rows of attention [heads, tokens, positions], before its softmax. A row tells
    of the token that follows it; rows outside only help to judge what is much attention."""
    likely = np.exp(attention - attention.max(axis=-1, keepdims=True))
    likely /= likely.sum(axis=-1, keepdims=True)
    deviation = likely.std(axis=1, keepdims=True)
    even = (likely - likely.mean(axis=1, keepdims=True)) / np.maximum(deviation, 1e-12)
    return _warped(-median_of_seven(even).mean(axis=0)[rows].astype(np.float64))


def median_of_seven(values: Array) -> Array:
    """Along the last axis, around each value; what is beyond the edges mirrors what is within."""
    reach = _SMOOTHED // 2
    if values.shape[-1] <= reach:
        return values
    edges = [(0, 0)] * (values.ndim - 1) + [(reach, reach)]
    padded = np.pad(values, edges, mode="reflect")
    near = [padded[..., at : at + values.shape[-1]] for at in range(_SMOOTHED)]
    for low, high in _EXCHANGES:
        near[low], near[high] = np.minimum(near[low], near[high]), np.maximum(near[low], near[high])
    return near[reach]


def _warped(costs: Numbers) -> list[int]:
    """The first column of each row on the cheapest way from the first cell to the last, one cell right, down or both
    at a time.

    A row at a time: what a cell costs by way of its left neighbour is the least, over where the way entered the row, of
    the cost of entering and the sum of the cells from there.
    """
    count, width = costs.shape
    total = np.full((count + 1, width + 1), np.inf)
    total[0, 0] = 0.0
    for row in range(1, count + 1):
        enter = np.minimum(total[row - 1, :-1], total[row - 1, 1:])
        sums = np.cumsum(costs[row - 1])
        total[row, 1:] = sums + np.minimum.accumulate(enter - np.concatenate([[0.0], sums[:-1]]))
    firsts, row, column = [0] * count, count, width
    while row > 0:
        firsts[row - 1] = column - 1
        diagonal, up, left = total[row - 1, column - 1], total[row - 1, column], total[row, column - 1]
        if diagonal < up and diagonal < left:
            row, column = row - 1, column - 1
        elif up < diagonal and up < left:
            row -= 1
        else:
            column -= 1
    return firsts
