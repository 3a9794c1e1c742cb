"""Losses with their outliers moved to a fence, as in a box plot.

Tukey, "Exploratory Data Analysis", 1977. A network that fails is often told with a penalty of 1e10
or the largest float: what is measured in units of it, all other networks have in common.

Shapes: `n` rows, `m` objectives.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray

__all__ = ["FAR", "NEAR", "fenced"]

NEAR, FAR = 1.5, 10.0
"""Interquartile ranges: what a box plot shows as an outlier; and what no trade-off reaches."""


def fenced(losses: FloatArray, width: float) -> FloatArray:
    """Return the losses, those far on the bad side moved to the fence, `float[n, m]`.

    Args:
        losses: `float[n, m]`.
        width: Interquartile ranges from the third quartile to the fence.

    Example:
        >>> fenced(np.array([[1.0], [2.0], [3.0], [4.0], [1e10]]), NEAR).ravel()
        array([1., 2., 3., 4., 7.])
    """
    low, high = np.quantile(losses, [0.25, 0.75], axis=0)
    fence = high + width * (high - low)
    # Half of all values may be the same; then there is no spread to set a fence by.
    return np.where(high > low, np.minimum(losses, fence), losses)
