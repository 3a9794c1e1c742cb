"""Which of the architectures an inner search has seen are worth measuring.

Shapes: `archs` is `int[n, d]` in canonical form, `losses` is `float[n, m]`, minimised.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.ranking import crowding_distance, front_rank
from optuna_linas.space import SearchSpace

__all__ = ["best_unique", "unseen"]

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
    archs = np.ascontiguousarray(archs)
    fresh: dict[bytes, int] = {}
    for i, row in enumerate(archs):
        key = row.tobytes()
        if key not in taken:
            fresh.setdefault(key, i)
    index = np.fromiter(fresh.values(), dtype=np.int64, count=len(fresh))
    if len(index) == 0:
        return index
    is_known = np.isfinite(losses[index]).all(axis=1) & ~np.isnan(violations[index])
    known, unknown = index[is_known], index[~is_known]
    rank = front_rank(losses[known], np.maximum(violations[known], 0.0), enough=n)
    crowding = crowding_distance(losses[known], rank)
    order = np.lexsort((-crowding, rank))
    best: IntArray = np.concatenate([known[order], unknown])[:n]
    return best


def unseen(space: SearchSpace, n: int, rng: np.random.Generator, *, taken: set[bytes]) -> IntArray:
    """Return up to `n` different canonical rows that are not `taken`, drawn at random.

    Rejection sampling for a bounded number of rounds; a small space is then enumerated, so the
    last unseen rows are found. Fewer than `n` rows come back only when no more exist, or when a
    large space is all but exhausted.
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
    if len(found) < n and space.size() <= _MAX_ENUMERATION:
        keep(rng.permutation(_all_rows(space)))
    rows = list(found.values())
    return np.stack(rows) if rows else np.zeros((0, len(space)), dtype=np.int64)


def _all_rows(space: SearchSpace) -> IntArray:
    """Every row, `int[size, d]`: the digits of 0, 1, ... in the mixed base of the options."""
    rows = np.zeros((space.size(), len(space)), dtype=np.int64)
    rest = np.arange(len(rows))
    for j, n in enumerate(space.n_options):
        rest, rows[:, j] = np.divmod(rest, n)
    return rows
