"""The ordered grids that numbers live on.

A range of few steps has a point for each; a longer one, or a continuous one, has `MAX_LEVELS`
points that are equally spaced in the (log) range.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

__all__ = ["MAX_LEVELS", "check_range", "float_grid", "integer_grid"]

MAX_LEVELS = 1025
"""Grid points of a continuous float, and the most that a long integer range is given."""


def integer_grid(low: int, high: int, step: int, *, log: bool) -> list[int]:
    """Return the grid of integers in `[low, high]` by `step`, in increasing order.

    Example:
        >>> integer_grid(1, 9, 3, log=False)
        [1, 4, 7]
    """
    n = (high - low) // step + 1
    if n <= MAX_LEVELS or not log:
        return [low + step * i for i in _spread(n)]
    inner = np.exp(np.linspace(np.log(float(low)), np.log(float(high)), MAX_LEVELS))[1:-1]
    return sorted({low, high, *(min(max(round(v), low), high) for v in inner.tolist())})


def float_grid(low: float, high: float, step: float | None, *, log: bool) -> list[float]:
    """Return the grid of floats in `[low, high]`, continuous or by `step`, in increasing order.

    Example:
        >>> float_grid(0.0, 0.3, 0.1, log=False)
        [0.0, 0.1, 0.2, 0.3]
    """
    if step is not None:
        # In decimals as Optuna does it: as floats, 0.3 is less than three steps of 0.1.
        first, each = Fraction(str(low)), Fraction(str(float(step)))
        n = int((Fraction(str(high)) - first) // each) + 1
        return [float(first + each * i) for i in _spread(n)]
    if log:
        inner = np.exp(np.linspace(np.log(low), np.log(high), MAX_LEVELS))[1:-1]
    else:
        inner = np.linspace(low, high, MAX_LEVELS)[1:-1]
    # A range of a few floats has fewer than MAX_LEVELS different points.
    grid: list[float] = np.unique([low, *np.clip(inner, low, high), high]).tolist()
    return grid


def check_range(name: str, low: float, high: float, step: float | None, log: bool) -> None:
    """Raise if there is no such range.

    Args:
        name: The parameter's name, for the error.
        low: The least value.
        high: The greatest value.
        step: Between two neighbours, `None` in a continuous range.
        log: Whether the grid is even in the logarithm.

    Raises:
        ValueError: `low > high`, the range is not finite, or `log` with `low <= 0` or a step.
    """
    try:
        is_finite = math.isfinite((float(high) - float(low)) / (step or 1.0))
    except OverflowError:  # an int beyond the floats
        is_finite = False
    if not is_finite or low > high:
        raise ValueError(
            f"Variable {name!r} needs low <= high, finite and not too far apart, got "
            f"[{low}, {high}]."
        )
    if log and low <= 0:
        raise ValueError(f"Variable {name!r}: log=True needs low > 0, got {low}.")
    if log and step not in (None, 1):
        raise ValueError(f"Variable {name!r}: log=True and step={step} exclude each other.")


def _spread(n: int) -> list[int]:
    """Return `0, ..., n - 1`, or `MAX_LEVELS` of them, evenly spread with both ends."""
    if n <= MAX_LEVELS:
        return list(range(n))
    return [i * (n - 1) // (MAX_LEVELS - 1) for i in range(MAX_LEVELS)]
