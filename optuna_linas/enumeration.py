"""Every row of a small space, and as many different networks of a large one as are wanted.

Shapes: `d` variables; a condition is (parent position, allowed[option index]).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.effective_size import Conditions

__all__ = ["all_rows", "some_networks"]


def all_rows(n_options: IntArray) -> IntArray:
    """Return every row, `int[size, d]`: the digits of 0, 1, ... in the mixed base of the options.

    Example:
        >>> all_rows(np.array([2, 2])).tolist()
        [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    rows = np.zeros((math.prod(n_options.tolist()), len(n_options)), dtype=np.int64)
    rest = np.arange(len(rows))
    for j, n in enumerate(n_options):
        rest, rows[:, j] = np.divmod(rest, n)
    return rows


def some_networks(
    n_options: IntArray,
    conditions: Conditions,
    order: Sequence[int],
    n: int,
    rng: np.random.Generator,
) -> IntArray:
    """Return `n` different canonical rows, or all where there are no more, `int[<= n, d]`.

    Where one variable exists only by another's leave, few networks may have a large share of all
    rows, and the others are not found by drawing rows: here the variables are taken one by one,
    and every row so far goes on with each option that the next one has in it.

    Args:
        n_options: Options per variable, `int[d]`.
        conditions: The conditions of each variable.
        order: The variables, parents before children.
        n: How many are enough; of more, each variable keeps as many at random.
        rng: The source of all randomness.

    Example:
        >>> only_with_the_first = [[], [(0, np.array([True, False]))]]
        >>> rng = np.random.default_rng(0)
        >>> some_networks(np.array([2, 2]), only_with_the_first, [0, 1], 9, rng).tolist()
        [[0, 0], [0, 1], [1, 0]]
    """
    rows = np.zeros((1, len(n_options)), dtype=np.int64)
    active = np.ones(rows.shape, dtype=bool)
    for j in order:
        for parent, allowed in conditions[j]:
            active[:, j] &= active[:, parent] & allowed[rows[:, parent]]
        counts = np.where(active[:, j], n_options[j], 1)
        ends = np.cumsum(counts)
        kept = np.arange(ends[-1])
        if len(kept) > n:
            kept = np.sort(rng.choice(len(kept), n, replace=False))
        come_from = np.searchsorted(ends, kept, side="right")
        rows, active = rows[come_from], active[come_from]
        rows[:, j] = kept - (ends - counts)[come_from]
    return rows
