"""The budgets that a learned front is drawn at."""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.pareto import non_dominated

__all__ = ["front_budgets"]


def front_budgets(losses: FloatArray, low: float, high: float, n: int) -> FloatArray:
    """Return up to `n` budgets from `low` to `high`, increasing: half even, half where it matters.

    The latter are costs of the measured front, at which one more network is affordable: costs may
    lie mostly at one end of their range, where even budgets would pass over all that changes.

    Args:
        losses: Value and cost of what was measured, minimised, `float[n, 2]`.
        low: The first budget, as a loss.
        high: The last one.
        n: How many, at least 2.

    Example:
        >>> losses = np.array([[3.0, 1.0], [2.0, 1.5], [1.0, 2.0], [0.0, 101.0], [4.0, 60.0]])
        >>> front_budgets(losses, 1.0, 101.0, 5)
        array([  1. ,   1.5,   2. ,  51. , 101. ])
    """
    costs = np.unique(losses[non_dominated(losses), 1])
    costs = costs[(costs > low) & (costs < high)]
    n_few = min(len(costs), n // 2, n - 2)
    few = costs[np.unique(np.linspace(0, len(costs) - 1, n_few).round().astype(int))]
    return np.union1d(np.linspace(low, high, n - len(few)), few)
