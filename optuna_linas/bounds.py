"""Batches for one objective: the lower confidence bound, believed batch-wise (GP-BUCB).

Desautels, Krause and Burdick, "Parallelizing Exploration-Exploitation Tradeoffs in Gaussian Process
Bandit Optimization", JMLR 2014. With several objectives a batch spreads over the front by itself;
with one, the best predictions are neighbours that would all tell the same. The variance of a
Gaussian process does not depend on values, so after each pick it shrinks around it before the next.

Shapes: `k` candidates.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray

__all__ = ["lowest_bounds"]


def lowest_bounds(
    mean: FloatArray, covariance: FloatArray, n: int, *, width: float, believed: int = 0
) -> IntArray:
    """Return the indices of up to `n` candidates, in the order of being picked.

    Args:
        mean: Predicted losses, `float[k]`.
        covariance: Their posterior covariance, `float[k, k]`.
        n: How many to pick.
        width: Standard deviations below the mean that count; 0 picks by the mean alone.
        believed: The first so many candidates are being measured: they are not picked, but what
            they will tell counts as known.

    Example:
        >>> twins = np.array([[1.0, 0.99, 0.0], [0.99, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> lowest_bounds(np.array([0.0, 0.1, 0.5]), twins, 2, width=1.0)
        array([0, 2])
    """
    covariance = covariance.copy()
    smallest = 1e-9 * max(float(np.diag(covariance).max(initial=0.0)), 1e-300)

    def learn(i: int) -> None:
        if covariance[i, i] > smallest:
            column = covariance[:, i].copy()
            covariance[:] -= np.outer(column, column) / column[i]

    for i in range(believed):
        learn(i)
    alive = np.arange(len(mean)) >= believed
    picked: list[int] = []
    while len(picked) < n and alive.any():
        bound = mean - width * np.sqrt(np.maximum(np.diag(covariance), 0.0))
        picked.append(int(np.argmin(np.where(alive, bound, np.inf))))
        alive[picked[-1]] = False
        learn(picked[-1])
    return np.array(picked, dtype=np.int64)
