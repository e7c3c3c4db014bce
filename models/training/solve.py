"""Logistic regression on features that are part dense (the embedding), part sparse (words and letters).

The same objective as scikit-learn's, `strength · Σ weight · cross-entropy + ½‖W‖²`, but all labels at once and with the
dense block as a dense matrix, which is several times faster than one sparse matrix of both.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

Matrix = NDArray[np.float64]
_ITERATIONS = 120


def logistic(
    dense: NDArray[np.float32],
    sparse: Any,
    targets: Matrix,
    weights: Matrix,
    strength: float,
    *,
    exclusive: bool,
) -> tuple[Matrix, Matrix]:
    """Weights `[dense + sparse columns, labels]` and bias of the softmax (`exclusive`) or of one sigmoid a label.

    `targets` is `[rows, labels]`; with softmax each row adds up to 1. `weights` has the shape of `targets`, or one
    column that holds for all.
    """
    labels = targets.shape[1]
    columns = dense.shape[1] + sparse.shape[1]
    turned = sparse.T.tocsr()

    def cost(flat: Matrix) -> tuple[float, Matrix]:
        table = flat.reshape(columns + 1, labels).astype(np.float32)
        scores = dense @ table[: dense.shape[1]] + sparse @ table[dense.shape[1] : columns] + table[columns]
        scores = scores.astype(np.float64)
        if exclusive:
            logs = log_softmax(scores, axis=1)
            loss = -float((weights * targets * logs).sum())
            slope = weights * (np.exp(logs) - targets)
        else:
            loss = float((weights * (np.logaddexp(0.0, scores) - targets * scores)).sum())
            slope = weights * (expit(scores) - targets)
        narrow = slope.astype(np.float32)
        gradient = np.vstack([dense.T @ narrow, turned @ narrow, np.zeros((1, labels), dtype=np.float32)])
        gradient = gradient.astype(np.float64) * strength
        gradient[columns] = slope.sum(axis=0) * strength
        body = flat.reshape(columns + 1, labels)[:columns]
        gradient[:columns] += body
        return loss * strength + 0.5 * float((body * body).sum()), gradient.ravel()

    start = np.zeros((columns + 1) * labels)
    found = minimize(
        cost, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS, "ftol": 1e-6, "maxcor": 6}
    )
    table = found.x.reshape(columns + 1, labels)
    return table[:columns], table[columns]
