"""What lies far on the bad side, as in a box plot: beyond a fence.

Tukey, "Exploratory Data Analysis", 1977. A network that fails is often told with a penalty of 1e10
or the largest float: what is measured in units of it, all other networks have in common.

Shapes: `n` rows, `m` objectives.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, cut_off

__all__ = ["FAR", "NEAR", "Fence", "fenced"]

NEAR, FAR = 1.5, 10.0
"""Interquartile ranges: what a box plot shows as an outlier; and what no trade-off reaches."""

_PENALTY = 1e3
"""Times the median: so far above it no quarter of what is measured lies, but of what failed."""
_DEPTH = 0.25
"""The room beyond a fence, in distances of the fence from the third quartile. With as much as that
distance three failed networks of sixty cost a tenth of the rank correlation among the others."""
_MOST = 1.0 - 1e-9
"""Of the room beyond a fence: all of it is infinitely far."""


class Fence:
    """Draws losses in that are far on the bad side, in their order, and brings them back.

    Where a loss is `x` beyond the fence, and the fence `4 w` beyond the third quartile, it becomes
    `w x / (x + w)` beyond: how bad a network is that failed does not drown the differences between
    good ones, and what is bad can still be told from what is worse. Losses are cut at 1e100.

    Args:
        losses: `float[n, m]`. Up to half of a column may be penalties a thousand times what is
            usual; where half of it is the same value, there is no fence.
        width: Interquartile ranges from the third quartile to the fence.

    Example:
        >>> losses = np.array([[1.0], [2.0], [3.0], [4.0], [1e10]])
        >>> fence = Fence(losses, NEAR)
        >>> fence(losses).round(3).ravel().tolist()
        [1.0, 2.0, 3.0, 4.0, 7.75]
        >>> fence.inverse(np.array([[7.375]])).tolist()
        [[7.75]]
    """

    def __init__(self, losses: FloatArray, width: float) -> None:
        losses = cut_off(losses)
        at, distance = _fences(losses, width)
        self._room, self._worst = _DEPTH * distance, losses.max(axis=0)
        # Where nothing lies beyond it there is no fence: what is worse than all is not drawn in.
        self._at = np.where(self._worst > at, at, np.inf)
        self._draws_in = bool(np.isfinite(self._at).any())

    def __call__(self, losses: FloatArray) -> FloatArray:
        """Return the losses drawn in, `float[n, m]`."""
        losses = cut_off(losses)
        inside = np.minimum(losses, self._at)
        drawn: FloatArray = inside + self._room * (1 - self._room / (losses - inside + self._room))
        return drawn

    def inverse(self, drawn: FloatArray) -> FloatArray:
        """Return the losses that drawn in ones `float[k, m]` stand for, the worst seen at most."""
        if not self._draws_in:
            return drawn  # Mostly so, and a search asks for thousands.
        inside = np.minimum(drawn, self._at)
        share = np.minimum((drawn - inside) / self._room, _MOST)
        losses: FloatArray = inside + self._room * (share / (1.0 - share))
        return np.where(share > 0, np.minimum(losses, self._worst), inside)


def fenced(losses: FloatArray, width: float) -> FloatArray:
    """Return the losses, cut at 1e100, those far on the bad side moved to the fence, `float[n, m]`.

    Args:
        losses: `float[n, m]`, as for `Fence`.
        width: Interquartile ranges from the third quartile to the fence.

    Example:
        >>> fenced(np.array([[1.0], [2.0], [3.0], [4.0], [1e10]]), NEAR).ravel()
        array([1., 2., 3., 4., 7.])
    """
    losses = cut_off(losses)
    return np.minimum(losses, _fences(losses, width)[0])


def _fences(losses: FloatArray, width: float) -> tuple[FloatArray, FloatArray]:
    """Where the fences are, and how far from the third quartiles, `float[m]` each."""
    low, median, high = np.quantile(losses, [0.25, 0.5, 0.75], axis=0)
    usual = np.maximum(median - low, np.abs(median))
    failed = (usual > 0) & (high - median > _PENALTY * usual)
    # Where more than a quarter have failed, the better half tells how wide the worse one would be.
    high = np.where(failed, median + (median - low), high)
    room = width * (high - low)
    # Half of all values may be the same; then there is no spread to set a fence by.
    return np.where(high > low, high + room, np.inf), np.where(high > low, room, 1.0)
