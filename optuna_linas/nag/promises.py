"""What predictions have promised, and what came of it.

An answer is not any architecture, it is the one that promises most of all, and promises most where
the model errs (the "winner's curse"). How much of a promise comes true is therefore measured on
architectures that are measured already, as models saw them that did not know them.

Shapes: `n` known and `k` held-out architectures. Values and costs are losses: less is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import FloatArray

__all__ = ["Frontier", "Promises", "kept_share", "paying_margin", "promises_of"]

_UNBELIEVABLE = 1e6
"""Deviations by which nothing is better."""
_BELIEF = 2.0
"""Promises of one deviation that are taken for kept."""
_LEAST_SHARE = 1e-9
"""Of a deviation: what is promised by less tells nothing, and its square may be no float."""


class Frontier:
    """The best value that was measured at no more than a cost.

    Args:
        measured: Value and cost of each, `float[n, 2]`.

    Example:
        >>> frontier = Frontier(np.array([[3.0, 1.0], [1.0, 2.0], [2.0, 4.0]]))
        >>> frontier(np.array([0.5, 1.0, 9.0])).tolist()
        [inf, 3.0, 1.0]
    """

    def __init__(self, measured: FloatArray) -> None:
        order = np.argsort(measured[:, 1], kind="stable")
        self._costs = measured[order, 1]
        self._best = np.append(np.inf, np.minimum.accumulate(measured[order, 0]))

    def __call__(self, costs: FloatArray) -> FloatArray:
        """Return the best value at each cost, infinite below the cheapest, `float[k]`."""
        best: FloatArray = self._best[np.searchsorted(self._costs, costs, side="right")]
        return best


@dataclass(frozen=True)
class Promises:
    """Held-out architectures beside the best known ones that cost no more.

    Attributes:
        promised: By how much each is predicted to be better, `float[k]`; negative where worse.
        deviations: How sure the model was of that, `float[k]`.
        gains: By how much it is better, `float[k]`.
    """

    promised: FloatArray
    deviations: FloatArray
    gains: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[Promises]) -> Promises:
        """Return the promises of several models together."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


def promises_of(
    known: FloatArray, measured: FloatArray, means: FloatArray, deviations: FloatArray
) -> Promises:
    """Return what was promised of architectures; those cheaper than all known ones are left out.

    Args:
        known: Value and cost of what the model has learned from, `float[n, 2]`.
        measured: Those of the held-out ones, `float[k, 2]`.
        means: The values predicted of these, `float[k]`.
        deviations: How sure of them, `float[k]`.
    """
    best = Frontier(known)(measured[:, 1])
    at = np.isfinite(best)
    return Promises(best[at] - means[at], deviations[at], best[at] - measured[at, 0])


def kept_share(promises: Promises) -> float:
    """Return which share of what was promised came true, 0 to 1: the slope of gains on promises.

    The boldest count most, as it is one of them that will be an answer, and none counts for more
    than it has promised, kept or broken. Two promises of one deviation are taken for kept before
    any was made: what is smaller than the model's errors tells little.

    Args:
        promises: What was promised.

    Example:
        >>> promised = np.array([1.0, 3.0])
        >>> sure = Promises(promised, deviations=promised / 1e9, gains=promised / 2)
        >>> round(kept_share(sure), 9)
        0.5
    """
    made = promises.promised > 0
    promised, deviations = promises.promised[made], promises.deviations[made]
    if len(promised) == 0:
        return 1.0
    unit, deviation = float(promised.max()), float(np.median(deviations))
    gains = np.clip(promises.gains[made], -promised, promised) / unit
    promised = promised / unit
    if unit < _LEAST_SHARE * deviation:
        return 1.0
    belief = _BELIEF * (deviation / unit) ** 2
    share = (promised @ gains + belief) / (promised @ promised + belief)
    return float(np.clip(share, 0.0, 1.0))


def paying_margin(promises: Promises, *, at_least: float) -> float:
    """Return the margin, in deviations, with the highest total gain of those promised by more.

    Of several such margins it is the largest. Where promises were made and no margin would have
    paid, nothing is believed, and still bolder promises least of all: a model that is wrong about
    what it praises praises most where it is most wrong.

    Args:
        promises: What was promised of later trials, those of a search for instance.
        at_least: The lowest margin to be considered.

    Example:
        >>> gains = np.array([-5.0, -1.0, 2.0, -1.0])
        >>> paying_margin(
        ...     Promises(np.array([0.5, 1.0, 2.0, 3.0]), np.ones(4), gains), at_least=0.2
        ... )
        1.0
        >>> paying_margin(Promises(np.ones(4), np.ones(4), -np.ones(4)), at_least=0.2)
        1000000.0
    """
    margins = promises.promised / promises.deviations
    candidates = np.unique(np.append(margins[margins > at_least], at_least))
    total = [float(promises.gains[margins > margin].sum()) for margin in candidates]
    best = len(total) - 1 - int(np.argmax(total[::-1]))
    if len(candidates) > 1 and total[best] <= 0:
        return _UNBELIEVABLE
    return float(candidates[best])
