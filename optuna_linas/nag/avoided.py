"""Networks that must be no answer: their trials failed, or violated a constraint.

Their value and cost are not learned from. Whether others that are like them are avoided as well is
decided by whoever has seen the trials (see `optuna_linas.avoiding`).

Shapes: `a` networks to avoid, `n` that work, `k` others, `d` variables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.predictors import StructuredGP
from optuna_linas.predictors.failure_model import failure_model
from optuna_linas.space import SearchSpace

__all__ = ["Avoidance", "Avoided"]


@dataclass(frozen=True)
class Avoided:
    """What must be no answer.

    Attributes:
        archs: Canonical rows, `int[a, d]`.
        tell: Which of them tell of others: what is more like these than like what works is avoided
            as well, `bool[a]`.

    Example:
        >>> avoided = Avoided(np.array([[0, 1], [0, 2]]), tell=np.array([False, False]))
        >>> avoided.without(np.array([[0, 1], [3, 3]])).archs.tolist()  # that has worked, too
        [[0, 2]]
    """

    archs: IntArray
    tell: BoolArray

    def without(self, archs: IntArray) -> Avoided:
        """Return those that are not among canonical rows, `int[n, d]`."""
        known = {arch.tobytes() for arch in archs}
        others = np.array([arch.tobytes() not in known for arch in self.archs], dtype=bool)
        return Avoided(self.archs[others], self.tell[others])


class Avoidance:
    """Tells which networks are to be avoided.

    Args:
        space: The search space.
        worked: Canonical rows that work, `int[n, d]`.
        avoided: What is known to be avoided, none of it among these.

    Example:
        >>> space = SearchSpace.from_choices({"op": ["a", "b"], "width": list(range(20))})
        >>> rows = space.canonical([[i % 2, i // 2] for i in range(40)])
        >>> avoided = Avoided(rows[1:20:2], np.ones(10, dtype=bool))  # "b"
        >>> Avoidance(space, rows[:20:2], avoided)(rows[36:]).tolist()
        [False, True, False, True]
    """

    def __init__(self, space: SearchSpace, worked: IntArray, avoided: Avoided) -> None:
        self._rows = {arch.tobytes() for arch in avoided.archs}
        self._model: StructuredGP | None = None
        alike = avoided.archs[avoided.tell]
        if len(alike):
            rows = np.concatenate([worked, alike])
            self._model = failure_model(space, rows, np.arange(len(rows)) >= len(worked))

    def __call__(self, archs: IntArray) -> BoolArray:
        """Return which of some canonical rows `int[k, d]` are to be avoided, `bool[k]`."""
        known = np.array([arch.tobytes() in self._rows for arch in archs], dtype=bool)
        return known if self._model is None else known | (self._model.predict(archs)[:, 0] > 0.5)
