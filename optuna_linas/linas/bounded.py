"""Constraint values without penalties.

A network that does not fit is often told as infinitely bad, or by 1e10. A model of a constraint
could not be fitted to the one, and would shrink from the slightest chance of the other.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray

__all__ = ["bounded"]

_FAR = 10.0
"""Times what is usual: what lies beyond was not measured but set."""
_LARGEST = 1e100
"""What is larger is as good as infinite: its square overflows."""


def bounded(values: FloatArray) -> FloatArray:
    """Return the values of a constraint, those beyond ten times what is usual moved, `float[n]`.

    Usual is the median size of what satisfies the constraint, as that has no penalty in it; where
    all of that is 0 or there is none of it, of what violates it. What lies beyond is moved to the
    largest that does not, and keeps its sign.

    Args:
        values: Feasible where <= 0, possibly infinite, none of them NaN, `float[n]`.

    Example:
        >>> bounded(np.array([-3.0, -1.0, 0.0, 4.0, np.inf]))
        array([-3., -1.,  0.,  4.,  4.])
    """
    sizes = np.abs(values)
    tells = (sizes > 0) & (sizes < _LARGEST)
    satisfied = tells & (values < 0)
    usual = sizes[satisfied] if satisfied.any() else sizes[tells]
    if not len(usual):
        return np.sign(values)
    most = sizes[sizes <= _FAR * np.median(usual)].max()
    return np.clip(values, -most, most)
