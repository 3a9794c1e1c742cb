"""A few of many."""

from __future__ import annotations

import numpy as np

__all__ = ["evenly"]


def evenly(n: int, n_wanted: int) -> list[int]:
    """Return up to `n_wanted` of the positions 0 to n - 1, from the first to the last.

    Example:
        >>> evenly(9, 3), evenly(2, 5), evenly(5, 0)
        ([0, 4, 8], [0, 1], [])
    """
    return sorted({round(x) for x in np.linspace(0, n - 1, min(n, n_wanted)).tolist()})
