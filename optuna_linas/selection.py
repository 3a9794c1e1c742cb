"""Which of the architectures an inner search has seen are worth measuring.

Shapes: `archs` is `int[n, d]` in canonical form, `losses` is `float[n, m]`, minimised.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray, row_bytes
from optuna_linas.enumeration import all_rows, some_networks
from optuna_linas.ranking import crowding_distance, front_rank
from optuna_linas.space import SearchSpace

__all__ = ["best_unique", "filled_up", "first_of_each", "unseen"]

_MAX_ENUMERATION = 1 << 16
_MAX_ROUNDS = 32


def best_unique(
    archs: IntArray, losses: FloatArray, violations: FloatArray, *, taken: set[bytes], n: int
) -> IntArray:
    """Return the indices of the `n` best different rows that are not `taken`, best first.

    Order: feasible before infeasible (the least violating first), then the front a row is on, then
    crowding distance within the front, so that the first few already spread over it. Feasible rows
    are on fronts of their own: what must not be built outshines nothing. Rows with a NaN or an
    infinite loss come last.

    Args:
        archs: Canonical rows, `int[k, d]`.
        losses: Predicted losses, `float[k, m]`.
        violations: Predicted violations, `float[k]`, 0 where feasible.
        taken: `row.tobytes()` of the canonical rows that must not come again.
        n: How many to return at most.
    """
    index = first_of_each(archs, taken)
    if len(index) == 0:
        return index
    is_known = np.isfinite(losses[index]).all(axis=1) & ~np.isnan(violations[index])
    known, unknown = index[is_known], index[~is_known]
    rank = front_rank(losses[known], np.maximum(violations[known], 0.0))
    crowding = crowding_distance(losses[known], rank)
    order = np.lexsort((-crowding, rank))
    best: IntArray = np.concatenate([known[order], unknown])[:n]
    return best


def first_of_each(archs: IntArray, taken: set[bytes]) -> IntArray:
    """Return the index of each different row that is not `taken`, in order, `int[<= k]`.

    Example:
        >>> first_of_each(np.array([[1], [2], [1], [3]]), {np.array([2]).tobytes()})
        array([0, 3])
    """
    backwards = range(len(archs) - 1, -1, -1)
    first = dict(zip(reversed(row_bytes(archs)), backwards, strict=True))
    for key in taken:
        first.pop(key, None)
    return np.sort(np.fromiter(first.values(), dtype=np.int64, count=len(first)))


def filled_up(
    space: SearchSpace, chosen: IntArray, n: int, rng: np.random.Generator, *, taken: set[bytes]
) -> IntArray:
    """Return `chosen` canonical rows, with `unseen` ones behind them until there are `n`."""
    known = taken | {row.tobytes() for row in chosen}
    return np.concatenate([chosen, unseen(space, n - len(chosen), rng, taken=known)])


def unseen(space: SearchSpace, n: int, rng: np.random.Generator, *, taken: set[bytes]) -> IntArray:
    """Return up to `n` different canonical rows that are not `taken`, drawn at random.

    Rejection sampling for a bounded number of rounds; what those do not find is enumerated, as far
    as need be. Fewer than `n` rows come back only when no more exist.
    """
    found: dict[bytes, IntArray] = {}

    def keep(rows: IntArray) -> None:
        for row in space.canonical(rows):
            if len(found) < n and (key := row.tobytes()) not in taken:
                found.setdefault(key, row)

    for _ in range(_MAX_ROUNDS):
        if len(found) >= n:
            break
        keep(space.sample(max(2 * n, 16), rng))
    if len(found) < n:
        keep(rng.permutation(_enumerated(space, len(taken) + n, rng)))
    rows = list(found.values())
    return np.stack(rows) if rows else np.zeros((0, len(space)), dtype=np.int64)


def _enumerated(space: SearchSpace, n: int, rng: np.random.Generator) -> IntArray:
    """Rows among which are `n` different networks, or all that there are."""
    if space.size() <= _MAX_ENUMERATION:
        return all_rows(space.n_options)
    conditions = [space.requirements(j) for j in range(len(space))]
    return some_networks(space.n_options, conditions, space.parents_first, n, rng)
