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

_PENALTY = 1e3
"""Times the median: so far above it no quarter of what is measured lies, but of what failed."""


def fenced(losses: FloatArray, width: float) -> FloatArray:
    """Return the losses, those far on the bad side moved to the fence, `float[n, m]`.

    Args:
        losses: `float[n, m]`. Up to half of a column may be penalties a thousand times what is
            usual; where half of it is the same value, there is no fence.
        width: Interquartile ranges from the third quartile to the fence.

    Example:
        >>> fenced(np.array([[1.0], [2.0], [3.0], [4.0], [1e10]]), NEAR).ravel()
        array([1., 2., 3., 4., 7.])
    """
    low, median, high = np.quantile(losses, [0.25, 0.5, 0.75], axis=0)
    usual = np.maximum(median - low, np.abs(median))
    failed = (usual > 0) & (high - median > _PENALTY * usual)
    # Where more than a quarter have failed, the better half tells how wide the worse one would be.
    high = np.where(failed, median + (median - low), high)
    fence = high + width * (high - low)
    # Half of all values may be the same; then there is no spread to set a fence by.
    return np.where(high > low, np.minimum(losses, fence), losses)
