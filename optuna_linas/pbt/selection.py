"""Who is a parent and who is replaced (PBT-NAS, algorithm 1; truncation selection of PBT).

Shapes: `n` slots, `m` objectives, `losses` is `float[n, m]`, minimised, a row with NaN for a slot
that has no score. `order` is `int[k]`, the slots with a score, best first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.ranking import crowding_distance, front_rank

__all__ = ["best_first", "n_selected", "parents_of", "replaced_of"]


def best_first(losses: ArrayLike, violations: ArrayLike | None = None) -> IntArray:
    """Return the slots that have a score, best first, `int[k]`.

    With several objectives: by front, within a front the less crowded first. Ties go to the lower
    slot, so that the order does not depend on who finished first.

    Args:
        losses: `float[n, m]`, minimised; a row that is not finite has no score.
        violations: Total constraint violation `float[n]`, 0 if feasible; infeasible slots come
            after all feasible ones, the least violating first.

    Raises:
        ValueError: The losses are not `float[n, m]`.

    Example:
        >>> best_first([[0.3], [float("nan")], [0.1], [0.3]])
        array([2, 0, 3])
    """
    values = np.asarray(losses, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"Expected losses of shape (n, m), got {values.shape}.")
    broken: FloatArray | None = None
    slots = np.flatnonzero(np.isfinite(values).all(axis=1))
    if violations is not None:
        broken = np.asarray(violations, dtype=np.float64)[slots]
    rank = front_rank(values[slots], broken)
    crowding = crowding_distance(values[slots], rank)
    if values.shape[1] == 1:  # one objective has no crowding
        crowding = np.zeros(len(slots))
    best: IntArray = slots[np.lexsort((slots, -crowding, rank))]
    return best


def n_selected(n_slots: int, quantile: float) -> int:
    """Return how many of the worst are replaced: the share `quantile`, at least 1 if it is not 0.

    Args:
        n_slots: Members of the population.
        quantile: In [0, 0.5].

    Example:
        >>> n_selected(24, 0.25), n_selected(3, 0.25), n_selected(8, 0.0)
        (6, 1, 0)
    """
    return 0 if quantile == 0 else max(1, int(quantile * n_slots + 1e-9))


def parents_of(order: IntArray, n_slots: int, quantile: float) -> IntArray:
    """Return the slots that parents are drawn from, best first: the top `quantile`, at least two.

    Args:
        order: Slots with a score, best first, `int[k]`.
        n_slots: Slots in all.
        quantile: The share, 0.25 in the paper.

    Example:
        >>> parents_of(np.array([5, 2, 0, 1]), 6, 0.25)
        array([5, 2])
    """
    return order[: max(2, n_selected(n_slots, quantile))]


def replaced_of(order: IntArray, n_slots: int, quantile: float) -> IntArray:
    """Return the slots that become children: the worst `quantile`, `int[r]`, in ascending order.

    A slot without a score is worse than any with one, and is always replaced.

    Args:
        order: The slots that have a score, best first, `int[k]`.
        n_slots: Members of the population.
        quantile: In [0, 0.5].

    Example:
        >>> replaced_of(np.array([3, 2, 0, 1]), 4, 0.25), replaced_of(np.array([3]), 4, 0.25)
        (array([1]), array([0, 1, 2]))
    """
    lost = np.setdiff1d(np.arange(n_slots), order)
    n_more = max(0, n_selected(n_slots, quantile) - len(lost))
    # The best is never replaced, even by its own child.
    worst = order[max(1, len(order) - n_more) :]
    return np.sort(np.concatenate([lost, worst])).astype(np.int64)
