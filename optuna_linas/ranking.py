"""Non-dominated ranks and crowding distances of whole arrays.

Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 2002. An inner
search ranks a thousand times per batch: moocore does it in a few microseconds.

Shapes: `losses` is `float[n, m]`, minimised, without NaN; `violations` is `float[n]`, 0 where
feasible.
"""

from __future__ import annotations

import moocore
import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray

__all__ = ["crowding_distance", "front_rank", "is_on_first_front"]

_LARGEST = 1e300
"""What moocore gets as it is."""


def front_rank(losses: FloatArray, violations: FloatArray | None = None) -> IntArray:
    """Return the front that each row is on, 0 for the best, `int[n]`.

    Feasible rows are sorted by dominance; infeasible ones come after all of them, each different
    violation a front of its own (Deb's constrained domination).

    Args:
        losses: `float[n, m]`.
        violations: `float[n]`; `None` where all rows are feasible.

    Example:
        >>> front_rank(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]))
        array([0, 0, 1])
    """
    if violations is not None and (violations > 0).any():
        rank = np.empty(len(losses), dtype=np.int64)
        feasible = violations <= 0
        rank[feasible] = front_rank(losses[feasible])
        order = np.unique(violations[~feasible], return_inverse=True)[1]
        rank[~feasible] = order + (rank[feasible].max() + 1 if feasible.any() else 0)
        return rank
    return np.asarray(moocore.pareto_rank(_of_moderate_size(losses)), dtype=np.int64)


def is_on_first_front(losses: FloatArray) -> BoolArray:
    """Return which rows no other dominates, all copies of them, `bool[n]`.

    Example:
        >>> is_on_first_front(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 2.0]]))
        array([ True,  True, False])
    """
    rows = _of_moderate_size(losses)
    return np.asarray(moocore.is_nondominated(rows, keep_weakly=True), dtype=bool)


def _of_moderate_size(losses: FloatArray) -> FloatArray:
    """The losses, or their places in each column where some are infinite or nearly so.

    Which row dominates which is the same, and moocore crashes where losses are infinite.
    """
    if (np.abs(losses) < _LARGEST).all():
        return losses
    places = [np.unique(column, return_inverse=True)[1] for column in losses.T]
    return np.column_stack(places).astype(np.float64)


def crowding_distance(losses: FloatArray, rank: IntArray) -> FloatArray:
    """Return NSGA-II's crowding distance of each row within its front, `float[n]`.

    The ends of a front have infinite distance; spreads are those of the whole set of rows.
    """
    n = len(losses)
    distance = np.zeros(n)
    if n == 0:
        return distance
    front = np.sort(rank)
    is_border = front[1:] != front[:-1]
    for column in losses.T:
        order = np.lexsort((column, rank))
        value, gap = column[order], np.zeros(n)
        if (spread := column.max() - column.min()) > 0:
            gap[1:-1] = (value[2:] - value[:-2]) / spread
        gap[0] = gap[-1] = np.inf
        gap[1:][is_border] = gap[:-1][is_border] = np.inf
        distance[order] += gap
    return distance
