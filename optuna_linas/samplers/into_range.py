"""What the options of a number become in the range that one trial asks for.

Shapes: `int[n_options]`, the index of an option for each option of the variable.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from optuna_linas.arrays import IntArray
from optuna_linas.distributions import nearest
from optuna_linas.variable import Variable

__all__ = ["into_range"]

_EXACT = 2**53
"""Integers up to which floats, which Optuna compares by, tell all apart."""


@lru_cache(maxsize=1_000)
def into_range(variable: Variable, seen: BaseDistribution) -> IntArray:
    """Return what each option of a number becomes in a range, `int[n_options]`.

    Args:
        variable: The number in the widest range that trials have had.
        seen: The range.

    Example:
        >>> into_range(Variable.integer("depth", 1, 5), IntDistribution(2, 4))
        array([1, 1, 2, 3, 3])
    """
    options = variable.options
    becomes = np.arange(len(options))
    if isinstance(seen, FloatDistribution | IntDistribution) and _is_on_grid(variable, seen):
        # Only what lies beyond an end becomes another: a code that asks for another range in each
        # trial has this computed for each.
        grid = cast("Sequence[float]", options)
        first, last = bisect_left(grid, seen.low), bisect_right(grid, seen.high)
        becomes[:first] = variable.index(nearest(seen, options[0]))
        becomes[last:] = variable.index(nearest(seen, options[-1]))
        return becomes
    for i, option in enumerate(options):
        value = nearest(seen, option)
        # Optuna cannot tell large integers apart, and then none may seem to be inside.
        becomes[i] = variable.index(option if value is None else value)
    return becomes


def _is_on_grid(variable: Variable, seen: FloatDistribution | IntDistribution) -> bool:
    """Whether every option between a range's ends is in it, and floats tell them all apart."""
    if isinstance(seen, FloatDistribution):
        return seen.step is None
    if max(abs(seen.low), abs(seen.high)) > _EXACT:
        return False
    aligned = seen.step == variable.step and (seen.low - int(variable.low)) % seen.step == 0
    return seen.step == 1 or aligned
