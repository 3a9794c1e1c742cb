"""Non-dominated ranks and crowding distances for the inner loop, where microseconds add up.

Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 2002.

Shapes: `losses` is `float[n, m]`, minimised and finite; `violations` is `float[n]`, 0 if feasible.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray

__all__ = ["crowding_distance", "front_rank"]


def front_rank(
    losses: FloatArray, violations: FloatArray | None = None, *, enough: int | None = None
) -> IntArray:
    """Return the front that each row is on, 0 for the best, `int[n]`.

    Feasible rows are sorted by dominance; infeasible ones come after all of them, each different
    violation a front of its own (Deb's constrained domination).

    Args:
        losses: `float[n, m]`.
        violations: `float[n]`; `None` where all rows are feasible.
        enough: How many rows need a rank: once as many are on a front, all others may be counted
            as being on the next one.

    Example:
        >>> front_rank(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]))
        array([0, 0, 1])
    """
    if violations is not None and (violations > 0).any():
        rank = np.empty(len(losses), dtype=np.int64)
        feasible = violations <= 0
        rank[feasible] = front_rank(losses[feasible], enough=enough)
        order = np.unique(violations[~feasible], return_inverse=True)[1]
        rank[~feasible] = order + (rank[feasible].max() + 1 if feasible.any() else 0)
        return rank
    if losses.shape[1] == 1:
        return np.unique(losses[:, 0], return_inverse=True)[1].astype(np.int64)
    if losses.shape[1] == 2:
        return _first_of_two(losses) if enough == 1 else _rank_two(losses)
    return _rank_many(losses, len(losses) if enough is None else enough)


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


def _rank_two(losses: FloatArray) -> IntArray:
    """O(n log n): in the order of the first objective, a row joins the first front that it can.

    It can join a front whose last second objective is larger than its own, or which holds an equal
    row; those last values increase from front to front, so the place is found by bisection.
    """
    order = np.lexsort((losses[:, 1], losses[:, 0]))
    ends: list[float] = []
    rank = np.empty(len(losses), dtype=np.int64)
    ranks: list[int] = []
    before, k = None, 0
    for row in losses[order].tolist():
        if row != before:
            before, second = row, row[1]
            k = bisect_right(ends, second)
            if k == len(ends):
                ends.append(second)
            else:
                ends[k] = second
        ranks.append(k)
    rank[order] = ranks
    return rank


def _first_of_two(losses: FloatArray) -> IntArray:
    """0 for the rows that no other dominates, 1 for all others."""
    order = np.lexsort((losses[:, 1], losses[:, 0]))
    rows = losses[order]
    is_copy = np.zeros(len(rows), dtype=bool)
    is_copy[1:] = (rows[1:] == rows[:-1]).all(axis=1)
    second = rows[~is_copy, 1]
    is_first = np.ones(len(second), dtype=bool)
    is_first[1:] = second[1:] < np.minimum.accumulate(second)[:-1]
    rank = np.empty(len(losses), dtype=np.int64)
    rank[order] = ~is_first[np.cumsum(~is_copy) - 1]
    return rank


def _rank_many(losses: FloatArray, enough: int) -> IntArray:
    """Peels one front after the other off the rows, until `enough` rows are on one."""
    rank = np.full(len(losses), -1, dtype=np.int64)
    # Rows that are good in all objectives first: they dominate most of the others.
    rest = np.argsort(losses.argsort(axis=0).argsort(axis=0).sum(axis=1), kind="stable")
    n_ranked = front = 0
    while n_ranked < enough and len(rest):
        is_member = _non_dominated(losses[rest])
        rank[rest[is_member]] = front
        rest = rest[~is_member]
        n_ranked, front = len(losses) - len(rest), front + 1
    rank[rest] = front
    return rank


def _non_dominated(losses: FloatArray) -> BoolArray:
    """Which of the rows no other dominates, O(n m) per member; in any order, the best first."""
    alive = np.arange(len(losses))
    at = 0
    while at < len(alive):
        rows, member = losses[alive], losses[alive[at]]
        keep = (rows < member).any(axis=1) | (rows == member).all(axis=1)
        alive = alive[keep]
        at = int(keep[: at + 1].sum())
    found = np.zeros(len(losses), dtype=bool)
    found[alive] = True
    return found
