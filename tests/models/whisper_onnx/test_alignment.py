"""Words are found in time as by the definition."""

import numpy as np
import pytest

from models.whisper_onnx.alignment import _warped, begins, median_of_seven


def test_the_median_of_seven_is_the_median() -> None:
    values = np.random.default_rng(1).normal(0, 1, (2, 3, 20)).astype(np.float32)
    padded = np.pad(values, ((0, 0), (0, 0), (3, 3)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=-1)
    np.testing.assert_array_equal(median_of_seven(values), np.median(windows, axis=-1))
    short = values[..., :3]
    assert median_of_seven(short) is short


@pytest.mark.parametrize("seed", range(20))
def test_the_cheapest_way_is_found(seed: int) -> None:
    chance = np.random.default_rng(seed)
    costs = chance.normal(0, 1, (int(chance.integers(1, 9)), int(chance.integers(1, 14))))
    count, width = costs.shape
    total = np.full((count + 1, width + 1), np.inf)
    total[0, 0] = 0
    for row in range(1, count + 1):
        for column in range(1, width + 1):
            before = min(total[row - 1, column - 1], total[row - 1, column], total[row, column - 1])
            total[row, column] = costs[row - 1, column - 1] + before
    firsts, row, column = [0] * count, count, width
    while row:
        firsts[row - 1] = column - 1
        steps = [(row - 1, column - 1), (row - 1, column), (row, column - 1)]
        row, column = min(steps, key=lambda at: total[at])
    assert _warped(costs) == firsts


def test_tokens_begin_where_attention_moves_to() -> None:
    attention = np.full((2, 6, 60), -4.0, np.float32)
    for token, first in enumerate([0, 0, 5, 20, 22, 41]):
        end = [5, 5, 20, 22, 41, 60][token]
        attention[:, token, first:end] = 4
    found = begins(attention, slice(1, 6))
    assert found == pytest.approx([0, 5, 20, 22, 41], abs=2)
