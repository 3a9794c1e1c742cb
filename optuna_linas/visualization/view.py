"""Which part of an axis a figure shows first: one hiccup of the machine must not hide the rest."""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray

__all__ = ["first_view", "outside"]

_FENCE = 3.0
"""Interquartile ranges beyond the quartiles from which on a value is far out (Tukey 1977)."""
_PADDING = 0.05


def first_view(values: FloatArray, front: BoolArray) -> list[float] | None:
    """Return the range of an axis, or `None` where all values can be shown.

    Left out is what lies far from the bulk of the values and is not on the front.

    Args:
        values: What is drawn along the axis, `float[n]`.
        front: Which of it must be seen.

    Example:
        >>> values = np.array([1.0, 2.0, 3.0, 4.0, 90.0])
        >>> first_view(values, values < 2)
        [0.85, 4.15]
        >>> first_view(values[:4], values[:4] < 2) is None
        True
    """
    low, high = np.quantile(values, [0.25, 0.75])
    reach = _FENCE * (high - low)
    near = (values >= low - reach) & (values <= high + reach)
    if near.all() or reach == 0:
        return None
    shown = values[near | front]
    if shown.min() == values.min() and shown.max() == values.max():
        return None
    pad = _PADDING * float(np.ptp(shown))
    return [float(shown.min()) - pad, float(shown.max()) + pad]


def outside(values: FloatArray, view: list[float] | None) -> BoolArray:
    """Return which values a view leaves out, `bool[n]`."""
    if view is None:
        return np.zeros(len(values), dtype=bool)
    left_out: BoolArray = (values < view[0]) | (values > view[1])
    return left_out
