"""Calibration, thresholds and figures, on logits that are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.training.corpus import HeadPlan, Row
from models.training.verdicts import Floats, Read, calibration, metrics_of, thresholds_of

MANY = HeadPlan("multilabel", ("a",), precision=0.0)
ONE = HeadPlan("multiclass", ("a", "b"))


def rows(*targets: Sequence[float], head: str = "acts") -> list[Row]:
    return [Row(str(i), "es", f"t{i}", {head: np.asarray(row, np.float32)}) for i, row in enumerate(targets)]


def reads(*logits: Sequence[float]) -> Read:
    """Of `rows`' texts, in any order."""

    def read(texts: Sequence[str]) -> Floats:
        return np.asarray([logits[int(text[1:])] for text in texts], np.float32)

    return read


def test_thresholds_keep_the_asked_precision() -> None:
    given = rows((1,), (1,), (0,), (1,), (0,), (0,))
    read = reads(*((float(np.log(p / (1 - p))),) for p in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)))
    strict = HeadPlan("multilabel", ("a",), precision=1.0)
    assert thresholds_of(strict, read, given, "acts")[0] > 0.7
    assert 0.5 < thresholds_of(MANY, read, given, "acts")[0] <= 0.6
    assert thresholds_of(ONE, read, given, "acts") == ()


def test_calibration_softens_what_is_too_sure() -> None:
    given = rows((1, 0), (1, 0), (0, 1), (0, 1), head="sentiment")
    logits = np.asarray([[9, 0], [9, 0], [9, 0], [0, 9]], np.float32)
    scale, shift = calibration(ONE, logits, given, "sentiment")
    assert scale[0] == scale[1] < 0.5
    assert not shift.any()


def test_a_label_that_never_holds_is_left_as_it_is() -> None:
    scale, shift = calibration(MANY, np.asarray([[1.0], [2.0]], np.float32), rows((0,), (0,)), "acts")
    assert (scale[0], shift[0]) == (1.0, 0.0)


def test_figures_stand_by_language_and_label() -> None:
    given = rows((1,), (1,), (0,), (0,))
    figures = metrics_of(MANY, (0.5,), reads((2.0,), (-2.0,), (2.0,), (-2.0,)), given, "acts")
    assert figures["es"]["labels"]["a"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    assert figures["es"]["macro_f1"] == pytest.approx(0.5)
