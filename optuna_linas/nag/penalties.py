"""Costs that tell a network has failed, beside those that were measured.

A network that cannot be built or timed is often told with a cost of 1e4, 1e10 or the largest float.
Budgets spread evenly up to that number would all but one lie beyond every network that works.

No fence of a box plot (see `fence`) tells these apart: a latency may be heavy-tailed,
and a space of two families of networks may have a few that cost ten times as much as the others.
What tells a penalty is the gap below it, in which nothing lies. Infinity, which arrives here as
`LARGEST`, needs no telling.

Shapes: `n` networks.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import LARGEST, BoolArray, FloatArray
from optuna_linas.fence import FAR

__all__ = ["are_measured", "cost_of_failing", "suspected"]

_FAR_ALONE = 100.0
"""Times the dearest measured cost, for penalties that are not one number and several times, and for
one number that most networks have."""

_LEAST_MEASURED, _LEAST_DIFFERENT = 10, 3
"""Costs, and different ones, below a number that most networks have, or else it is a usual size."""

_SUSPICIOUS = 1e3
"""Times the cost below it: a number that nobody measures several times, and so far above all."""

_TAIL = 2.0
"""Times the decades from the median to the dearest: no tail goes on with such a leap."""


def are_measured(costs: FloatArray) -> BoolArray:
    """Return which costs were measured; the others are penalties, `bool[n]`.

    If they are one number that several networks have in common, they lie above the dearest measured
    cost by ten times that cost, or times the range of what is measured if that is more; else by a
    hundred times. Where all costs are positive, they also lie above it by twice the decades between
    the median and it, or else it may be a heavy tail. Below a penalty not all costs are the same: a
    cost with two values may be one. More than half of all are penalties only if they are one
    number, a hundred times above at least ten others, of at least three costs.

    What is `LARGEST` in size or beyond is infinite: never measured, where anything else is.

    Args:
        costs: As losses, finite, `float[n]`.

    Example:
        >>> are_measured(np.array([7.0, 9.0, 12.0, 31.0, 46.0, 1e4])).tolist()
        [True, True, True, True, True, False]
        >>> bool(are_measured(np.array([1.0, 30.0, 1e3, 2e4, 1e6])).all())
        True
        >>> are_measured(np.array([7.0, 1e100, 1e100, 1e100])).tolist()
        [True, False, False, False]
    """
    within = _within(costs)
    if within.any() and not within.all():
        measured = within.copy()
        measured[within] = are_measured(costs[within])
        return measured
    n = len(costs)
    # A quarter of each: the difference of two of the largest floats is none.
    ordered = np.sort(costs) / 4
    at = np.arange(1, n)
    if len(at) == 0 or ordered[0] == ordered[-1]:
        return np.ones(n, dtype=bool)
    median, dearest, penalty = ordered[(at - 1) // 2], ordered[at - 1], ordered[at]
    is_common = (penalty == ordered[-1]) & (at < n - 1)
    are_most = at < (n + 1) // 2
    n_different = np.cumsum(np.diff(ordered, prepend=-np.inf) > 0)[at - 1]
    is_common &= ~are_most | (at >= _LEAST_MEASURED) & (n_different >= _LEAST_DIFFERENT)
    times = np.where(is_common & ~are_most, FAR, _FAR_ALONE)
    is_far = _leap(dearest, penalty, ordered[0]) > times
    is_far &= dearest > ordered[0]
    is_far &= ~are_most | is_common
    if ordered[0] > 0:
        tail = np.log(dearest) - np.log(median)
        is_far &= np.log(penalty) - np.log(dearest) > _TAIL * tail
    if not is_far.any():
        return np.ones(n, dtype=bool)
    cheaper: BoolArray = costs < 4 * penalty[np.argmax(is_far)]
    return cheaper


def suspected(costs: FloatArray) -> float | None:
    """Return the cost that may be a penalty though too little tells it, or `None`.

    Several networks have it, and it lies above the next by a thousand times that cost, or times the
    range of the others if that is more. What is infinite (see `are_measured`) is not looked at.

    Args:
        costs: Those that `are_measured`, `float[n]`.

    Example:
        >>> suspected(np.array([7.0, 9.0, 1e10, 1e10, 1e10]))
        10000000000.0
        >>> suspected(np.array([7.0, 9.0, 12.0, 31.0, 46.0])) is None
        True
    """
    costs = costs[_within(costs)]
    highest = costs.max(initial=-np.inf)
    others = costs[costs < highest] / 4
    if len(others) == 0 or others.min() == others.max() or len(costs) < len(others) + 2:
        return None
    is_far = _leap(others.max(), highest / 4, others.min()) > _SUSPICIOUS
    return float(highest) if is_far else None


def cost_of_failing(costs: FloatArray) -> float:
    """Return what a network that failed counts as: dearer by the range than the dearest measured.

    Args:
        costs: What was measured, `float[n]`.

    Example:
        >>> cost_of_failing(np.array([7.0, 12.0, 46.0]))
        85.0
    """
    quarter = costs.max() / 4 + (costs.max() / 4 - costs.min() / 4)
    # The largest floats have no room above them.
    return float(4 * min(quarter, np.finfo(float).max / 4))


def _within(costs: FloatArray) -> BoolArray:
    """Which costs are finite: infinity, and what is beyond `LARGEST`, is cut off there."""
    within: BoolArray = np.abs(costs) < LARGEST
    return within


def _leap(dearest: FloatArray, penalty: FloatArray, cheapest: float) -> FloatArray:
    """How far a penalty lies above the dearest cost, in units of that cost or of the range."""
    unit = np.maximum(np.abs(dearest), dearest - cheapest)
    # Without a unit it is no leap; and not all leaps from the smallest floats are floats.
    with np.errstate(over="ignore"):
        leap: FloatArray = (penalty - dearest) / np.where(unit > 0, unit, np.inf)
    return leap
