"""Constraint values without penalties.

A network that does not fit is often told as infinitely bad, or by 1e10. A model of a constraint
could not be fitted to the one, and would shrink from the slightest chance of the other.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray

__all__ = ["bounded"]

_FAR, _FARTHER = 1e3, 1e6
"""Times the largest below it: so far beyond lies what was set, if it is one number; or anything."""
_LARGEST = 1e100
"""What is larger is as good as infinite: its square overflows."""


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
    sizes = np.unique(np.abs(values[values != 0]))
    told = sizes[sizes < _LARGEST]
    if not len(told):
        return np.sign(values)
    satisfied = np.abs(values[(values < 0) & (np.abs(values) < _LARGEST)])
    most = satisfied.max(initial=0.0)
    violated = np.unique(values[(values > 0) & (values < _LARGEST)])
    for i, size in enumerate(violated):
        is_last = i == len(violated) - 1
        if most > 0 and size > most * (_FAR if is_last else _FARTHER):
            break
        most = max(most, float(size))
    return np.clip(values, -most, most)
