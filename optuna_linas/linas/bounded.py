"""Constraint values without penalties.

A network that does not fit is often told as infinitely bad, or by 1e10. A model of a constraint
could not be fitted to the one, and would shrink from the slightest chance of the other.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import LARGEST, FloatArray

__all__ = ["bounded"]

_FAR, _FARTHER = 1e3, 1e6
"""Times the largest below it: so far beyond lies what was set, if it is one number; or anything."""


def bounded(values: FloatArray) -> FloatArray:
    """Return the values of a constraint with penalties moved to the largest below them, `float[n]`.

    What was measured leaves no large gap: a penalty is infinite, or a thousand times as large as
    all that lies below it and one number, or a million times as large. Nothing else is changed.

    Args:
        values: Feasible where <= 0, possibly infinite, none of them NaN, `float[n]`.

    Example:
        >>> bounded(np.array([-3.0, -1.0, 0.0, 400.0, np.inf]))
        array([ -3.,  -1.,   0., 400., 400.])
        >>> bounded(np.array([-3.0, 1e10, 1e10]))
        array([-3.,  3.,  3.])
    """
    told = values[np.abs(values) < LARGEST]
    most = -float(told.min(initial=0.0))
    violated = np.unique(told[told > 0]).tolist()
    for size in violated:
        if most > 0 and size > most * (_FAR if size == violated[-1] else _FARTHER):
            break
        most = max(most, size)
    return np.clip(values, -most, most) if most > 0 else np.sign(values)
