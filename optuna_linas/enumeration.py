"""Every row of a small space.

Shapes: `d` variables.
"""

from __future__ import annotations

import math

import numpy as np

from optuna_linas.arrays import IntArray

__all__ = ["all_rows"]


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
